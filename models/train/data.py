"""Reads the shards of make_data.py and distorts pictures as cameras do."""
import numpy as np
import torch

from layers import normalise
from names import frames_name


def open_split(folder, split):
    files = sorted(path for path in (folder / split).glob("*.npz") if ".part" not in path.name)
    if not files:
        raise SystemExit(f"{folder / split}: no shards; run make_data.py first")
    return files


class Scenes:
    """All frames of a split, shrunk to `size`, in memory, and each frame's objects (rows of make_data.py's `objects`)."""

    def __init__(self, files, size, masks=False):
        self.objects = []
        shards = [np.load(file) for file in files]
        counts = [len(shard["masks"]) for shard in shards]
        self.frames = np.empty((sum(counts), size[1], size[0], 3), np.uint8)
        self.masks = np.empty((sum(counts), *shards[0]["masks"].shape[1:]), np.uint8) if masks else None
        first = 0
        for shard, count in zip(shards, counts):
            self.frames[first:first + count] = shard[frames_name(size)]
            if masks:
                self.masks[first:first + count] = shard["masks"]
            objects = shard["objects"]
            self.objects += [objects[objects[:, 0] == number] for number in range(count)]
            first += count

    def __len__(self):
        return len(self.frames)


def distort(images, rng):
    """uint8 [N, H, W, 3] to network input, each picture with its own exposure, colour cast and noise."""
    x = normalise(images)
    count = x.shape[0]
    gain = torch.from_numpy(rng.uniform(0.75, 1.3, (count, 1, 1, 1)) * rng.uniform(0.93, 1.07, (count, 3, 1, 1))).float()
    offset = torch.from_numpy(rng.uniform(-0.25, 0.25, (count, 1, 1, 1))).float()
    x = x * gain + offset
    noisy = rng.random(count) < 0.3
    if noisy.any():
        x[noisy] += torch.randn_like(x[noisy]) * float(rng.uniform(0.02, 0.1))
    return x.contiguous(memory_format=torch.channels_last)
