#!/usr/bin/python3
"""Writes operator cases computed with NumPy, PyTorch and TorchVision: independent of the engine.

usage: write_op_cases.py FOLDER

Each case is a folder with in_<i>.npy (an absent input has no file) and out_<i>.npy. FOLDER/cases.txt has a line per case:
name, operator, opset, tolerance, number of inputs, number of outputs, attributes; separated by tabs. Cases that need
PyTorch are left out, and counted, where it is not installed. The cases themselves stand in the modules of cases/.
"""

import importlib
import pathlib
import shutil
import sys

import numpy as np

HERE = pathlib.Path(__file__).parent


class Writer:
    """Collects cases; a module's `write(writer)` calls `case` for each."""

    def __init__(self, folder):
        self.folder = folder
        self.lines = []
        self.random = np.random.default_rng(20240229)

    def noise(self, *shape, low=-1.0, high=1.0):
        return self.random.uniform(low, high, shape).astype(np.float32)

    def case(self, name, op, inputs, outputs, attributes="", opset=0, tolerance=1e-5):
        """inputs: arrays, None for absent ones. Tolerance is relative to max(1, |expected|); f32 rounding by default."""
        target = self.folder / name
        target.mkdir()
        for i, value in enumerate(inputs):
            if value is not None:
                np.save(target / f"in_{i}.npy", np.ascontiguousarray(value).reshape(np.shape(value)))
        for i, value in enumerate(outputs):
            np.save(target / f"out_{i}.npy", np.ascontiguousarray(value).reshape(np.shape(value)))
        fields = (name, op, opset, tolerance, len(inputs), len(outputs), attributes)
        self.lines.append("\t".join(str(field) for field in fields) + "\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    writer = Writer(folder)
    sys.path.insert(0, str(HERE / "cases"))
    for module in sorted((HERE / "cases").glob("*.py")):
        try:
            importlib.import_module(module.stem).write(writer)
        except ModuleNotFoundError as error:
            if error.name not in ("torch", "torchvision"):
                raise
            print(f"{module.name} is left out: {error}")
    (folder / "cases.txt").write_text("".join(writer.lines))
    print(f"{len(writer.lines)} cases")


if __name__ == "__main__":
    main()
