#!/usr/bin/python3
"""Trains street-segment: what every part of a frame shows. Exported: [1, classes, 180, 320] scores for a 512x288 frame."""
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from data import Scenes, distort, open_split
from fit import Order, export, fit, launch, parser
from layers import MEAN, SCALE, Merge, Trunk, conv, separable
from names import SEGMENT_CLASSES, SEGMENT_SIZE, STREET_CLASSES

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
        # Four cells of half size out of each, then the outlines of people from the stem.
        self.finer = nn.Sequential(conv(64, 64, 1, relu=False), nn.PixelShuffle(2))
        self.outlines = conv(16, 16, 1, relu=False)
        self.classes = nn.Sequential(separable(16, 16), nn.Conv2d(16, len(SEGMENT_CLASSES), 1))

    def forward(self, x):
        """Scores at half the input's size, brought to the size of the street's masks."""
        half, quarter, eighth, sixteenth, last = self.trunk(x)
        features = self.finer(self.merge4(self.merge8(self.merge16(last, sixteenth), eighth), quarter))
        scores = self.classes(functional.relu(features + self.outlines(half)))
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


def iou_loss(scores, masks):
    """1 - mean over the classes of the soft intersection over union in the batch: what is measured, made smooth.

    Cross entropy alone neglects classes with few cells.
    """
    judged = (masks != NOT_JUDGED).unsqueeze(1).float()
    truth = functional.one_hot(masks.clamp(max=len(SEGMENT_CLASSES) - 1), len(SEGMENT_CLASSES)).permute(0, 3, 1, 2)
    truth = truth.float() * judged
    guess = torch.softmax(scores, 1) * judged
    overlap = (guess * truth).sum((0, 2, 3))
    union = (guess + truth).sum((0, 2, 3)) - overlap
    return 1 - ((overlap + 1) / (union + 1)).mean()


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
        scores = network(images)
        return {"entropy": functional.cross_entropy(scores, masks, weight, ignore_index=NOT_JUDGED),
                "iou": iou_loss(scores, masks)}

    fit(rank, options, network, "street-segment", options.samples // (options.batch * options.processes), losses_of)
    if rank == 0:
        height, width = scenes.frames.shape[1:3]
        export(Exported(network), (1, 3, height, width), options.output / "street-segment.onnx", ["scores"])


def main():
    options = parser(__doc__, samples=120000, rate=3e-3)
    options.add_argument("--trunk", type=pathlib.Path, help="weights (.pt) of street-detect, whose trunk to begin with")
    options = options.parse_args()
    launch(train, options, Scenes(open_split(options.data, "train"), SEGMENT_SIZE, masks=True))


if __name__ == "__main__":
    main()
