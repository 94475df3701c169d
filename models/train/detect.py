#!/usr/bin/python3
"""Trains street-detect: persons, cyclists, cars and trucks on one grid of a quarter of the input's size.

Every cell says how likely an object of each class has its centre there (heat map, focal loss) and how far the box's
sides are away (generalised IoU loss). The exported network gives [1, 8, cells]: centre x, centre y, width, height in
pixels of the input, then the four classes' scores, the layout of YOLOv8 exports.
"""
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from data import Scenes, distort, open_split
from fit import Order, export, fit, launch, parser
from layers import MEAN, SCALE, Merge, Trunk, separable
from names import DETECT_LABELS, DETECT_SIZE

STRIDE = 4
CLASSES = len(DETECT_LABELS)
# What counts as an object in training: a little more than what `fovea assess` judges.
LEAST_HEIGHT = 22 / 720
LEAST_VISIBLE = 0.25
LEAST_IN_FRAME = 0.25
WINDOW = (320, 192)  # pixels; what is cut out of a frame for most of the training
BOX_WEIGHT = 2.5


class StreetDetect(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        self.merge16 = Merge(192, 128, 96)
        self.merge8 = Merge(96, 64, 64)
        self.merge4 = Merge(64, 32, 48)
        self.heat = nn.Sequential(separable(48, 48), nn.Conv2d(48, CLASSES, 1))
        self.sides = nn.Sequential(separable(48, 48), nn.Conv2d(48, 4, 1))
        nn.init.constant_(self.heat[-1].bias, -4.0)
        nn.init.constant_(self.sides[-1].bias, 1.0)

    def forward(self, x):
        """Logits [N, classes, h, w] and distances of the sides [N, 4 (left, top, right, bottom), h, w] in input pixels."""
        _, quarter, eighth, sixteenth, last = self.trunk(x)
        features = self.merge4(self.merge8(self.merge16(last, sixteenth), eighth), quarter)
        return self.heat(features), torch.exp(self.sides(features).clamp(max=5.5)) * STRIDE


class Exported(nn.Module):
    """The network with its boxes put together, as deployed."""

    def __init__(self, network, width, height):
        super().__init__()
        self.network = network
        ys, xs = torch.meshgrid(torch.arange(height // STRIDE), torch.arange(width // STRIDE), indexing="ij")
        self.register_buffer("centres", (torch.stack([xs, ys]).float() + 0.5).mul(STRIDE).unsqueeze(0))

    def forward(self, x):
        heat, sides = self.network((x - MEAN) / SCALE)
        near, far = sides[:, :2], sides[:, 2:]
        boxes = torch.cat([self.centres + (far - near) * 0.5, near + far, torch.sigmoid(heat)], 1)
        return boxes.flatten(2)


def make_targets(objects, width, height):
    """Heat map, boxes (corners in pixels), weight of each cell's box, and weight of its heat.

    objects: float [n, 8] label, left, top, right, bottom (pixels, clipped to the picture), visible, in_frame, judged.
    """
    w, h = width // STRIDE, height // STRIDE
    heat = np.zeros((CLASSES, h, w), np.float32)
    boxes = np.zeros((4, h, w), np.float32)
    weight = np.zeros((h, w), np.float32)
    care = np.ones((h, w), np.float32)
    order = np.argsort(-(objects[:, 3] - objects[:, 1]) * (objects[:, 4] - objects[:, 2]))  # small ones written last
    for row in objects[order]:
        label, corners, judged = int(row[0]), row[1:5], row[7]
        left, top, right, bottom = corners / STRIDE
        if not judged:
            care[int(top):math.ceil(bottom), int(left):math.ceil(right)] = 0
            continue
        cx, cy = (left + right) / 2, (top + bottom) / 2
        ix, iy = min(int(cx), w - 1), min(int(cy), h - 1)
        # A gaussian with a deviation of 9 % of the box's size, as in Training-Time-Friendly Network (arXiv:1909.00700).
        # Never below 0.65 cells: which of two neighbours holds the middle of a small thing is a matter of chance.
        sx, sy = max(0.09 * (right - left), 0.65), max(0.09 * (bottom - top), 0.65)
        rx, ry = int(3 * sx) + 1, int(3 * sy) + 1
        x0, x1, y0, y1 = max(0, ix - rx), min(w, ix + rx + 1), max(0, iy - ry), min(h, iy + ry + 1)
        gx = np.exp(-((np.arange(x0, x1) - ix) ** 2) / (2 * sx * sx))
        gy = np.exp(-((np.arange(y0, y1) - iy) ** 2) / (2 * sy * sy))
        bell = (gy[:, None] * gx[None, :]).astype(np.float32)
        np.maximum(heat[label, y0:y1, x0:x1], bell, out=heat[label, y0:y1, x0:x1])
        near = bell > 0.2
        boxes[:, y0:y1, x0:x1][:, near] = corners[:, None]
        weight[y0:y1, x0:x1][near] = bell[near] / bell[near].sum()
        care[iy, ix] = 1
    return heat, boxes, weight, care


def focal_loss(logits, heat, care):
    """Penalty-reduced focal loss of CenterNet (arXiv:1904.07850), per object."""
    p = torch.sigmoid(logits)
    positive = (heat == 1).float()
    log_p, log_q = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    loss = positive * (1 - p) ** 2 * log_p + (1 - positive) * care.unsqueeze(1) * (1 - heat) ** 4 * p ** 2 * log_q
    return -loss.sum() / positive.sum().clamp(min=1)


def giou_loss(sides, boxes, weight):
    """Generalised IoU (arXiv:1902.09630) at the cells that have a box."""
    image, ys, xs = torch.nonzero(weight, as_tuple=True)
    if image.numel() == 0:
        return sides.sum() * 0
    near_far = sides[image, :, ys, xs]
    truth = boxes[image, :, ys, xs]
    centre = (torch.stack([xs, ys], 1).float() + 0.5) * STRIDE
    low, high = centre - near_far[:, :2], centre + near_far[:, 2:]
    overlap = (torch.minimum(high, truth[:, 2:]) - torch.maximum(low, truth[:, :2])).clamp(min=0).prod(1)
    union = (high - low).prod(1) + (truth[:, 2:] - truth[:, :2]).prod(1) - overlap
    hull = (torch.maximum(high, truth[:, 2:]) - torch.minimum(low, truth[:, :2])).prod(1)
    giou = overlap / union - (hull - union) / hull
    w = weight[image, ys, xs]
    return ((1 - giou) * w).sum() / w.sum()


def cut(scenes, index, size, rng):
    """A window of a frame and its objects, mirrored at random."""
    frame = scenes.frames[index]
    height, width = frame.shape[:2]
    w, h = size
    # Little happens in the sky: windows lie in the lower part more often.
    left = rng.integers(0, width - w + 1)
    top = int(round((height - h) * rng.beta(2.0, 1.2))) if h < height else 0
    patch = frame[top:top + h, left:left + w]
    objects = scenes.objects[index]
    corners = np.stack([objects[:, 2] * width - left, objects[:, 3] * height - top,
                        (objects[:, 2] + objects[:, 4]) * width - left, (objects[:, 3] + objects[:, 5]) * height - top], 1)
    area = np.maximum(objects[:, 4] * width * objects[:, 5] * height, 1e-6)
    clipped = np.stack([corners[:, 0].clip(0, w), corners[:, 1].clip(0, h), corners[:, 2].clip(0, w), corners[:, 3].clip(0, h)], 1)
    share = (clipped[:, 2] - clipped[:, 0]) * (clipped[:, 3] - clipped[:, 1]) / area
    judged = ((objects[:, 5] >= LEAST_HEIGHT) & (objects[:, 6] >= LEAST_VISIBLE)
              & (objects[:, 7] * share >= LEAST_IN_FRAME))
    rows = np.concatenate([objects[:, 1:2], clipped, objects[:, 6:8], judged[:, None].astype(np.float32)], 1)[share > 0]
    if rng.random() < 0.5:
        patch = patch[:, ::-1]
        rows[:, [1, 3]] = w - rows[:, [3, 1]]
    return patch, rows


def make_batch(scenes, indices, size, rng):
    patches, targets = [], []
    for index in indices:
        patch, rows = cut(scenes, index, size, rng)
        patches.append(patch)
        targets.append(make_targets(rows, *size))
    images = distort(torch.from_numpy(np.ascontiguousarray(np.stack(patches))), rng)
    return images, [torch.from_numpy(np.stack(part)) for part in zip(*targets)]


def copies_of(scenes):
    """Frames with a cyclist come twice, those with a truck three times a round: both are rarer than the others."""
    labels = [set(objects[:, 1].astype(int)) for objects in scenes.objects]
    return [1 + (DETECT_LABELS.index("cyclist") in seen) + 2 * (DETECT_LABELS.index("truck") in seen) for seen in labels]


def train(rank, options, scenes):
    network = StreetDetect()
    if options.start:
        network.load_state_dict(torch.load(options.start))
    # Windows first, whole frames then: the network must know how a frame's edges look.
    whole = (scenes.frames.shape[2], scenes.frames.shape[1])
    together = options.batch * options.processes
    steps_windows = int(options.samples * (1 - options.whole_share)) // together
    steps = steps_windows + int(options.samples * options.whole_share) // together
    order = None

    def losses_of(network, step, rng):
        nonlocal order
        order = order or Order(copies_of(scenes), rng)
        size = WINDOW if step < steps_windows else whole
        images, (heat, boxes, weight, care) = make_batch(scenes, order.take(options.batch), size, rng)
        logits, sides = network(images)
        return {"heat": focal_loss(logits, heat, care), "box": BOX_WEIGHT * giou_loss(sides, boxes, weight)}

    fit(rank, options, network, "street-detect", steps, losses_of)
    if rank == 0:
        export(Exported(network, *whole), (1, 3, whole[1], whole[0]), options.output / "street-detect.onnx", ["boxes"])


def main():
    options = parser(__doc__, samples=320000, rate=3e-3)
    options.add_argument("--whole-share", type=float, default=0.1, help="of the pictures; the others are windows")
    options = options.parse_args()
    launch(train, options, Scenes(open_split(options.data, "train"), DETECT_SIZE))


if __name__ == "__main__":
    main()
