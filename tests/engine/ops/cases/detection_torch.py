"""Deformable convolution, region features, CTC loss and 3-D windows against PyTorch and TorchVision."""

import numpy as np
import torch
import torchvision.ops


def deformable(writer):
    x, w = writer.noise(2, 4, 6, 7), writer.noise(6, 2, 3, 3)
    offsets = writer.noise(2, 2 * 2 * 9, 3, 4, low=-2, high=2)
    mask = writer.noise(2, 2 * 9, 3, 4, low=0, high=1)
    for name, factors in (("plain", None), ("factors", mask)):
        expected = torchvision.ops.deform_conv2d(
            *map(torch.from_numpy, (x, offsets, w)), stride=(2, 2), padding=(1, 1), dilation=(1, 1),
            mask=None if factors is None else torch.from_numpy(factors)).numpy()
        writer.case(f"deformable_convolution_{name}", "DeformableConvolution",
                    [x, offsets, w] + ([] if factors is None else [factors]), [expected],
                    "strides=2,2 pads_begin=1,1 pads_end=1,1 dilations=1,1 group=2 deformable_group=2 "
                    "bilinear_interpolation_pad=true", tolerance=1e-4)


def region_features(writer):
    levels = [writer.noise(1, 3, 64 // scale * 4, 64 // scale * 4) for scale in (4, 8)]
    rois = np.float32([[10, 20, 130, 90], [5, 5, 250, 240], [30, 30, 60, 200]])
    for aligned in (False, True):
        expected = []
        for roi in rois:
            side = np.sqrt((roi[2] - roi[0]) * (roi[3] - roi[1]))
            level = int(np.clip(np.floor(2 + np.log2(side / 224 + 1e-6)), 0, 1))
            box = torch.from_numpy(np.concatenate([[0], roi]).astype(np.float32)[None])
            expected.append(torchvision.ops.roi_align(torch.from_numpy(levels[level]), box, 5, 1 / (4, 8)[level], 2,
                                                      aligned).numpy()[0])
        writer.case(f"roi_feature_extractor_{aligned}", "ExperimentalDetectronROIFeatureExtractor",
                    [rois] + levels, [np.stack(expected), rois],
                    f"output_size=5 sampling_ratio=2 pyramid_scales=4,8 aligned={str(aligned).lower()}", tolerance=1e-4)


def ctc(writer):
    logits = writer.noise(3, 7, 5, low=-3, high=3)
    labels = np.int64([[1, 1, 2, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0, 0], [0, 2, 0, 3, 0, 0, 0]])
    steps, lengths = np.int64([7, 4, 6]), np.int64([3, 1, 4])
    log_probabilities = torch.log_softmax(torch.from_numpy(logits).double(), 2).transpose(0, 1)
    expected = torch.nn.functional.ctc_loss(log_probabilities, *map(torch.from_numpy, (labels, steps, lengths)),
                                            blank=4, reduction="none")
    writer.case("ctc_loss", "CTCLoss", [logits, steps, labels, lengths], [expected.numpy().astype(np.float32)])


def volumes(writer):
    x, w = writer.noise(2, 4, 5, 6, 7), writer.noise(3, 4, 3, 2, 3)
    t, k = torch.from_numpy(x), torch.from_numpy(w)
    windows = "strides=2,1,2 pads_begin=1,0,1 pads_end=1,0,1 dilations=1,2,1"
    expected = torch.nn.functional.conv3d(t, k, stride=(2, 1, 2), padding=(1, 0, 1), dilation=(1, 2, 1))
    writer.case("convolution_3d", "Convolution", [x, w], [expected.numpy()], windows, tolerance=1e-4)
    back = writer.noise(4, 3, 3, 2, 3)
    expected = torch.nn.functional.conv_transpose3d(t, torch.from_numpy(back), stride=(2, 1, 2), padding=(1, 0, 1),
                                                    dilation=(1, 2, 1))
    writer.case("convolution_backprop_3d", "ConvolutionBackpropData", [x, back], [expected.numpy()], windows,
                tolerance=1e-4)
    grouped = writer.noise(2, 3, 2, 3, 2, 3)
    expected = torch.nn.functional.conv3d(t, torch.from_numpy(grouped.reshape(6, 2, 3, 2, 3)), groups=2)
    writer.case("group_convolution_3d", "GroupConvolution", [x, grouped], [expected.numpy()], tolerance=1e-4)
    pool = "kernel=2,3,2 strides=2,2,1 pads_begin=1,1,0 pads_end=1,1,0 rounding_type=floor"
    writer.case("max_pool_3d", "MaxPool", [x],
                [torch.nn.functional.max_pool3d(t, (2, 3, 2), (2, 2, 1), (1, 1, 0)).numpy()], pool)
    writer.case("avg_pool_3d", "AvgPool", [x],
                [torch.nn.functional.avg_pool3d(t, (2, 3, 2), (2, 2, 1), (1, 1, 0)).numpy()],
                pool + " exclude-pad=false")


def multiclass(writer):
    boxes = writer.noise(1, 12, 2, low=0, high=1)
    boxes = np.concatenate([boxes, boxes + writer.noise(1, 12, 2, low=0.1, high=0.6)], -1)
    scores = writer.noise(1, 3, 12, low=0, high=1)
    rows, indices = [], []
    for label in range(3):
        kept = torchvision.ops.nms(torch.from_numpy(boxes[0]), torch.from_numpy(scores[0, label]), 0.3).numpy()
        for i in kept:
            if scores[0, label, i] >= 0.4:
                rows.append([label, scores[0, label, i], *boxes[0, i]])
                indices.append([i])
    order = sorted(range(len(rows)), key=lambda i: -rows[i][1])[:6]
    order = sorted(order, key=lambda i: (rows[i][0], -rows[i][1]))
    writer.case("multiclass_nms", "MulticlassNms", [boxes, scores],
                [np.float32([rows[i] for i in order]), np.int64([indices[i] for i in order]), np.int64([len(order)])],
                "sort_result_type=classid score_threshold=0.4 iou_threshold=0.3 keep_top_k=6")


def write(writer):
    for part in (deformable, region_features, ctc, volumes, multiclass):
        part(writer)
