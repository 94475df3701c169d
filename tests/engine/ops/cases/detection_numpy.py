"""Region proposals and suppression as their pages describe them, written out in NumPy."""

import itertools

import numpy as np


def overlap(a, b, one=0.0):
    width = min(a[2], b[2]) - max(a[0], b[0]) + one
    height = min(a[3], b[3]) - max(a[1], b[1]) + one
    inside = max(width, 0) * max(height, 0)

    def area(box):
        return (box[2] - box[0] + one) * (box[3] - box[1] + one)

    return inside / (area(a) + area(b) - inside)


def greedy(boxes, scores, threshold, most, one=0.0):
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        if len(kept) < most and all(overlap(boxes[i], boxes[j], one) <= threshold for j in kept):
            kept.append(i)
    return kept


def random_boxes(writer, count, size):
    corner = writer.noise(count, 2, low=0, high=size * 0.7)
    return np.concatenate([corner, corner + writer.noise(count, 2, low=size * 0.1, high=size * 0.4)], 1)


def move(boxes, deltas, limit, one):
    boxes, deltas = boxes.astype(np.float64), deltas.astype(np.float64)
    extent = boxes[:, 2:] - boxes[:, :2] + one
    centre = boxes[:, :2] + 0.5 * extent + deltas[:, :2] * extent
    extent = np.exp(np.minimum(deltas[:, 2:], limit)) * extent
    return np.concatenate([centre - 0.5 * extent, centre + 0.5 * extent - one], 1)


def proposals(writer):
    height, width, anchors_per_cell = 4, 5, 3
    anchors = random_boxes(writer, height * width * anchors_per_cell, 100).reshape(height, width, anchors_per_cell, 4)
    deltas = writer.noise(2, anchors_per_cell * 4, height, width, low=-0.5, high=0.5)
    scores = writer.noise(2, anchors_per_cell, height, width, low=0, high=1)
    image = np.float32([[90, 110, 1, 2], [80, 100, 1, 1]])
    limit = np.log(1000 / 16)

    def propose(n, one, scale_y, scale_x, overlap_one):
        moved = move(anchors.reshape(-1, 4),
                     deltas[n].reshape(anchors_per_cell, 4, height, width).transpose(2, 3, 0, 1).reshape(-1, 4),
                     limit, one)
        own = scores[n].transpose(1, 2, 0).reshape(-1)
        moved = np.maximum(np.minimum(moved, np.array([image[n, 1], image[n, 0]] * 2) - one), 0)
        large = ((moved[:, 2] - moved[:, 0] + one >= 12 * scale_x) &
                 (moved[:, 3] - moved[:, 1] + one >= 12 * scale_y))
        best = [i for i in np.argsort(-own, kind="stable")[:40] if large[i]]
        kept = greedy(moved[best], own[best], 0.4, 7, overlap_one)
        return moved[best][kept], own[best][kept]

    both = [propose(n, 0.0, image[n, 2], image[n, 3], 0.0) for n in range(2)]
    writer.case("generate_proposals", "GenerateProposals", [image, anchors, deltas, scores],
                [np.float32(np.concatenate([b for b, _ in both])), np.float32(np.concatenate([s for _, s in both])),
                 np.int64([len(s) for _, s in both])],
                "min_size=12 nms_threshold=0.4 pre_nms_count=40 post_nms_count=7 normalized=true", tolerance=1e-4)
    boxes, own = propose(0, 1.0, 1, 1, 0.0)
    filled = np.zeros((7, 4), np.float32), np.zeros(7, np.float32)
    filled[0][:len(boxes)], filled[1][:len(own)] = boxes, own
    writer.case("detectron_proposals", "ExperimentalDetectronGenerateProposalsSingleImage",
                [image[0, :3], anchors.reshape(-1, 4), deltas[0], scores[0]], list(filled),
                "min_size=12 nms_threshold=0.4 pre_nms_count=40 post_nms_count=7", tolerance=1e-4)


def detections(writer):
    regions, classes = random_boxes(writer, 10, 200), 3
    deltas, scores = writer.noise(10, classes * 4), writer.noise(10, classes, low=0, high=1)
    found = []
    for label in range(1, classes):
        moved = np.maximum(move(regions, deltas.reshape(10, classes, 4)[:, label] / np.array([10, 10, 5, 5]), 2, 1.0),
                           0)
        own = scores[:, label]
        for i in greedy(moved, np.where(own > 0.3, own, -1), 0.5, 4, 1.0):
            if own[i] > 0.3:
                found.append((moved[i], label, own[i]))
    if len(found) > 6:
        found = sorted(found, key=lambda one: -one[2])[:6]
    found += [(np.zeros(4), 0, 0)] * (6 - len(found))
    writer.case("detectron_detections", "ExperimentalDetectronDetectionOutput",
                [regions, deltas, scores, np.float32([[200, 200, 1]])],
                [np.float32([f[0] for f in found]), np.int32([f[1] for f in found]), np.float32([f[2] for f in found])],
                "score_threshold=0.3 nms_threshold=0.5 num_classes=3 post_nms_count=4 max_detections_per_image=6 "
                "max_delta_log_wh=2 deltas_weights=10,10,5,5", tolerance=1e-4)


def grid(writer):
    priors = writer.noise(2, 4, low=-20, high=20)
    features, image = np.zeros((1, 8, 3, 4), np.float32), np.zeros((1, 3, 60, 100), np.float32)
    cells = np.array([[x, y, x, y] for y in (10, 30, 50) for x in (12.5, 37.5, 62.5, 87.5)])
    expected = np.float32(cells[:, None] + priors)
    writer.case("prior_grid", "ExperimentalDetectronPriorGridGenerator", [priors, features, image],
                [expected.reshape(-1, 4)], "flatten=true h=0 w=0 stride_x=0 stride_y=0")
    writer.case("prior_grid_rows", "ExperimentalDetectronPriorGridGenerator", [priors, features, image],
                [expected.reshape(3, 4, 2, 4)], "flatten=false stride_x=25 stride_y=20")


def matrix(writer):
    boxes = random_boxes(writer, 8, 1)[None]
    scores = writer.noise(1, 2, 8, low=0, high=1)
    for name, gaussian in (("linear", False), ("gaussian", True)):
        rows = []
        for label in range(2):
            order = [i for i in np.argsort(-scores[0, label], kind="stable") if scores[0, label, i] > 0.1][:6]
            table = [[overlap(boxes[0, i].astype(np.float64), boxes[0, j].astype(np.float64)) for j in order]
                     for i in order]
            most = [max([table[j][k] for k in range(j)], default=0) for j in range(len(order))]
            for a, i in enumerate(order):
                factors = [np.exp((most[j] ** 2 - table[a][j] ** 2) * 2) if gaussian else
                           (1 - table[a][j]) / (1 - most[j]) for j in range(a)]
                score = min([1.0] + factors) * scores[0, label, i]
                if score > 0.15:
                    rows.append((-score, label, i))
        rows = sorted(rows)[:9]
        writer.case(f"matrix_nms_{name}", "MatrixNms", [boxes, scores],
                    [np.float32([[label, -score, *boxes[0, i]] for score, label, i in rows]),
                     np.int64([[i] for _, _, i in rows]), np.int64([len(rows)])],
                    f"sort_result_type=score score_threshold=0.1 post_threshold=0.15 nms_top_k=6 keep_top_k=9 "
                    f"decay_function={name} gaussian_sigma=2")


def ctc_alignments(writer):
    """All alignments are enumerated: for the ways of counting that PyTorch does not have."""
    logits = writer.noise(1, 4, 3, low=-2, high=2)
    exponents = np.exp(logits[0].astype(np.float64))
    chances = exponents / exponents.sum(1, keepdims=True)
    labels = np.int64([[0, 0, 1, 0]])

    def loss(target, merge):
        total = 0.0
        for path in itertools.product(range(3), repeat=4):
            spelt = [p for t, p in enumerate(path) if not (merge and t > 0 and path[t - 1] == p)]
            if [p for p in spelt if p != 2] == target:
                total += np.prod([chances[t, p] for t, p in enumerate(path)])
        return np.float32([-np.log(total)])

    for name, target, merge, attributes in (
            ("not_merged", [0, 0, 1], False, "ctc_merge_repeated=false"),
            ("collapsed", [0, 1], True, "preprocess_collapse_repeated=true"),
            ("unique", [0, 1], False, "unique=true ctc_merge_repeated=false")):
        writer.case(f"ctc_loss_{name}", "CTCLoss", [logits, np.int64([4]), labels, np.int64([3])],
                    [loss(target, merge)], attributes)


def deformable_regions(writer):
    """On features that are linear in place, a bilinear sample is the value there."""
    group, dim = 2, 2
    rows, columns = np.meshgrid(np.arange(12.0), np.arange(16.0), indexing="ij")
    slopes = writer.noise(dim * group * group, 3).astype(np.float64)
    features = np.float32([a + b * rows + c * columns for a, b, c in slopes])[None]
    regions = np.float32([[0, 8, 6, 20, 14]])
    offsets = writer.noise(1, 2, 2, 2, low=-0.2, high=0.2)
    left, top_, right, bottom = 8 * 0.5 - 0.5, 6 * 0.5 - 0.5, 21 * 0.5 - 0.5, 15 * 0.5 - 0.5
    width, height = right - left, bottom - top_
    expected = np.zeros((1, dim, group, group), np.float32)
    for c, i, j in itertools.product(range(dim), range(group), range(group)):
        y = top_ + i * height / group + offsets[0, 1, i, j] * 0.1 * height
        x = left + j * width / group + offsets[0, 0, i, j] * 0.1 * width
        places = [(y + u * height / group / 3, x + v * width / group / 3) for u in range(3) for v in range(3)]
        a, b, d = slopes[(c * group + i) * group + j]
        expected[0, c, i, j] = np.mean([a + b * py + d * px for py, px in places])
    writer.case("deformable_psroi", "DeformablePSROIPooling", [features, regions, offsets], [expected],
                "output_dim=2 spatial_scale=0.5 group_size=2 spatial_bins_x=3 spatial_bins_y=3 trans_std=0.1 part_size=2")


def top(writer):
    regions = random_boxes(writer, 3, 10)
    expected = np.zeros((5, 4), np.float32)
    expected[:3] = regions[[1, 2, 0]]
    writer.case("top_rois", "ExperimentalDetectronTopKROIs", [regions, np.float32([0.1, 0.9, 0.5])], [expected],
                "max_rois=5")
    writer.case("top_rois_cut", "ExperimentalDetectronTopKROIs", [regions, np.float32([0.1, 0.9, 0.5])],
                [expected[:2]], "max_rois=2")


def write(writer):
    for part in (proposals, detections, grid, matrix, ctc_alignments, deformable_regions, top):
        part(writer)
