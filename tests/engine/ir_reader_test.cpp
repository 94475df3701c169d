// What the OpenVINO IR reader makes of legal files, the odd corners of the format included.
#include <gtest/gtest.h>

#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/graph/model.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/passes/pass.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/ir_writer.hpp"
#include "tests/support/expect_error.hpp"

namespace fovea::test {
namespace {

class IrReader : public ::testing::Test {
 protected:
  Model read(const std::string& xml, const std::string& weights = {}) {
    dir_.write("m.bin", weights);
    return core_.read_model(dir_.write("m.xml", xml));
  }

  /// Values of output 0 for the inputs' values, on the reference interpreter.
  std::vector<double> run(const Model& model, const std::vector<Tensor>& inputs) {
    auto request = core_.compile_model(model, "REFERENCE").create_infer_request();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      std::ranges::copy(inputs[i].cast(request.input(i).type.data_type).bytes(), request.input(i).bytes);
    }
    request.infer();
    return to_doubles(request.output(0));
  }

  TempDir dir_;
  Core core_;
};

TEST_F(IrReader, ReadsVersions10And11) {
  const TinyIr tiny;
  for (const std::string version : {"10", "11"}) {
    const Model model = read(ir_net(tiny.layers, tiny.edges, version), tiny.weights);
    EXPECT_EQ(model.format, "OpenVINO IR v" + version);
    EXPECT_EQ(model.name, "m");
    EXPECT_EQ(model.hash.size(), 16U);
    EXPECT_EQ(run(model, {Tensor::of<float>({2, 3}, {0, 0, 0, 5, 5, 5})}), (std::vector<double>{1, 0, 3, 1, 10, 0}));
  }
}

TEST_F(IrReader, HashCoversBothFiles) {
  const TinyIr tiny;
  const std::string xml = ir_net(tiny.layers, tiny.edges);
  std::string other = tiny.weights;
  other[0] = '\1';
  EXPECT_EQ(read(xml, tiny.weights).hash, read(xml, tiny.weights).hash);
  EXPECT_NE(read(xml, tiny.weights).hash, read(xml, other).hash);
  EXPECT_NE(read(xml, tiny.weights).hash, read(xml + "\n", tiny.weights).hash);
}

TEST_F(IrReader, HalfPrecisionGraphComputesInF32) {
  const std::string layers = ir_parameter(0, "3", "f16") + ir_const(1, "3", "f16", "0", "6") +
                             ir_layer(2, "product", "Multiply", "opset1", "",
                                      ir_port(0, "3", "FP16") + ir_port(1, "3", "FP16"), ir_port(2, "3", "FP16")) +
                             ir_result(3);
  const Model model = read(ir_net(layers, ir_edge(0, 0, 2, 0) + ir_edge(1, 0, 2, 1) + ir_edge(2, 2, 3, 0)),
                           raw_bytes(std::vector<std::uint16_t>{0x3C00, 0x4000, 0xB800}));
  EXPECT_EQ(to_string(model.graph.value(model.graph.inputs[0].value).type), "f16[3]");
  EXPECT_EQ(run(model, {Tensor::of<float>({3}, {3, 3, 3})}), (std::vector<double>{3, 6, -1.5}));
  Graph graph = model.graph;
  optimise(graph);
  EXPECT_EQ(to_string(graph.value(graph.outputs[0].value).type), "f32[3]");
}

TEST_F(IrReader, CompressedWeightsFoldToFloats) {
  // i8 → Convert → Subtract zero point: nothing of it is left for run time.
  const std::string layers =
      ir_parameter(0, "2") + ir_const(1, "2", "i8", "0", "2") +
      ir_layer(2, "to_float", "Convert", "opset1", "destination_type=\"f32\"", ir_port(0, "2", "I8"), ir_port(1, "2")) +
      ir_const(3, "", "f32", "4", "4") +
      ir_layer(4, "centred", "Subtract", "opset1", "", ir_port(0, "2") + ir_port(1, ""), ir_port(2, "2")) +
      ir_layer(5, "sum", "Add", "opset1", "", ir_port(0, "2") + ir_port(1, "2"), ir_port(2, "2")) + ir_result(6);
  const std::string edges = ir_edge(1, 0, 2, 0) + ir_edge(2, 1, 4, 0) + ir_edge(3, 0, 4, 1) + ir_edge(0, 0, 5, 0) +
                            ir_edge(4, 2, 5, 1) + ir_edge(5, 2, 6, 0);
  const Model model = read(ir_net(layers, edges), std::string("\x05\xFB\0\0", 4) + raw_bytes(std::vector<float>{1}));
  EXPECT_EQ(run(model, {Tensor::of<float>({2}, {10, 10})}), (std::vector<double>{14, 4}));
  Graph graph = model.graph;
  optimise(graph);
  EXPECT_EQ(graph.nodes.size(), 1U) << to_text(graph);
}

TEST_F(IrReader, PortNamesWithEscapedCommasAndAliases) {
  const std::string layers =
      ir_layer(0, "data", "Parameter", "opset1", "shape=\"2\" element_type=\"f32\"", "",
               ir_port(0, "2", "FP32", R"( names="image:0,pixels\,raw")")) +
      ir_layer(1, "act", "ReLU", "opset1", "", ir_port(0, "2"), ir_port(1, "2", "FP32", R"( names="scores")")) +
      ir_layer(2, "act/result", "Result", "opset1", "", ir_port(0, "2"), "");
  const Model model = read(ir_net(layers, ir_edge(0, 0, 1, 0) + ir_edge(1, 1, 2, 0)));
  ASSERT_EQ(model.graph.inputs.size(), 1U);
  for (const std::string name : {"data", "image:0", "pixels,raw", ""}) {
    EXPECT_EQ(find_port(model.graph.inputs, name, "input"), 0U) << name;
  }
  EXPECT_EQ(model.graph.outputs[0].name, "scores");
  for (const std::string name : {"scores", "act", "act/result"}) {
    EXPECT_EQ(find_port(model.graph.outputs, name, "output"), 0U) << name;
  }
}

TEST_F(IrReader, OutputsFollowTheOrderOfResultsInTheFile) {
  const std::string layers = ir_parameter(0, "4") + ir_result(7) + ir_const(1, "", "i64", "0", "8") +
                             ir_layer(2, "parts", "Split", "opset1", "num_splits=\"2\"",
                                      ir_port(0, "4") + ir_port(1, "", "I64"), ir_port(5, "2") + ir_port(9, "2")) +
                             ir_result(3);
  const std::string edges = ir_edge(0, 0, 2, 0) + ir_edge(1, 0, 2, 1) + ir_edge(2, 5, 3, 0) + ir_edge(2, 9, 7, 0);
  const Model model = read(ir_net(layers, edges), raw_bytes(std::vector<std::int64_t>{0}));
  ASSERT_EQ(model.graph.outputs.size(), 2U);
  EXPECT_EQ(model.graph.outputs[0].name, "parts.1") << "Result r7 stands first";
  EXPECT_EQ(model.graph.outputs[1].name, "parts.0");
  EXPECT_EQ(run(model, {Tensor::of<float>({4}, {1, 2, 3, 4})}), (std::vector<double>{3, 4}));
}

TEST_F(IrReader, ToleratesWhatRealFilesDo) {
  // Ports counted from 7, ports without precision, attributes nobody knows, integers written as 1.0, unread layers
  // (one of them reading a value that exists nowhere in the weights is not even looked at).
  const std::string layers =
      ir_layer(0, "x", "Parameter", "opset1", "shape=\"1,4\" element_type=\"f32\" PrimitivesPriority=\"cpu\"", "",
               ir_port(7, "1,4", "")) +
      ir_layer(1, "soft", "SoftMax", "opset1", "axis=\"1.0\" stray=\"yes\"", ir_port(7, "1,4", ""),
               ir_port(8, "1,4", "")) +
      ir_const(5, "1000", "f32", "4000000", "4000") +
      ir_layer(6, "unread", "Exp", "opset1", "", ir_port(0, "1000"), ir_port(1, "1000")) + ir_result(2);
  const Model model = read(ir_net(layers, ir_edge(0, 7, 1, 7) + ir_edge(1, 8, 2, 0) + ir_edge(5, 0, 6, 0)));
  EXPECT_EQ(model.graph.nodes.size(), 1U);
  EXPECT_EQ(run(model, {Tensor::of<float>({1, 4}, {1, 1, 1, 1})}), (std::vector<double>(4, 0.25)));
}

TEST_F(IrReader, ConstantsMayShareAndMisalignTheirBytes) {
  const std::string layers = ir_parameter(0, "2") + ir_const(1, "2", "f32", "3", "8") +
                             ir_const(2, "2", "f32", "3", "8") + ir_const(3, "2", "f32", "7.0", "8") +
                             ir_layer(4, "a", "Add", "opset1", "", ir_port(0, "2") + ir_port(1, "2"), ir_port(2, "2")) +
                             ir_layer(5, "b", "Add", "opset1", "", ir_port(0, "2") + ir_port(1, "2"), ir_port(2, "2")) +
                             ir_layer(6, "c", "Add", "opset1", "", ir_port(0, "2") + ir_port(1, "2"), ir_port(2, "2")) +
                             ir_result(7);
  const std::string edges = ir_edge(0, 0, 4, 0) + ir_edge(1, 0, 4, 1) + ir_edge(4, 2, 5, 0) + ir_edge(2, 0, 5, 1) +
                            ir_edge(5, 2, 6, 0) + ir_edge(3, 0, 6, 1) + ir_edge(6, 2, 7, 0);
  const Model model = read(ir_net(layers, edges), std::string(3, '\0') + raw_bytes(std::vector<float>{1, 10, 100}));
  EXPECT_EQ(run(model, {Tensor::of<float>({2}, {0, 0})}), (std::vector<double>{12, 120}));
}

TEST_F(IrReader, ZeroSizedAndScalarConstants) {
  const std::string layers =
      ir_parameter(0, "2") + ir_const(1, "0,2", "f32", "0", "0") +
      ir_layer(2, "wide", "Unsqueeze", "opset1", "", ir_port(0, "2") + ir_port(1, "", "I64"), ir_port(2, "1,2")) +
      ir_const(3, "", "i64", "0", "8") +
      ir_layer(4, "all", "Concat", "opset1", "axis=\"0\"", ir_port(0, "0,2") + ir_port(1, "1,2"), ir_port(2, "1,2")) +
      ir_result(5);
  const std::string edges =
      ir_edge(0, 0, 2, 0) + ir_edge(3, 0, 2, 1) + ir_edge(1, 0, 4, 0) + ir_edge(2, 2, 4, 1) + ir_edge(4, 2, 5, 0);
  const Model model = read(ir_net(layers, edges), raw_bytes(std::vector<std::int64_t>{0}));
  EXPECT_EQ(run(model, {Tensor::of<float>({2}, {8, 9})}), (std::vector<double>{8, 9}));
}

TEST_F(IrReader, MetadataIsFlattened) {
  const TinyIr tiny;
  const Model model = read(ir_net(tiny.layers, tiny.edges, "11", R"(<rt_info>
      <MO_version value="2022.3"/>
      <conversion_parameters><framework value="onnx"/></conversion_parameters>
      <info name="model_info"><info name="labels" value="cat dog"/><model_type value="ssd"/></info>
      <empty/>
    </rt_info>
    <meta_data><cli_parameters><batch value="1"/></cli_parameters></meta_data>)"),
                           tiny.weights);
  const std::map<std::string, std::string> expected = {{"MO_version", "2022.3"},
                                                       {"conversion_parameters/framework", "onnx"},
                                                       {"model_info/labels", "cat dog"},
                                                       {"model_info/model_type", "ssd"},
                                                       {"cli_parameters/batch", "1"}};
  EXPECT_EQ(model.metadata, expected);
}

TEST_F(IrReader, LayoutFromPortOrAttribute) {
  const auto layout = [&](const std::string& data, const std::string& port) {
    const std::string layers = ir_layer(0, "x", "Parameter", "opset1", data, "", port) +
                               ir_layer(1, "y", "ReLU", "opset1", "", ir_port(0, "1"), ir_port(1, "1")) + ir_result(2);
    return read(ir_net(layers, ir_edge(0, 0, 1, 0) + ir_edge(1, 1, 2, 0))).graph.inputs[0].layout;
  };
  const std::string shape = "shape=\"1,8,8,3\" element_type=\"u8\"";
  EXPECT_EQ(layout(shape, ir_port(0, "1,8,8,3")), "");
  EXPECT_EQ(layout(shape + " layout=\"NHWC\"", ir_port(0, "1,8,8,3")), "NHWC");
  EXPECT_EQ(layout(shape, R"(<port id="0"><rt_info><attribute name="old" version="0"/>)"
                          R"(<attribute name="layout" version="0" layout="[N,H,W,C]"/></rt_info></port>)"),
            "NHWC");
}

/// x[1,1,2,2] of zeros and ones with five filters of 2 × 2 bits: 20 bits in 3 bytes.
std::string binary_convolution(std::string_view size = "3") {
  return ir_net(ir_parameter(0, "1,1,2,2") + ir_const(1, "5,1,2,2", "u1", "0", size) +
                    ir_layer(2, "y", "BinaryConvolution", "opset1",
                             R"(strides="1,1" dilations="1,1" pads_begin="0,0" pads_end="0,0" mode="xnor-popcount" )"
                             R"(pad_value="0" auto_pad="explicit")",
                             ir_port(0, "1,1,2,2") + ir_port(1, "5,1,2,2", "BIN"), ir_port(2, "1,5,1,1")) +
                    ir_result(3),
                ir_edge(0, 0, 2, 0) + ir_edge(1, 0, 2, 1) + ir_edge(2, 2, 3, 0));
}

TEST_F(IrReader, BitsStandHighestFirst) {
  // 1111 0000 | 1000 0001 | 1010, and four bits nobody reads.
  const Model model = read(binary_convolution(), "\xF0\x81\xAF");
  const Tensor x = Tensor::of<float>({1, 1, 2, 2}, {1, 0, 0, 0});
  // Equal bits of four, twice, minus four.
  const std::vector<double> expected = {-2, 2, 4, 0, 2};
  EXPECT_EQ(run(model, {x}), expected);
  write_openvino_ir(model, dir_.path() / "again.xml");
  EXPECT_EQ(run(core_.read_model(dir_.path() / "again.xml"), {x}), expected);
  expect_error(ErrorCode::kInvalidModel, {"'c1'", "needs 3 bytes, size is 2"},
               [&] { (void)read(binary_convolution("2"), "\xF0\x81\xAF"); });
}

TEST_F(IrReader, DynamicExtentsAreKeptUntilReshaped) {
  for (const std::string shape : {"?,3", "-1,3", "1..8,3"}) {
    const std::string layers = ir_layer(0, "x", "Parameter", "opset1", "shape=\"" + shape + "\" element_type=\"f32\"",
                                        "", ir_port(0, "-1,3")) +
                               ir_layer(1, "y", "ReLU", "opset1", "", ir_port(0, "1"), ir_port(1, "1")) + ir_result(2);
    const Model model = read(ir_net(layers, ir_edge(0, 0, 1, 0) + ir_edge(1, 1, 2, 0)));
    EXPECT_EQ(to_string(model.graph.value(model.graph.outputs[0].value).type), "f32[?,3]") << shape;
  }
}

TEST_F(IrReader, EqualLayerNamesBecomeUnique) {
  std::string layers = ir_parameter(0, "2");
  std::string edges;
  constexpr int kLayers = 20'000;  // quadratic naming would take minutes
  for (int i = 1; i <= kLayers; ++i) {
    layers += ir_layer(i, "same", "ReLU", "opset1", "", ir_port(0, "2"), ir_port(1, "2"));
    edges += ir_edge(i - 1, i == 1 ? 0 : 1, i, 0);
  }
  layers += ir_result(kLayers + 1);
  const Model model = read(ir_net(layers, edges + ir_edge(kLayers, 1, kLayers + 1, 0)));
  EXPECT_EQ(model.graph.nodes.size(), static_cast<std::size_t>(kLayers));
  EXPECT_EQ(model.graph.nodes.back().name, "same#20000");
}

}  // namespace
}  // namespace fovea::test
