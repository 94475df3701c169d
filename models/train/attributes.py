#!/usr/bin/python3
"""Trains street-vehicle-attributes: colour and type of a vehicle cut out of a frame, 64x64 pixels."""
import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from data import distort, open_split
from fit import Order, export, fit, launch, parser
from layers import MEAN, SCALE, conv, separable
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


def train(rank, options):
    crops, truth = load(options.data, "train")
    network = StreetVehicleAttributes()
    if options.start:
        network.load_state_dict(torch.load(options.start))
    order = None

    def losses_of(network, _step, rng):
        nonlocal order
        order = order or Order(np.ones(len(crops), int), rng)
        chosen = order.take(options.batch)
        images = np.stack([window(crops[i], rng, 0.12) for i in chosen])
        color, kind = network(smooth(torch.from_numpy(images), rng))
        wanted = torch.from_numpy(truth[chosen])
        return {"color": functional.cross_entropy(color, wanted[:, 0], label_smoothing=0.05),
                "type": 0.5 * functional.cross_entropy(kind, wanted[:, 1], label_smoothing=0.05)}

    fit(rank, options, network, "street-vehicle-attributes", options.samples // (options.batch * options.processes),
        losses_of)
    if rank == 0:
        color, kind = measure(network, *load(options.data, "validation"), np.random.default_rng(0))
        print(f"validation: colour {color:.4f}, type {kind:.4f}", flush=True)
        export(Exported(network), (1, 3, SIZE, SIZE), options.output / "street-vehicle-attributes.onnx", ["color", "type"])


def main():
    options = parser(__doc__, samples=170000, rate=2e-3)
    options.set_defaults(batch=64)
    launch(train, options.parse_args())


if __name__ == "__main__":
    main()
