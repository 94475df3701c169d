#!/usr/bin/python3
"""Trains street-detect: persons, cyclists, cars and trucks on one grid of a quarter of the input's size.

Every cell says how likely an object of each class has its centre there (heat map, focal loss) and how far the box's
sides are away (generalised IoU loss). The exported network gives [1, 8, cells]: centre x, centre y, width, height in
pixels of the input, then the four classes' scores, the layout of YOLOv8 exports.
"""
import argparse
import math
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from data import Scenes, distort, open_split
from layers import Average, Merge, MEAN, SCALE, Trunk, conv, normalise, separable
from names import DETECT_LABELS

STRIDE = 4
CLASSES = len(DETECT_LABELS)
# What counts as an object in training: a little more than what `fovea assess` judges.
LEAST_HEIGHT = 22 / 720
LEAST_VISIBLE = 0.25
LEAST_IN_FRAME = 0.25


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
        quarter, eighth, sixteenth, last = self.trunk(x)
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
        sx, sy = max(0.09 * (right - left), 0.4), max(0.09 * (bottom - top), 0.4)
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


def train(options):
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    scenes = Scenes(open_split(options.data, "train"))
    network = StreetDetect().to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in network.parameters())} parameters, {len(scenes)} frames", flush=True)
    optimiser = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=1e-3)
    average = Average(network, 0.998)
    # Windows first, whole frames for the last fifth: the network must know how a frame's edges look.
    whole = (scenes.frames.shape[2], scenes.frames.shape[1])
    steps_windows = int(options.samples * 0.85) // options.batch
    steps = steps_windows + int(options.samples * 0.15) // options.batch
    begin = time.monotonic()
    total = {"heat": 0.0, "box": 0.0}
    order = np.array([], np.int64)
    network.train()
    for step in range(steps):
        if len(order) < options.batch:
            order = rng.permutation(len(scenes))
        indices, order = order[:options.batch], order[options.batch:]
        rate = options.rate * min((step + 1) / 200, 0.5 + 0.5 * math.cos(math.pi * step / steps) + 0.005)
        for group in optimiser.param_groups:
            group["lr"] = rate
        images, (heat, boxes, weight, care) = make_batch(
            scenes, indices, (320, 192) if step < steps_windows else whole, rng)
        logits, sides = network(images)
        heat_loss, box_loss = focal_loss(logits, heat, care), giou_loss(sides, boxes, weight)
        optimiser.zero_grad(set_to_none=True)
        (heat_loss + 2.5 * box_loss).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimiser.step()
        average.update(network)
        total["heat"] += heat_loss.item()
        total["box"] += box_loss.item()
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}/{steps}  heat {total['heat'] / 50:.3f}  box {total['box'] / 50:.3f}  "
                  f"{time.monotonic() - begin:.0f} s", flush=True)
            total = {"heat": 0.0, "box": 0.0}
        if (step + 1) % 1000 == 0 or step + 1 == steps:
            torch.save(average.state, options.output / "street-detect.pt")
    network.load_state_dict(average.state)
    return network


def export(network, options, width=512, height=288):
    network.eval()
    example = torch.zeros(1, 3, height, width)
    torch.onnx.export(Exported(network.to(memory_format=torch.contiguous_format), width, height).eval(), example,
                      options.output / "street-detect.onnx", input_names=["image"], output_names=["boxes"],
                      opset_version=13)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("street-data"))
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("street-models"))
    parser.add_argument("--samples", type=int, default=130000, help="pictures to learn from, repetitions included")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    export(train(options), options)


if __name__ == "__main__":
    main()
