"""Building blocks of the street networks: convolutions with batch normalisation and ReLU, depthwise separable units."""
import ctypes

import torch
from torch import nn
from torch.nn import functional

# Large tensors come and go at every step; returning their memory to the system each time costs as much as the arithmetic.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_libc = ctypes.CDLL(None)
_libc.mallopt(_M_MMAP_MAX, 0)
_libc.mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


class _BatchNormFunction(torch.autograd.Function):
    """Batch normalisation, with a ReLU if wanted, over the rows of [pixels, channels].

    On channels-last tensors five times faster than torch 1.13's.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, eps, relu):
        batch, channels, height, width = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(-1, channels)
        mean = rows.mean(0)
        variance = ((rows * rows).mean(0) - mean * mean).clamp_(min=0)
        inverse = torch.rsqrt(variance + eps)
        scale = weight * inverse
        result = torch.addcmul(bias - mean * scale, rows, scale)
        if relu:
            result.relu_()
        ctx.save_for_backward(rows, mean, inverse, weight, result if relu else None)
        ctx.mark_non_differentiable(mean, variance)
        return result.reshape(batch, height, width, channels).permute(0, 3, 1, 2), mean, variance

    @staticmethod
    def backward(ctx, gradient, _mean, _variance):
        rows, mean, inverse, weight, rectified = ctx.saved_tensors
        batch, channels, height, width = gradient.shape
        gradient = gradient.permute(0, 2, 3, 1).reshape(-1, channels)
        if rectified is not None:
            gradient = torch.ops.aten.threshold_backward(gradient, rectified, 0)
        count = rows.shape[0]
        bias_gradient = gradient.sum(0)
        weight_gradient = ((gradient * rows).sum(0) - mean * bias_gradient) * inverse
        scale = weight * inverse
        slope = -scale * inverse * weight_gradient / count
        result = torch.addcmul(-scale * bias_gradient / count - slope * mean, rows, slope)
        result.addcmul_(gradient, scale)
        return result.reshape(batch, height, width, channels).permute(0, 3, 1, 2), weight_gradient, bias_gradient, None, None


class BatchNorm(nn.BatchNorm2d):
    """nn.BatchNorm2d, with a ReLU if wanted, with a fast training step for channels-last tensors."""

    def __init__(self, channels, relu):
        super().__init__(channels)
        self.relu = relu

    def forward(self, x):
        if not self.training:
            result = super().forward(x)
            return functional.relu(result) if self.relu else result
        result, mean, variance = _BatchNormFunction.apply(x, self.weight, self.bias, self.eps, self.relu)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance, self.momentum)
        return result


def conv(inputs, outputs, size=3, stride=1, groups=1, relu=True):
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
                         BatchNorm(outputs, relu))


def separable(inputs, outputs, size=3, stride=1):
    """Depthwise, then 1x1: both normalised, both rectified."""
    return nn.Sequential(conv(inputs, inputs, size, stride, groups=inputs), conv(inputs, outputs, 1))


class Residual(nn.Module):
    """x + 1x1(depthwise(x)), rectified."""

    def __init__(self, channels, size=3):
        super().__init__()
        self.body = nn.Sequential(conv(channels, channels, size, groups=channels), conv(channels, channels, 1, relu=False))
        nn.init.zeros_(self.body[-1][-1].weight)  # Begins as the identity: a deep chain learns from the first step.

    def forward(self, x):
        return functional.relu(x + self.body(x))


class Trunk(nn.Module):
    """Features at half, a quarter, an eighth, a sixteenth and a thirty-second of the input's size."""

    def __init__(self):
        super().__init__()
        self.stem = conv(3, 16, 3, 2)
        self.quarter = nn.Sequential(conv(16, 32, 3, 2), Residual(32))
        self.eighth = nn.Sequential(separable(32, 64, 3, 2), *(Residual(64) for _ in range(3)))
        self.sixteenth = nn.Sequential(separable(64, 128, 3, 2), *(Residual(128, 5) for _ in range(6)))
        self.last = nn.Sequential(separable(128, 192, 3, 2), *(Residual(192, 5) for _ in range(4)))

    def forward(self, x):
        half = self.stem(x)
        quarter = self.quarter(half)
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        return half, quarter, eighth, sixteenth, self.last(sixteenth)


class Merge(nn.Module):
    """Coarse features, doubled in size, added to fine ones; then a separable convolution."""

    def __init__(self, coarse, fine, outputs, size=3):
        super().__init__()
        self.coarse = conv(coarse, outputs, 1, relu=False)
        self.fine = conv(fine, outputs, 1, relu=False)
        self.body = separable(outputs, outputs, size)

    def forward(self, coarse, fine):
        up = functional.interpolate(self.coarse(coarse), scale_factor=2, mode="nearest")
        return self.body(functional.relu(up + self.fine(fine)))


def normalise(images):
    """uint8 [N, H, W, 3] to the networks' input: float [N, 3, H, W], channels last, in about -2 … 2."""
    return (images.permute(0, 3, 1, 2).float() - MEAN) / SCALE


MEAN = 127.5
SCALE = 64.0


class Average:
    """Exponential moving average of a network's weights and statistics: what is exported."""

    def __init__(self, network, decay):
        self.decay = decay
        self.steps = 0
        self.state = {name: value.clone() for name, value in network.state_dict().items()}

    def update(self, network):
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)

    def state_dict(self):
        return {"steps": self.steps, "state": self.state}

    def load_state_dict(self, saved):
        self.steps, self.state = saved["steps"], saved["state"]
