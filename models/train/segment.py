#!/usr/bin/python3
"""Trains street-segment: what every part of a frame shows. Exported: [1, classes, 180, 320] scores for a 512x288 frame."""
import argparse
import math
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from data import Scenes, distort, open_split
from layers import MEAN, SCALE, Average, Merge, Trunk, conv, separable
from names import SEGMENT_CLASSES, STREET_CLASSES

# The street's masks have 320x180 cells for a frame the network sees as 512x288: 5 cells are 8 pixels.
CELLS, PIXELS = 5, 8
NOT_JUDGED = 255


class StreetSegment(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        self.merge16 = Merge(192, 128, 96)
        self.merge8 = Merge(96, 64, 64)
        self.merge4 = Merge(64, 32, 64)
        # Four cells of half size out of each: half-size convolutions would cost more than all the rest.
        self.classes = nn.Sequential(separable(64, 64), nn.Conv2d(64, 4 * len(SEGMENT_CLASSES), 1), nn.PixelShuffle(2))

    def forward(self, x):
        """Scores at half the input's size, brought to the size of the street's masks."""
        quarter, eighth, sixteenth, last = self.trunk(x)
        scores = self.classes(self.merge4(self.merge8(self.merge16(last, sixteenth), eighth), quarter))
        size = [scores.shape[2] * 2 * CELLS // PIXELS, scores.shape[3] * 2 * CELLS // PIXELS]
        return functional.interpolate(scores, size=size, mode="bilinear", align_corners=False)


class Exported(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network((x - MEAN) / SCALE)


def class_table():
    """Class of the network for each class of the street's truth."""
    table = np.full(256, NOT_JUDGED, np.uint8)
    for number, members in enumerate(SEGMENT_CLASSES.values()):
        for member in members:
            table[STREET_CLASSES.index(member)] = number
    return table


def make_batch(scenes, table, indices, size, rng):
    """size: of the window in blocks of 8 pixels (5 cells)."""
    patches, masks = [], []
    for index in indices:
        frame, mask = scenes.frames[index], scenes.masks[index]
        blocks_x, blocks_y = frame.shape[1] // PIXELS, frame.shape[0] // PIXELS
        left, top = rng.integers(0, blocks_x - size[0] + 1), rng.integers(0, blocks_y - size[1] + 1)
        patch = frame[top * PIXELS:(top + size[1]) * PIXELS, left * PIXELS:(left + size[0]) * PIXELS]
        cells = table[mask[top * CELLS:(top + size[1]) * CELLS, left * CELLS:(left + size[0]) * CELLS]]
        if rng.random() < 0.5:
            patch, cells = patch[:, ::-1], cells[:, ::-1]
        patches.append(patch)
        masks.append(cells)
    images = distort(torch.from_numpy(np.ascontiguousarray(np.stack(patches))), rng)
    return images, torch.from_numpy(np.ascontiguousarray(np.stack(masks))).long()


def train(options):
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    scenes = Scenes(open_split(options.data, "train"), masks=True)
    table = class_table()
    network = StreetSegment().to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in network.parameters())} parameters, {len(scenes)} frames", flush=True)
    # Rare classes weigh more: the inverse root of their share of all cells.
    share = np.bincount(table[scenes.masks[::10]].ravel(), minlength=256)[:len(SEGMENT_CLASSES)] + 1
    class_weight = torch.from_numpy((share / share.sum()) ** -0.35).float()
    class_weight /= class_weight.mean()
    optimiser = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=1e-3)
    average = Average(network, 0.998)
    whole = (scenes.frames.shape[2] // PIXELS, scenes.frames.shape[1] // PIXELS)
    steps_windows = int(options.samples * 0.9) // options.batch
    steps = steps_windows + int(options.samples * 0.1) // options.batch
    begin, total = time.monotonic(), 0.0
    order = np.array([], np.int64)
    network.train()
    for step in range(steps):
        if len(order) < options.batch:
            order = rng.permutation(len(scenes))
        indices, order = order[:options.batch], order[options.batch:]
        rate = options.rate * min((step + 1) / 200, 0.5 + 0.5 * math.cos(math.pi * step / steps) + 0.005)
        for group in optimiser.param_groups:
            group["lr"] = rate
        images, masks = make_batch(scenes, table, indices, (32, 20) if step < steps_windows else whole, rng)
        loss = functional.cross_entropy(network(images), masks, class_weight, ignore_index=NOT_JUDGED)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.update(network)
        total += loss.item()
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}/{steps}  loss {total / 50:.3f}  {time.monotonic() - begin:.0f} s", flush=True)
            total = 0.0
        if (step + 1) % 1000 == 0 or step + 1 == steps:
            torch.save(average.state, options.output / "street-segment.pt")
    network.load_state_dict(average.state)
    return network


def export(network, options, width=512, height=288):
    network = network.to(memory_format=torch.contiguous_format).eval()
    torch.onnx.export(Exported(network).eval(), torch.zeros(1, 3, height, width), options.output / "street-segment.onnx",
                      input_names=["image"], output_names=["scores"], opset_version=13)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("street-data"))
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("street-models"))
    parser.add_argument("--samples", type=int, default=50000, help="pictures to learn from, repetitions included")
    parser.add_argument("--batch", type=int, default=16,
                        help="below 16 torch 1.13 leaves oneDNN for a far slower path")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    export(train(options), options)


if __name__ == "__main__":
    main()
