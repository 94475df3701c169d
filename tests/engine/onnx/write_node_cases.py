#!/usr/bin/python3
"""Writes the backend test cases of Debian's python3-onnx and libonnx-testdata as folders: model.onnx, in_<i>.npy,
out_<i>.npy.

usage: write_node_cases.py FOLDER

FOLDER/cases.txt gets one line per case: name, relative and absolute tolerance, and "skip: reason" where the case cannot
be written. Inputs that decide shapes (a Reshape's target, the axes of a reduction) become initializers, since the
engine infers all shapes before it runs.
"""

import builtins
import pathlib
import shutil
import sys
import types
import warnings

import numpy as np

warnings.filterwarnings("ignore")
for name in ("float", "int", "bool", "object", "str"):  # what NumPy 1.24 dropped and the cases still use
    setattr(np, name, getattr(builtins, name))

import onnx  # noqa: E402
import onnx.backend.test.case.model as model_cases  # noqa: E402
import onnx.backend.test.case.node as node_cases  # noqa: E402
from onnx import TensorProto, numpy_helper, version_converter  # noqa: E402

# Debian's libonnx-testdata, and what of it python3-onnx does not make itself.
RECORDED = pathlib.Path("/usr/share/libonnx-testdata/data")
SUITES = ("pytorch-converted", "pytorch-operator")

# Operator -> positions of inputs that are known before a model runs.
SHAPE_INPUTS = {
    "BlackmanWindow": [0], "Compress": [1], "ConstantOfShape": [0], "CumSum": [1], "DFT": [1], "Expand": [1],
    "HammingWindow": [0], "HannWindow": [0], "Loop": [0, 1], "MaxUnpool": [2], "MelWeightMatrix": [0, 1, 2, 3, 4],
    "NonMaxSuppression": [2], "NonZero": [0], "OneHot": [1], "Pad": [1, 3], "Range": [0, 1, 2], "Reshape": [1],
    "Resize": [1, 2, 3], "STFT": [1, 3], "Slice": [1, 2, 3, 4], "Split": [1], "Squeeze": [1], "Tile": [1],
    "TopK": [1], "Trilu": [1], "Unique": [0], "Unsqueeze": [1], "Upsample": [1], "Dropout": [2],
    "CenterCropPad": [1], "ReduceSum": [1],
}


def constant_names(graph):
    """Names of graph inputs that stand at such a position, also behind nodes that only compute shapes."""
    wanted = {node.input[i] for node in graph.node for i in SHAPE_INPUTS.get(node.op_type, [])
              if i < len(node.input)}
    for node in reversed(graph.node):
        if wanted.intersection(node.output) and node.op_type != "Shape":
            wanted.update(node.input)
    return wanted


def tensor(value, element_type):
    """The value as an array that .npy can hold; bfloat16 becomes float32."""
    array = np.array(value, order="C")
    if element_type == TensorProto.BFLOAT16 and array.dtype == np.uint16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array


def obstacle(case, inputs, outputs):
    """Why the case cannot be written, or None."""
    graph = case.model.graph
    for info in list(graph.input) + list(graph.output):
        if not info.type.HasField("tensor_type"):
            return "sequences, maps and optional values"
        if info.type.tensor_type.elem_type == TensorProto.STRING:
            return "strings"
    for value in list(inputs) + list(outputs):
        if np.asarray(value).dtype.kind not in "fiub":
            return "strings"
    return None


def write(case, target):
    inputs, outputs = case.data_sets[0]
    reason = obstacle(case, inputs, outputs)
    target.mkdir()
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    (target / "model.onnx").write_bytes(model.SerializeToString())
    if reason:
        return f"skip: {reason}"
    constants = constant_names(graph)
    names = [info.name for info in graph.input]
    element_types = [info.type.tensor_type.elem_type for info in graph.input]
    kept = []
    for name, element_type, value in zip(names, element_types, inputs):
        if name in constants:
            graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        else:
            np.save(target / f"in_{len(kept)}.npy", tensor(value, element_type))
            kept.append(name)
    for info, value in zip(graph.input, inputs):
        declared = info.type.tensor_type.shape.dim
        if any(dim.HasField("dim_value") and dim.dim_value != extent for dim, extent in zip(declared, np.shape(value))):
            # Of an input that lends its type only, some cases declare another shape than they give.
            del declared[:]
            declared.extend(onnx.TensorShapeProto.Dimension(dim_value=extent) for extent in np.shape(value))
    infos = [info for info in graph.input if info.name in kept]
    del graph.input[:]
    graph.input.extend(infos)
    for i, (info, value) in enumerate(zip(graph.output, outputs)):
        np.save(target / f"out_{i}.npy", tensor(value, info.type.tensor_type.elem_type))
    (target / "model.onnx").write_bytes(model.SerializeToString())
    return f"{case.rtol} {case.atol}"


def read_tensor(path):
    message = TensorProto()
    message.ParseFromString(path.read_bytes())
    return numpy_helper.to_array(message)


def read_numbered(folder, prefix):
    """Tensors of <prefix>_0.pb, <prefix>_1.pb … of a data set."""
    count = len(list(folder.glob(f"{prefix}_*.pb")))
    return [read_tensor(folder / f"{prefix}_{number}.pb") for number in range(count)]


def recorded_cases():
    """Models that PyTorch exported, with recorded inputs and outputs: libonnx-testdata. Most are of opset 6 and brought to
    7, where what the importer reads begins.
    """
    for path in sorted(RECORDED / name for suite in SUITES for name in (RECORDED / suite).iterdir()):
        data = path / "test_data_set_0"
        model = onnx.load(path / "model.onnx")
        if model.opset_import[0].version < 7:
            model = version_converter.convert_version(model, 7)
        yield types.SimpleNamespace(name=f"{path.parent.name}_{path.name}", model=model,
                                    data_sets=[(read_numbered(data, "input"), read_numbered(data, "output"))],
                                    rtol=1e-3, atol=1e-7)


def main():
    folder = pathlib.Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = []
    for case in [*model_cases.collect_testcases(), *node_cases.collect_testcases(None), *recorded_cases()]:
        if case.model is None:
            continue  # would have to be downloaded
        name = case.name
        while (folder / name).exists():  # some names occur twice
            name += "_again"
        lines.append(f"{name} {write(case, folder / name)}\n")
    (folder / "cases.txt").write_text("".join(lines))
    print(f"{len(lines)} cases")


if __name__ == "__main__":
    main()
