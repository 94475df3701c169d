#!/usr/bin/python3
"""Makes the models of the benchmark with Debian's python3-torch and python3-torchvision: random weights, ONNX.

    bench/peers/make_models.py FOLDER [NAME…]

Normalisation statistics are settled on noise, so activations have the size they have in trained networks.
"""
import argparse
import pathlib

import onnx
import torch
import torchvision
from torch import nn
from torch.nn import functional


class ConvUnit(nn.Sequential):
    """Convolution, normalisation, SiLU."""

    def __init__(self, inputs, outputs, size=1, stride=1):
        super().__init__(nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
                         nn.BatchNorm2d(outputs, eps=1e-3), nn.SiLU())


class Bottleneck(nn.Module):
    def __init__(self, channels, shortcut):
        super().__init__()
        self.body = nn.Sequential(ConvUnit(channels, channels, 3), ConvUnit(channels, channels, 3))
        self.shortcut = shortcut

    def forward(self, x):
        return x + self.body(x) if self.shortcut else self.body(x)


class SplitStage(nn.Module):
    """YOLOv8's stage: half of the channels pass through a chain whose every link is kept."""

    def __init__(self, inputs, outputs, depth, shortcut=True):
        super().__init__()
        self.half = outputs // 2
        self.enter = ConvUnit(inputs, outputs)
        self.leave = ConvUnit((2 + depth) * self.half, outputs)
        self.chain = nn.ModuleList(Bottleneck(self.half, shortcut) for _ in range(depth))

    def forward(self, x):
        parts = list(torch.split(self.enter(x), self.half, 1))
        for link in self.chain:
            parts.append(link(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class PoolPyramid(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.enter, self.leave = ConvUnit(channels, channels // 2), ConvUnit(2 * channels, channels)

    def forward(self, x):
        parts = [self.enter(x)]
        for _ in range(3):
            parts.append(functional.max_pool2d(parts[-1], 5, 1, 2))
        return self.leave(torch.cat(parts, 1))


class YoloLike(nn.Module):
    """A detector with YOLOv8n's layers, 80 classes, 640x640; exported are the raw scores and distances of all cells."""

    def __init__(self, classes=80):
        super().__init__()
        self.stem = nn.Sequential(ConvUnit(3, 16, 3, 2), ConvUnit(16, 32, 3, 2), SplitStage(32, 32, 1))
        self.eighth = nn.Sequential(ConvUnit(32, 64, 3, 2), SplitStage(64, 64, 2))
        self.sixteenth = nn.Sequential(ConvUnit(64, 128, 3, 2), SplitStage(128, 128, 2))
        self.last = nn.Sequential(ConvUnit(128, 256, 3, 2), SplitStage(256, 256, 1), PoolPyramid(256))
        self.up16, self.up8 = SplitStage(384, 128, 1, False), SplitStage(192, 64, 1, False)
        self.down16, self.merge16 = ConvUnit(64, 64, 3, 2), SplitStage(192, 128, 1, False)
        self.down32, self.merge32 = ConvUnit(128, 128, 3, 2), SplitStage(384, 256, 1, False)
        self.sides = nn.ModuleList(self.head(channels, 64, 64) for channels in (64, 128, 256))
        self.scores = nn.ModuleList(self.head(channels, 80, classes) for channels in (64, 128, 256))

    @staticmethod
    def head(inputs, channels, outputs):
        return nn.Sequential(ConvUnit(inputs, channels, 3), ConvUnit(channels, channels, 3), nn.Conv2d(channels, outputs, 1))

    def forward(self, x):
        eighth = self.eighth(self.stem(x))
        sixteenth = self.sixteenth(eighth)
        last = self.last(sixteenth)
        double = lambda y: functional.interpolate(y, scale_factor=2.0, mode="nearest")  # noqa: E731
        up16 = self.up16(torch.cat([double(last), sixteenth], 1))
        out8 = self.up8(torch.cat([double(up16), eighth], 1))
        out16 = self.merge16(torch.cat([self.down16(out8), up16], 1))
        out32 = self.merge32(torch.cat([self.down32(out16), last], 1))
        return torch.cat([torch.cat([sides(y), scores(y)], 1).flatten(2)
                          for sides, scores, y in zip(self.sides, self.scores, (out8, out16, out32))], 2)


class SmallUNet(nn.Module):
    def __init__(self, base=16, classes=2):
        super().__init__()
        widths = [base << level for level in range(5)]
        self.down = nn.ModuleList([self.pair(3, base)] + [self.pair(widths[i], widths[i + 1]) for i in range(4)])
        self.up = nn.ModuleList(nn.ConvTranspose2d(widths[i + 1], widths[i], 2, 2) for i in range(4))
        self.merge = nn.ModuleList(self.pair(2 * widths[i], widths[i]) for i in range(4))
        self.classes = nn.Conv2d(base, classes, 1)

    @staticmethod
    def pair(inputs, outputs):
        unit = lambda a, b: [nn.Conv2d(a, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]  # noqa: E731
        return nn.Sequential(*unit(inputs, outputs), *unit(outputs, outputs))

    def forward(self, x):
        kept = []
        for level, stage in enumerate(self.down):
            x = stage(x if level == 0 else functional.max_pool2d(x, 2))
            kept.append(x)
        for level in (3, 2, 1, 0):
            x = self.merge[level](torch.cat([self.up[level](x), kept[level]], 1))
        return self.classes(x)


class RawDetector(nn.Module):
    """Backbone and heads of SSDLite without its post-processing, which the engines do differently."""

    def __init__(self):
        super().__init__()
        whole = torchvision.models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)
        self.backbone, self.head = whole.backbone, whole.head

    def forward(self, x):
        outputs = self.head(list(self.backbone(x).values()))
        return outputs["bbox_regression"], outputs["cls_logits"].softmax(-1)


class OneOutput(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)["out"]


def deeplab():
    return OneOutput(torchvision.models.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None))


MODELS = {
    "mobilenet_v2": (lambda: torchvision.models.mobilenet_v2(weights=None), 224),
    "resnet18": (lambda: torchvision.models.resnet18(weights=None), 224),
    "resnet50": (lambda: torchvision.models.resnet50(weights=None), 224),
    "efficientnet_b0": (lambda: torchvision.models.efficientnet_b0(weights=None), 224),
    "ssdlite_mbv3": (RawDetector, 320),
    "deeplabv3_mbv3": (deeplab, 512),
    "yolov8n_like": (YoloLike, 640),
    "unet_small": (SmallUNet, 256),
}

# OpenCV 4.6 reads Clip only with limits as attributes, as written before opset 11.
WITH_RELU6 = {"mobilenet_v2"}


def settle(network, size):
    """Weights of unit gain, and normalisation statistics of what then comes along."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean
    network.train()
    with torch.no_grad():
        network(torch.randn(2, 3, size, size))
    return network.eval()


def remove_identities(path):
    """The exporter shares equal parameters through Identity nodes, which OpenCV cannot read."""
    model = onnx.load(str(path))
    graph = model.graph
    outputs = {port.name for port in graph.output}
    source = {}
    kept = []
    for node in graph.node:
        node.input[:] = [source.get(name, name) for name in node.input]
        if node.op_type == "Identity" and node.output[0] not in outputs:
            source[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    onnx.save(model, str(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*", choices=[[], *MODELS], help="default: all")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.names or MODELS:
        torch.manual_seed(0)
        make, size = MODELS[name]
        path = options.folder / f"{name}.onnx"
        torch.onnx.export(settle(make(), size), torch.randn(1, 3, size, size), path, input_names=["input"],
                          opset_version=10 if name in WITH_RELU6 else 12)
        remove_identities(path)
        print(path, flush=True)


if __name__ == "__main__":
    main()
