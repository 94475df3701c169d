#!/usr/bin/python3
"""Makes INT8 versions of the benchmark's models: ONNX with QuantizeLinear and DequantizeLinear (QDQ).

    bench/peers/make_quantised.py FOLDER QUANTISED --fovea build/release/bin/fovea [--only NAME…]

Nodes are placed as ONNX Runtime's static quantisation places them: activations u8, one scale a tensor; weights i8, one
scale a channel; biases i32 on the scale of the products. Ranges are those the float model reaches on one picture of
noise, measured by our own engine.
"""
import argparse
import pathlib
import re
import subprocess
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference, version_converter

# Results keep the scale of the first input: nothing but the order of values changes.
MOVERS = {"MaxPool", "Resize", "Split", "Reshape", "Transpose", "Slice"}
QUANTISED = {"Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Mul", "Sigmoid", "GlobalAveragePool", "Concat",
             "Softmax"} | MOVERS
WITH_WEIGHTS = {"Conv", "ConvTranspose", "Gemm"}
ACTIVATIONS = {"Relu", "Clip"}  # behind a quantised node they are part of its range


def float_values(model):
    """Names and shapes of the activations in f32, graph inputs first."""
    inferred = shape_inference.infer_shapes(model).graph
    ports = [*inferred.input, *inferred.value_info, *inferred.output]
    constants = {tensor.name for tensor in inferred.initializer}
    constants |= {name for node in inferred.node if node.op_type == "Constant" for name in node.output}
    return {port.name: port for port in ports
            if port.type.tensor_type.elem_type == TensorProto.FLOAT and port.name not in constants}


def measure_ranges(model, values, fovea):
    """Name of each activation -> smallest and largest value on a picture of noise."""
    graph = onnx.GraphProto()
    graph.CopyFrom(model.graph)
    inputs = {port.name for port in graph.input}
    present = {port.name for port in graph.output}
    graph.output.extend(port for name, port in values.items() if name not in inputs | present)
    port = graph.input[0]
    shape = [extent.dim_value for extent in port.type.tensor_type.shape.dim]
    noise = np.random.default_rng(7).standard_normal(shape).astype(np.float32)
    ranges = {port.name: (float(noise.min()), float(noise.max()))}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        onnx.save(helper.make_model(graph, opset_imports=model.opset_import), str(path / "all.onnx"))
        np.save(path / "noise.npy", noise)
        text = subprocess.run([fovea, "infer", path / "all.onnx", "--input", path / "noise.npy"], check=True,
                              capture_output=True, text=True).stdout
    for name, least, most in re.findall(r"^(.+): f32\S* min (\S+) max (\S+) mean", text, re.MULTILINE):
        ranges[name] = (float(least), float(most))
    missing = values.keys() - ranges.keys()
    if missing:
        raise SystemExit(f"no range for {sorted(missing)}; fovea printed:\n{text[:2000]}")
    return ranges


class Quantiser:
    def __init__(self, model, values, ranges):
        self.graph = model.graph
        self.values, self.ranges = values, ranges
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.graph.initializer}
        self.constants |= {node.output[0]: numpy_helper.to_array(node.attribute[0].t)
                           for node in self.graph.node if node.op_type == "Constant"}
        self.producer = {name: node for node in self.graph.node for name in node.output}
        self.readers = {}
        for node in self.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.nodes, self.added, self.dequantised = [], {}, {}

    def constant(self, name, content):
        self.added[name] = np.asarray(content)
        return name

    def source(self, name):
        """The value whose scale this one has."""
        node = self.producer.get(name)
        while node is not None and node.op_type in MOVERS:
            name = node.input[0]
            node = self.producer.get(name)
        return name

    def parameters(self, name):
        node = self.producer.get(name)
        if node is not None and node.op_type == "Softmax":
            return np.float32(1 / 256), np.uint8(0)
        least, most = min(self.ranges[name][0], 0), max(self.ranges[name][1], 0)
        scale = np.float32(max(most - least, 1e-6) / 255)
        return scale, np.uint8(np.clip(round(-least / float(scale)), 0, 255))

    def quantise(self, name, real, result):
        """Nodes that bring `real` onto the steps of value `name`, as `result`."""
        scale, zero = self.parameters(self.source(name))
        ends = [self.constant(f"{name}_scale", scale), self.constant(f"{name}_zero", zero)]
        self.nodes.append(helper.make_node("QuantizeLinear", [real, *ends], [f"{name}_steps"], f"{name}_quantise"))
        self.nodes.append(helper.make_node("DequantizeLinear", [f"{name}_steps", *ends], [result], f"{name}_dequantise"))

    def activation(self, name):
        if name not in self.dequantised:
            self.dequantised[name] = f"{name}_real"
            self.quantise(name, name, f"{name}_real")
        return self.dequantised[name]

    def dequantise_constant(self, name, stored, scale, axis):
        inputs = [self.constant(f"{name}_stored", stored), self.constant(f"{name}_scale", scale),
                  self.constant(f"{name}_zero", np.zeros(scale.shape, stored.dtype))]
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [f"{name}_real"], f"{name}_dequantise", axis=axis))
        return f"{name}_real"

    def weights(self, node):
        """Replaces weights and bias by stored ones."""
        weights = self.constants[node.input[1]]
        axis = 1 if node.op_type == "ConvTranspose" else 0
        others = tuple(i for i in range(weights.ndim) if i != axis)
        scale = (np.maximum(np.abs(weights).max(axis=others), 1e-8) / 127).astype(np.float32)
        along = [-1 if i == axis else 1 for i in range(weights.ndim)]
        stored = np.clip(np.round(weights / scale.reshape(along)), -127, 127).astype(np.int8)
        picture_scale = self.parameters(self.source(node.input[0]))[0]
        # Named after the node: the exporter shares equal biases.
        node.input[1] = self.dequantise_constant(f"{node.output[0]}_weights", stored, scale, axis)
        if len(node.input) > 2:
            products = (scale * picture_scale).astype(np.float32)
            steps = np.clip(np.round(self.constants[node.input[2]] / products), -2**31 + 1, 2**31 - 1).astype(np.int32)
            node.input[2] = self.dequantise_constant(f"{node.output[0]}_bias", steps, products, 0)

    def is_quantised(self, node):
        return node.op_type in QUANTISED and node.output[0] in self.values

    def has_steps(self, name):
        """The value goes onto steps whoever reads it: a quantised node made it, perhaps with an activation behind."""
        node = self.producer.get(name)
        if node is not None and node.op_type in ACTIVATIONS:
            node = self.producer.get(node.input[0])
        absorbed = any(reader.op_type in ACTIVATIONS for reader in self.readers.get(name, []))
        return node is not None and self.is_quantised(node) and not absorbed

    def run(self):
        outputs = {port.name for port in self.graph.output}
        for node in self.graph.node:
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            quantised = self.is_quantised(node)
            if quantised and node.op_type in WITH_WEIGHTS:
                self.weights(copy)
            for i, name in enumerate(node.input):
                if name in self.values and (self.has_steps(name) or (quantised and (i == 0 or node.op_type not in MOVERS))):
                    copy.input[i] = self.activation(name)
                elif quantised and i > 0 and node.op_type in {"Add", "Mul"} and name in self.constants:
                    self.ranges[name] = (float(self.constants[name].min()), float(self.constants[name].max()))
                    copy.input[i] = self.activation(name)
            for i, name in enumerate(node.output):
                if name in outputs and self.has_steps(name):
                    copy.output[i] = f"{name}_float"
            self.nodes.append(copy)
            for name in node.output:
                if name in outputs and self.has_steps(name):
                    self.quantise(name, f"{name}_float", name)
        used = {name for node in self.nodes for name in node.input}
        kept = [tensor for tensor in self.graph.initializer if tensor.name in used]
        kept += [numpy_helper.from_array(content, name) for name, content in self.added.items()]
        for field, content in ((self.graph.node, self.nodes), (self.graph.initializer, kept)):
            del field[:]
            field.extend(content)
        del self.graph.value_info[:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="of float models, which make_models.py made")
    parser.add_argument("quantised", type=pathlib.Path, help="folder to write to")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="default: all")
    parser.add_argument("--fovea", type=pathlib.Path, required=True, help="the command")
    options = parser.parse_args()
    options.quantised.mkdir(parents=True, exist_ok=True)
    for path in sorted(options.folder.glob("*.onnx")):
        if options.only and path.stem not in options.only:
            continue
        model = version_converter.convert_version(onnx.load(str(path)), 13)  # scales of channels
        values = float_values(model)
        Quantiser(model, values, measure_ranges(model, values, options.fovea)).run()
        onnx.checker.check_model(model)
        onnx.save(model, str(options.quantised / path.name))
        print(options.quantised / path.name, flush=True)


if __name__ == "__main__":
    main()
