#!/usr/bin/python3
"""Rules of the shipped models: files, sizes, cards, and seeds that never overlap. Prints each violation."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "models/train"))
import names  # noqa: E402  (the folder of the training scripts is not a package)

MAX_BYTES = 2 * 1000 * 1000
CARD_SECTIONS = ("## Data", "## Figures", "## Limits", "## Training")


def check_model(folder):
    stem = folder.name
    for extension in ("xml", "bin", "yaml"):
        if not (folder / f"{stem}.{extension}").is_file():
            yield f"{folder}: {stem}.{extension} is missing"
            return
    size = sum((folder / f"{stem}.{extension}").stat().st_size for extension in ("xml", "bin"))
    if size > MAX_BYTES:
        yield f"{folder}: {size} bytes, at most {MAX_BYTES}"
    card = folder / "MODEL.md"
    if not card.is_file():
        yield f"{folder}: MODEL.md is missing"
        return
    text = card.read_text()
    for needed in (*CARD_SECTIONS, "fovea assess", "models/train/train_all"):
        if needed not in text:
            yield f"{card}: does not say '{needed}'"
    first, last = names.TEST_SEEDS
    if f"{first}:{last}" not in text:
        yield f"{card}: the command does not name the test's seeds {first}:{last}"


def check_seeds():
    ranges = {name: split["seeds"] for name, split in names.SPLITS.items()} | {"test": names.TEST_SEEDS}
    ordered = sorted(ranges.items(), key=lambda item: item[1])
    for (name, (first, last)), (other, (begin, _)) in zip(ordered, ordered[1:]):
        if begin < last:
            yield f"models/train/names.py: seeds of {name} {first}:{last} and {other} from {begin} overlap"
    for name, (first, last) in ranges.items():
        if first >= last:
            yield f"models/train/names.py: no seeds in {name}"


def check_labels():
    for model, labels in (("street-detect", names.DETECT_LABELS), ("street-segment", list(names.SEGMENT_CLASSES)),
                          ("street-vehicle-attributes", names.COLORS), ("street-vehicle-attributes", names.VEHICLE_TYPES)):
        text = (ROOT / f"models/{model}/{model}.yaml").read_text()
        if [", ".join(labels)] != [found for found in re.findall(r"labels: \[(.*)\]", text) if found == ", ".join(labels)]:
            yield f"models/{model}/{model}.yaml: expected labels [{', '.join(labels)}] as in models/train/names.py"


def main():
    folders = sorted(path for path in (ROOT / "models").glob("street-*") if path.is_dir())
    violations = [*check_seeds(), *check_labels()]
    for folder in folders:
        violations += check_model(folder)
    if not folders:
        violations.append("models: no street models")
    print("\n".join(violations) if violations else f"{len(folders)} models, no violation")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
