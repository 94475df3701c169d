#!/usr/bin/python3
"""Exports networks of torchvision and of this file to ONNX, with an input and what PyTorch computes from it.

Usage: export_models.py FOLDER. Weights are random and the same in every run. Does nothing when FOLDER holds what this
script, with this PyTorch, has written before.
"""
import hashlib
import pathlib
import shutil
import sys

import numpy
import torch
import torchvision
from torch import nn

OPSET = 13


def convolution(inputs, outputs, kernel=1, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.SiLU())


class Bottleneck(nn.Module):
    def __init__(self, channels, shortcut):
        super().__init__()
        self.body = nn.Sequential(convolution(channels, channels, 3), convolution(channels, channels, 3))
        self.shortcut = shortcut

    def forward(self, x):
        return x + self.body(x) if self.shortcut else self.body(x)


class SplitBlock(nn.Module):
    """Halves pass a growing chain of bottlenecks; all links are concatenated."""

    def __init__(self, inputs, outputs, count=1, shortcut=True):
        super().__init__()
        self.first = convolution(inputs, outputs)
        self.chain = nn.ModuleList(Bottleneck(outputs // 2, shortcut) for _ in range(count))
        self.last = convolution((2 + count) * outputs // 2, outputs)

    def forward(self, x):
        links = list(self.first(x).chunk(2, 1))
        for link in self.chain:
            links.append(link(links[-1]))
        return self.last(torch.cat(links, 1))


class PyramidPooling(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = convolution(channels, channels // 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.last = convolution(2 * channels, channels)

    def forward(self, x):
        links = [self.first(x)]
        for _ in range(3):
            links.append(self.pool(links[-1]))
        return self.last(torch.cat(links, 1))


class Detector(nn.Module):
    """Three scales, up and down again; each box side is the mean of a distribution over 16 distances."""

    bins = 16

    def __init__(self, classes=20, width=16):
        super().__init__()
        w = width
        self.stem = nn.Sequential(convolution(3, w, 3, 2), convolution(w, 2 * w, 3, 2), SplitBlock(2 * w, 2 * w))
        self.down3 = nn.Sequential(convolution(2 * w, 4 * w, 3, 2), SplitBlock(4 * w, 4 * w, 2))
        self.down4 = nn.Sequential(convolution(4 * w, 8 * w, 3, 2), SplitBlock(8 * w, 8 * w, 2))
        self.down5 = nn.Sequential(convolution(8 * w, 16 * w, 3, 2), SplitBlock(16 * w, 16 * w), PyramidPooling(16 * w))
        self.up = nn.Upsample(scale_factor=2)
        self.merge4 = SplitBlock(24 * w, 8 * w, shortcut=False)
        self.merge3 = SplitBlock(12 * w, 4 * w, shortcut=False)
        self.back4 = convolution(4 * w, 4 * w, 3, 2)
        self.merge4b = SplitBlock(12 * w, 8 * w, shortcut=False)
        self.boxes = nn.ModuleList(
            nn.Sequential(convolution(c, 4 * w, 3), nn.Conv2d(4 * w, 4 * self.bins, 1)) for c in (4 * w, 8 * w, 16 * w))
        self.classes = nn.ModuleList(
            nn.Sequential(convolution(c, 4 * w, 3), nn.Conv2d(4 * w, classes, 1)) for c in (4 * w, 8 * w, 16 * w))
        self.register_buffer("distances", torch.arange(self.bins, dtype=torch.float).view(1, self.bins, 1, 1))

    def forward(self, x):
        p3 = self.down3(self.stem(x))
        p4 = self.down4(p3)
        p5 = self.down5(p4)
        m4 = self.merge4(torch.cat([self.up(p5), p4], 1))
        m3 = self.merge3(torch.cat([self.up(m4), p3], 1))
        m4 = self.merge4b(torch.cat([self.back4(m3), m4], 1))
        sides, scores, centres, strides = [], [], [], []
        for level, stride in enumerate((8, 16, 32)):
            features = (m3, m4, p5)[level]
            batch, _, height, width = features.shape
            sides.append(self.boxes[level](features).view(batch, 4 * self.bins, -1))
            scores.append(self.classes[level](features).flatten(2))
            y, x_ = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
            centres.append(torch.stack((x_, y)).view(2, -1))
            strides.append(torch.full((1, height * width), float(stride)))
        side = torch.cat(sides, 2)
        batch, _, anchors = side.shape
        side = side.view(batch, 4, self.bins, anchors).transpose(1, 2).softmax(1)
        side = (side * self.distances).sum(1)
        centre, stride = torch.cat(centres, 1), torch.cat(strides, 1)
        near, far = side.chunk(2, 1)
        low, high = centre - near, centre + far
        boxes = torch.cat(((low + high) / 2, high - low), 1) * stride
        return torch.cat((boxes, torch.cat(scores, 2).sigmoid()), 1)


class Detections(nn.Module):
    """A torchvision detector from the image to the boxes it chooses. Which boxes those are hangs on the order of their
    scores, so these shall differ by more than f32 rounding: random weights alone make nearly equal ones."""

    def __init__(self, detector):
        super().__init__()
        self.detector = detector

    def spread_scores(self, side):
        """Normalises what batch normalisations see, and widens the last layers of the scores."""
        for module in self.detector.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        for module in self.detector.head.classification_head.modules():
            if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1):
                nn.init.normal_(module.weight, 0, 0.05)
        self.detector.train()
        with torch.no_grad():
            self.detector.head(list(self.detector.backbone(2 * torch.rand(2, 3, side, side) - 1).values()))
        self.eval()

    def image(self, side):
        """An image whose detections have scores that are far enough apart."""
        for _ in range(20):
            x = torch.rand(1, 3, side, side)
            with torch.no_grad():
                scores = self(x)[2]
            if len(scores) > 1 and (scores[:-1] - scores[1:]).min() > 2e-4:
                return x
        sys.exit("no image gives detections with distinct scores")

    def forward(self, x):
        found = self.detector([x[0]])[0]
        return found["boxes"], found["labels"], found["scores"]


class Segmentation(nn.Module):
    """The main output alone."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)["out"]


def networks():
    """Name, side of the square input, network."""
    models = torchvision.models
    yield "mobilenet_v2", 96, models.mobilenet_v2(num_classes=100)
    yield "resnet50", 96, models.resnet50(num_classes=100)
    yield "efficientnet_b0", 96, models.efficientnet_b0(num_classes=100)
    yield "ssdlite", 320, Detections(models.detection.ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=4, topk_candidates=30, detections_per_img=15))
    yield "deeplabv3", 96, Segmentation(
        models.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21))
    yield "detector", 128, Detector()
    yield "vit_tiny", 96, models.VisionTransformer(
        image_size=96, patch_size=16, num_layers=6, num_heads=3, hidden_dim=192, mlp_dim=768, num_classes=100)


def randomise(network):
    """Fresh batch normalisations are the identity and some last layers 0; they shall not be."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.8, 1.2)
            nn.init.normal_(module.bias, 0, 0.1)
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.8, 1.2)
        elif isinstance(module, nn.Linear) and module.weight.abs().max() == 0:
            nn.init.normal_(module.weight, 0, 0.02)


def export(folder, name, side, network):
    network.eval()
    randomise(network)
    if isinstance(network, Detections):
        network.spread_scores(side)
        x = network.image(side)
    else:
        x = torch.rand(1, 3, side, side)
    with torch.no_grad():
        outputs = network(x)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    names = [f"output{i}" for i in range(len(outputs))]
    torch.onnx.export(network, x, folder / f"{name}.onnx", opset_version=OPSET, input_names=["image"], output_names=names)
    numpy.save(folder / f"{name}.image.npy", x.numpy())
    for output_name, value in zip(names, outputs):
        numpy.save(folder / f"{name}.{output_name}.npy", value.numpy())


def main():
    folder = pathlib.Path(sys.argv[1])
    stamp = folder / "written_by"
    identity = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest() + f" {torch.__version__} {torchvision.__version__}"
    if stamp.exists() and stamp.read_text() == identity:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.set_num_threads(1)
    torch.manual_seed(1)
    for name, side, network in networks():
        export(folder, name, side, network)
    stamp.write_text(identity)


if __name__ == "__main__":
    main()
