"""Reads the shards of make_data.py and distorts pictures as cameras do."""
import numpy as np
import torch

from layers import normalise


def open_split(folder, split):
    files = sorted(path for path in (folder / split).glob("*.npz") if ".part" not in path.name)
    if not files:
        raise SystemExit(f"{folder / split}: no shards; run make_data.py first")
    return files


class Scenes:
    """All frames of a split in memory, and each frame's objects (rows of make_data.py's `objects`)."""

    def __init__(self, files, masks=False):
        frames, self.objects, mask_parts = [], [], []
        for file in files:
            shard = np.load(file)
            frames.append(shard["frames"])
            objects = shard["objects"]
            self.objects += [objects[objects[:, 0] == number] for number in range(len(frames[-1]))]
            if masks:
                mask_parts.append(shard["masks"])
        self.frames = np.concatenate(frames)
        self.masks = np.concatenate(mask_parts) if masks else None

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
