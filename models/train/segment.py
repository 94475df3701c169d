#!/usr/bin/python3
"""Trains street-segment: what every part of a frame shows. Exported: [1, classes, 180, 320] scores for a 512x288 frame."""
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from data import Scenes, distort, open_split
from fit import Order, export, fit, launch, parser
from layers import MEAN, SCALE, Merge, Trunk, separable
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


def make_batch(scenes, table, indices, rng):
    """Whole frames: what a wall and what a gray sky is, only the surroundings tell."""
    frames, masks = scenes.frames[indices], table[scenes.masks[indices]]
    for number in range(len(indices)):
        if rng.random() < 0.5:
            frames[number], masks[number] = frames[number, :, ::-1].copy(), masks[number, :, ::-1].copy()
    return distort(torch.from_numpy(frames), rng), torch.from_numpy(masks).long()


def class_weights(scenes, table):
    """Rare classes weigh more: by a power of their share of all cells."""
    count = np.bincount(table[scenes.masks[::10]].ravel(), minlength=256)[:len(SEGMENT_CLASSES)] + 1
    weight = torch.from_numpy((count / count.sum()) ** -0.2).float()
    return weight / weight.mean()


def train(rank, options, scenes):
    table = class_table()
    weight = class_weights(scenes, table)
    network = StreetSegment()
    if options.start:
        network.load_state_dict(torch.load(options.start))
    elif options.trunk:
        weights = torch.load(options.trunk)
        network.trunk.load_state_dict({name.removeprefix("trunk."): value for name, value in weights.items()
                                       if name.startswith("trunk.")})
    order = None

    def losses_of(network, _step, rng):
        nonlocal order
        order = order or Order(np.ones(len(scenes), int), rng)
        images, masks = make_batch(scenes, table, order.take(options.batch), rng)
        return {"loss": functional.cross_entropy(network(images), masks, weight, ignore_index=NOT_JUDGED)}

    fit(rank, options, network, "street-segment", options.samples // (options.batch * options.processes), losses_of)
    if rank == 0:
        height, width = scenes.frames.shape[1:3]
        export(Exported(network), (1, 3, height, width), options.output / "street-segment.onnx", ["scores"])


def main():
    options = parser(__doc__, samples=60000, rate=3e-3)
    options.add_argument("--trunk", type=pathlib.Path, help="weights (.pt) of street-detect, whose trunk to begin with")
    options = options.parse_args()
    launch(train, options, Scenes(open_split(options.data, "train"), masks=True))


if __name__ == "__main__":
    main()
