#!/usr/bin/python3
"""Trains street-vehicle-attributes: colour and type of a vehicle cut out of a frame, 64x64 pixels."""
import argparse
import math
import pathlib
import time

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from data import distort, open_split
from layers import MEAN, SCALE, Average, conv, separable
from make_data import CROP, SURROUNDINGS
from names import COLORS, VEHICLE_TYPES

SIZE = 64


class StreetVehicleAttributes(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 24, 3, 2), conv(24, 48, 3, 2), separable(48, 48), separable(48, 96, 3, 2), separable(96, 96),
            separable(96, 160, 3, 2), separable(160, 160))
        self.color = nn.Linear(160, len(COLORS))
        self.kind = nn.Linear(160, len(VEHICLE_TYPES))

    def forward(self, x):
        features = self.features(x).mean((2, 3))
        return self.color(features), self.kind(features)


class Exported(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        color, kind = self.network((x - MEAN) / SCALE)
        return torch.softmax(color, 1), torch.softmax(kind, 1)


def window(crop, rng, jitter):
    """The box of a detector that is a little off, as the network's input."""
    inner = CROP * SURROUNDINGS / (1 + 2 * SURROUNDINGS)
    size = CROP - 2 * inner
    left, top, right, bottom = np.array([inner, inner, CROP - inner, CROP - inner]) + size * jitter * rng.uniform(-1, 1, 4)
    scale_x, scale_y = (right - left) / SIZE, (bottom - top) / SIZE
    matrix = np.array([[scale_x, 0, left + 0.5 * scale_x - 0.5], [0, scale_y, top + 0.5 * scale_y - 0.5]])
    return cv2.warpAffine(crop, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)


def load(folder, split):
    shards = [np.load(file) for file in open_split(folder, split)]
    return np.concatenate([s["crops"] for s in shards]), np.concatenate([s["crop_truth"] for s in shards])


def smooth(images, rng):
    """Exposure and noise; colours keep their hue, it is what is asked."""
    x = distort(images, rng)
    mirrored = torch.from_numpy(rng.random(len(x)) < 0.5)
    x[mirrored] = x[mirrored].flip(3)
    return x


def measure(network, crops, truth, rng):
    network.eval()
    hits = np.zeros(2)
    with torch.no_grad():
        for begin in range(0, len(crops), 256):
            images = np.stack([window(crop, rng, 0.03) for crop in crops[begin:begin + 256]])
            x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - MEAN) / SCALE
            for index, scores in enumerate(network(x)):
                hits[index] += (scores.argmax(1).numpy() == truth[begin:begin + 256, index]).sum()
    network.train()
    return hits / len(crops)


def train(options):
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    crops, truth = load(options.data, "train")
    checks = load(options.data, "validation")
    network = StreetVehicleAttributes().to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in network.parameters())} parameters, {len(crops)} crops", flush=True)
    optimiser = torch.optim.AdamW(network.parameters(), options.rate, weight_decay=1e-2)
    average = Average(network, 0.995)
    steps = options.epochs * (len(crops) // options.batch)
    begin, step = time.monotonic(), 0
    network.train()
    for epoch in range(options.epochs):
        order, total = rng.permutation(len(crops)), 0.0
        for first in range(0, len(crops) - options.batch + 1, options.batch):
            for group in optimiser.param_groups:
                group["lr"] = options.rate * min((step + 1) / 100, 0.5 + 0.5 * math.cos(math.pi * step / steps) + 0.005)
            chosen = order[first:first + options.batch]
            images = np.stack([window(crops[i], rng, 0.12) for i in chosen])
            color, kind = network(smooth(torch.from_numpy(images), rng))
            wanted = torch.from_numpy(truth[chosen])
            loss = (functional.cross_entropy(color, wanted[:, 0], label_smoothing=0.05)
                    + 0.5 * functional.cross_entropy(kind, wanted[:, 1], label_smoothing=0.05))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            average.update(network)
            total += loss.item()
            step += 1
        color, kind = measure(network, *checks, np.random.default_rng(0))
        print(f"epoch {epoch + 1}/{options.epochs}  loss {total / (len(crops) // options.batch):.3f}  validation: colour "
              f"{color:.4f}, type {kind:.4f}  {time.monotonic() - begin:.0f} s", flush=True)
    network.load_state_dict(average.state)
    color, kind = measure(network, *checks, np.random.default_rng(0))
    print(f"average of weights: colour {color:.4f}, type {kind:.4f}", flush=True)
    return network


def export(network, options):
    network = network.to(memory_format=torch.contiguous_format).eval()
    torch.onnx.export(Exported(network).eval(), torch.zeros(1, 3, SIZE, SIZE),
                      options.output / "street-vehicle-attributes.onnx", input_names=["image"],
                      output_names=["color", "type"], opset_version=13)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("street-data"))
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("street-models"))
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    export(train(options), options)


if __name__ == "__main__":
    main()
