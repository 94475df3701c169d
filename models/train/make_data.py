#!/usr/bin/python3
"""Renders street scenes with `fovea simulate` and keeps what training needs: small frames, masks, boxes, vehicle crops.

One shard (.npz) a group of seeds, so an interrupted run goes on where it stopped:
  frames_WxH uint8 [N, H, W, 3]     BGR, 1280x720 shrunk as fvdetect does (bilinear, no antialiasing), for each
                                    network's input size
  masks     uint8 [N, 180, 320]     class ids of `fovea simulate`
  objects   float32 [M, 10]         frame, label id, x, y, width, height (of the frame, 0..1), visible, in_frame,
                                    height of the visible part in pixels of 720 lines, track id
  crops     uint8 [K, 112, 112, 3]  vehicles with 20 % of their surroundings on each side
  crop_truth int64 [K, 2]           colour id, type id
"""
import argparse
import concurrent.futures
import json
import pathlib
import shutil
import subprocess

import cv2
import numpy as np

from names import COLORS, DETECT_LABELS, DETECT_SIZE, SEGMENT_SIZE, SPLITS, VEHICLE_TYPES, frames_name

SOURCE = (1280, 720)
SIZES = (DETECT_SIZE, SEGMENT_SIZE)
CROP = 112
SURROUNDINGS = 0.2
SEEDS_A_SHARD = 20
CROPS_A_FRAME = 8


def crop_vehicle(frame, box):
    """The object's box and its surroundings; beyond the frame the edge is repeated."""
    height, width = frame.shape[:2]
    left = (box["x"] - SURROUNDINGS * box["width"]) * width
    top = (box["y"] - SURROUNDINGS * box["height"]) * height
    scale_x = box["width"] * (1 + 2 * SURROUNDINGS) * width / CROP
    scale_y = box["height"] * (1 + 2 * SURROUNDINGS) * height / CROP
    # warpAffine maps pixel centres: destination (i + 0.5) lies at source left + (i + 0.5) * scale.
    matrix = np.array([[scale_x, 0, left + 0.5 * scale_x - 0.5], [0, scale_y, top + 0.5 * scale_y - 0.5]])
    return cv2.warpAffine(frame, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)


def worth_a_crop(thing):
    return (thing["label"] in ("car", "truck") and thing["visible_box"]["height"] * SOURCE[1] >= 28
            and thing["visible"] >= 0.4 and thing["in_frame"] >= 0.4)


def make_shard(fovea, seeds, frames, step, scratch, target):
    """Renders the seeds [first, last) and writes one shard."""
    shutil.rmtree(scratch, ignore_errors=True)
    subprocess.run([fovea, "simulate", "--seeds", f"{seeds[0]}:{seeds[1]}", "--frames", str(frames), "--step", str(step),
                    "--width", str(SOURCE[0]), "--height", str(SOURCE[1]), "--mask", "--output-dir", scratch], check=True)
    images = {size: [] for size in SIZES}
    masks, objects, crops, crop_truth = [], [], [], []
    arrays = {}
    for entry in json.loads((scratch / "truth.json").read_text()):
        for name in (entry["file"], entry["mask_file"]):
            if name not in arrays:
                arrays[name] = np.load(scratch / name, mmap_mode="r")
        frame = np.asarray(arrays[entry["file"]][entry["index"]])
        number = len(masks)
        for size in SIZES:
            images[size].append(cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR))
        masks.append(np.array(arrays[entry["mask_file"]][entry["mask_index"]]))
        kept = 0
        for thing in entry["objects"]:
            box = thing["box"]
            objects.append([number, DETECT_LABELS.index(thing["label"]), box["x"], box["y"], box["width"], box["height"],
                            thing["visible"], thing["in_frame"], thing["visible_box"]["height"] * SOURCE[1], thing["id"]])
            if worth_a_crop(thing) and kept < CROPS_A_FRAME:
                kept += 1
                crops.append(crop_vehicle(frame, box))
                crop_truth.append([COLORS.index(thing["color"]), VEHICLE_TYPES.index(thing["type"])])
    arrays.clear()
    shutil.rmtree(scratch)
    part = target.with_suffix(".part.npz")
    frames = {frames_name(size): np.array(images[size]) for size in SIZES}
    np.savez(part, **frames, masks=np.array(masks), objects=np.array(objects, np.float32).reshape(-1, 10),
             crops=np.array(crops, np.uint8).reshape(-1, CROP, CROP, 3), crop_truth=np.array(crop_truth, np.int64).reshape(-1, 2))
    part.rename(target)
    return target


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fovea", default="fovea", help="the fovea command")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("street-data"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", choices=sorted(SPLITS), help="one split only")
    parser.add_argument("--scenes", type=int, help="at most so many of each split, to try things")
    options = parser.parse_args()
    jobs = []
    for name, split in SPLITS.items():
        if options.only not in (None, name):
            continue
        (options.data / name).mkdir(parents=True, exist_ok=True)
        end = min(split["seeds"][1], split["seeds"][0] + (options.scenes or split["seeds"][1]))
        for first in range(split["seeds"][0], end, SEEDS_A_SHARD):
            last = min(first + SEEDS_A_SHARD, end)
            target = options.data / name / f"{first:06}.npz"
            if not target.exists():
                jobs.append(((first, last), split["frames"], split["step"], options.data / f"scratch-{first}", target))
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        pending = [pool.submit(make_shard, options.fovea, *job) for job in jobs]
        for done, future in enumerate(concurrent.futures.as_completed(pending), 1):
            print(f"{done}/{len(jobs)} {future.result()}", flush=True)


if __name__ == "__main__":
    main()
