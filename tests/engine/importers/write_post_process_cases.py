#!/usr/bin/python3
"""What TensorFlow Lite's detection post-processing computes, by NumPy: cases for the importer's test.

usage: write_post_process_cases.py FOLDER

Each case is a folder: options.txt with "name value" lines, encodings.npy [1,B,4], scores.npy [1,B,C],
anchors.npy [B,4], and out_0.npy … out_3.npy: boxes, classes, scores, number of detections.
"""
import pathlib
import shutil
import sys

import numpy as np

SCALES = {"y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}


def decode(encodings, anchors, options):
    y, x, h, w = (encodings[:, i] / options[f"{name}_scale"] for i, name in enumerate("yxhw"))
    centre_y = y * anchors[:, 2] + anchors[:, 0]
    centre_x = x * anchors[:, 3] + anchors[:, 1]
    half_h, half_w = np.exp(h) * anchors[:, 2] / 2, np.exp(w) * anchors[:, 3] / 2
    return np.stack([centre_y - half_h, centre_x - half_w, centre_y + half_h, centre_x + half_w], 1)


def overlap(a, b):
    height = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    width = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return height * width / (area - height * width)


def suppress(boxes, scores, most, options):
    """Indices of the boxes kept, the best first."""
    kept = []
    for i in np.argsort(-scores, kind="stable"):
        if scores[i] < options["nms_score_threshold"] or len(kept) == most:
            break
        if all(overlap(boxes[i], boxes[j]) <= options["nms_iou_threshold"] for j in kept):
            kept.append(int(i))
    return kept


def detections(boxes, scores, options):
    """Rows (box, class, score)."""
    if options["use_regular_nms"]:
        found = [(scores[i, c], c, i) for c in range(scores.shape[1])
                 for i in suppress(boxes, scores[:, c], options["detections_per_class"], options)]
        found.sort(key=lambda each: -each[0])
        return [(boxes[i], c, score) for score, c, i in found[:options["max_detections"]]]
    rows = []
    for i in suppress(boxes, scores.max(1), options["max_detections"], options):
        best = np.argsort(-scores[i], kind="stable")[:options["max_classes_per_detection"]]
        rows += [(boxes[i], c, scores[i, c]) for c in best]
    return rows


def case(folder, random, name, boxes=60, background=1, **more):
    options = {"max_detections": 10, "max_classes_per_detection": 1, "detections_per_class": 100, "num_classes": 4,
               "use_regular_nms": 0, "nms_score_threshold": 0.2, "nms_iou_threshold": 0.5, **SCALES, **more}
    anchors = np.concatenate([random.uniform(0, 1, (boxes, 2)), random.uniform(0.1, 0.4, (boxes, 2))], 1)
    anchors = anchors.astype(np.float32)
    encodings = random.uniform(-2, 2, (boxes, 4)).astype(np.float32)
    scores = random.uniform(0, 1, (boxes, options["num_classes"] + background)).astype(np.float32)
    rows = detections(decode(encodings.astype(np.float64), anchors.astype(np.float64), options),
                      scores[:, background:].astype(np.float64), options)
    places = options["max_detections"] * options["max_classes_per_detection"]
    out = [np.zeros((1, places, 4)), np.zeros((1, places)), np.zeros((1, places)), np.array([len(rows)])]
    for i, (box, number, score) in enumerate(rows):
        out[0][0, i], out[1][0, i], out[2][0, i] = box, number, score
    target = folder / name
    target.mkdir()
    (target / "options.txt").write_text("".join(f"{key} {value}\n" for key, value in options.items()))
    np.save(target / "anchors.npy", anchors)
    np.save(target / "encodings.npy", encodings[None])
    np.save(target / "scores.npy", scores[None])
    for i, value in enumerate(out):
        np.save(target / f"out_{i}.npy", value.astype(np.float32))


def main():
    folder = pathlib.Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    random = np.random.default_rng(20240301)
    case(folder, random, "across_classes")
    case(folder, random, "three_classes_each", max_classes_per_detection=3)
    case(folder, random, "no_background", background=0, boxes=40)
    case(folder, random, "few_are_good_enough", nms_score_threshold=0.995)
    case(folder, random, "none_is_good_enough", nms_score_threshold=2.0)
    case(folder, random, "by_class", use_regular_nms=1)
    case(folder, random, "two_a_class", use_regular_nms=1, detections_per_class=2, max_detections=6)
    case(folder, random, "two_a_class_leave_room", use_regular_nms=1, detections_per_class=2, max_detections=20)
    case(folder, random, "strict", nms_iou_threshold=0.05, max_detections=30)


if __name__ == "__main__":
    main()
