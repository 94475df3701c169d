// `fovea convert` on small graphs: cutting, freezing, shapes, preprocessing and where it goes, and the account of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/frontends/frontend.hpp"
#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_onnx.hpp"
#include "tools/convert/arguments.hpp"
#include "tools/convert/convert_model.hpp"
#include "vision/model_spec_resolve.hpp"

namespace fovea::tools {
namespace {

using test::expect_error;
using testing::HasSubstr;

Model model_of(std::string_view text) {
  Model model;
  model.name = "test";
  model.graph = parse_graph(text);
  return model;
}

ConvertReport convert(Model& model, const ConvertRequest& request) {
  return convert_model(model, request, [](std::string_view) {});
}

std::vector<std::string> names(const std::vector<GraphPort>& ports) {
  std::vector<std::string> result;
  for (const GraphPort& port : ports) {
    result.push_back(port.name);
  }
  return result;
}

/// What REFERENCE makes of 0, 1, 2, … (or of these channels in another order).
std::vector<double> outputs(const Model& model, const std::vector<float>& input) {
  static Core core;
  InferRequest request = core.compile_model(model, "REFERENCE").create_infer_request();
  request.set_input_tensor(model.graph.inputs[0].name,
                           Tensor::of(model.graph.value(model.graph.inputs[0].value).type.shape, input));
  request.infer();
  return to_doubles(request.output());
}

std::vector<float> counted(std::size_t count) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(i));
  }
  return values;
}

TEST(ConvertArguments, PartsOfAnEntry) {
  const auto all = parse_port_arguments("a[1,3, 8 ,8]{f32}->7, b->[1 2.5] ,(3,?)", "--input");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].name, "a");
  EXPECT_EQ(shape_of(all[0], "--input"), (Shape{1, 3, 8, 8}));
  EXPECT_EQ(all[0].type, DataType::kF32);
  EXPECT_EQ(numbers_of(*all[0].frozen, "--input"), (std::vector<double>{7}));
  EXPECT_EQ(numbers_of(*all[1].frozen, "--input"), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(shape_of(all[2], "--input"), (Shape{3, kDynamic}));
}

TEST(ConvertArguments, BadOnesAreNamed) {
  expect_error(ErrorCode::kInvalidArgument, {"--input", "a[1"}, [] { parse_port_arguments("a[1", "--input"); });
  expect_error(ErrorCode::kInvalidArgument, {"--input", "a[1]b"}, [] { parse_port_arguments("a[1]b", "--input"); });
  expect_error(ErrorCode::kInvalidArgument, {"--input", "{f99}"}, [] { parse_port_arguments("a{f99}", "--input"); });
  expect_error(ErrorCode::kInvalidArgument, {"--input", "a,,b"}, [] { parse_port_arguments("a,,b", "--input"); });
  expect_error(ErrorCode::kInvalidArgument, {"--input-shape", "-2"},
               [] { shape_of(parse_port_arguments("[-2]", "--input-shape")[0], "--input-shape"); });
  expect_error(ErrorCode::kInvalidArgument, {"--mean-values", "inf"}, [] { numbers_of({"inf"}, "--mean-values"); });
  expect_error(ErrorCode::kInvalidArgument, {"--layout", "nhww"}, [] { parse_layouts("nhww->nchw"); });
  expect_error(ErrorCode::kInvalidArgument, {"--layout", "same letters"}, [] { parse_layouts("nhwc->ncd"); });
}

TEST(Convert, CutsAtInputsAndOutputs) {
  Model model = model_of("a = Exp(x: f32[2])\nb = Add(a, z: f32[2])\nc = Relu(b)\nd = Exp(c)");
  const ConvertReport report = convert(model, {.input = "b[2]", .output = "c", .input_shape = {}});
  EXPECT_EQ(to_text(model.graph), "c = Relu(b: f32[2])\n-> c\n");
  EXPECT_EQ(names(model.graph.inputs), std::vector<std::string>{"b"});
  EXPECT_EQ(names(model.graph.outputs), std::vector<std::string>{"c"});
  EXPECT_THAT(report.changes, testing::Contains(HasSubstr("removed the input 'x'")));
}

TEST(Convert, PicksOneOfSeveralNodeOutputs) {
  Model model = model_of("a, b = Split(x: f32[4], d: i64[]{0}) num_splits=2\ny = Add(a, b)");
  convert(model, {.input = {}, .output = "a:1"});
  EXPECT_EQ(names(model.graph.outputs), std::vector<std::string>{"a:1"});
  EXPECT_EQ(outputs(model, {1, 2, 3, 4}), (std::vector<double>{3, 4}));
}

TEST(Convert, FreezesInputs) {
  Model model = model_of("y = Add(x: f32[2], z: f32[2])");
  const ConvertReport report = convert(model, {.input = "x,z->[3 4]"});
  EXPECT_EQ(to_text(model.graph), "y = Add(x: f32[2], z: f32[2]{3,4}) auto_broadcast=numpy axis=-1\n-> y\n");
  EXPECT_THAT(report.changes, testing::ElementsAre(HasSubstr("froze 'z'")));
  Model other = model_of("y = Add(x: f32[2], z: f32[2])");
  expect_error(ErrorCode::kInvalidArgument, {"--input", "'z'", "->"}, [&] { convert(other, {.input = "x"}); });
  Model third = model_of("y = Add(x: f32[2], z: f32[2])");
  expect_error(ErrorCode::kInvalidArgument, {"'z'", "2 values or one, not 3"},
               [&] { convert(third, {.input = "x,z->[1 2 3]"}); });
  Model fourth = model_of("relu = Relu(x: f32[2])");
  expect_error(ErrorCode::kNotFound, {"--output", "'rely'", "relu"}, [&] { convert(fourth, {.output = "rely"}); });
}

TEST(Convert, ShapesAndBatch) {
  Model model = model_of("y = MaxPool(x: f32[1,2,8,8]) kernel=2,2 strides=2,2");
  convert(model, {.input_shape = "[1,2,16,4]", .batch = 3});
  EXPECT_EQ(model.graph.value(model.graph.outputs[0].value).type.shape, (Shape{3, 2, 8, 2}));
  Model fixed = model_of("y = Reshape(x: f32[1,4], s: i64[2]{-1,4})\nz = Reshape(x, t: i64[1]{-1})");
  const ConvertReport report = convert(fixed, {.batch = 2});
  EXPECT_THAT(report.changes, testing::Contains(HasSubstr("output 'z' is [8]"))) << "does not follow the batch";
}

TEST(Convert, ErrorsNameShapesThatDoNotFit) {
  Model model = model_of("y = MatMul(x: f32[1,4], w: f32[4,2]{1})");
  expect_error(ErrorCode::kInvalidModel, {"node 'y'"}, [&] { convert(model, {.input_shape = "[1,5]"}); });
}

const char* const kUnpadded = "y = Convolution(x: f32[1,3,2,2], w: f32[1,3,1,1]{1,10,100})";
const char* const kPadded = "y = Convolution(x: f32[1,3,2,2], w: f32[1,3,1,1]{1,10,100}) pads_begin=1,1 pads_end=1,1";

/// Σ w·(x − mean)/scale by hand, x[c] = 4c + position, channels perhaps reversed.
std::vector<double> by_hand(bool reversed) {
  std::vector<double> result;
  const std::vector<double> mean = {1, 2, 3};
  const std::vector<double> weights = {1, 10, 100};
  for (int position = 0; position < 4; ++position) {
    double sum = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      const double x = 4 * static_cast<double>(reversed ? 2 - c : c) + position;
      sum += weights[c] * (x - mean[c]) / 2;
    }
    result.push_back(sum);
  }
  return result;
}

TEST(Convert, PreprocessingGoesIntoWeights) {
  for (const bool reversed : {false, true}) {
    Model model = model_of(kUnpadded);
    const ConvertReport report =
        convert(model, {.mean_values = "[1,2,3]", .scale_values = "x[2,2,2]", .reverse_input_channels = reversed});
    EXPECT_EQ(model.graph.nodes.size(), 2U) << to_text(model.graph);  // the convolution and its shift
    EXPECT_TRUE(report.kept.empty());
    EXPECT_THAT(report.changes, testing::Contains(HasSubstr("mean went into the weights")));
    EXPECT_EQ(outputs(model, counted(12)), by_hand(reversed));  // halves of small integers: exact
  }
}

TEST(Convert, MeanBeforePaddingStaysANode) {
  Model model = model_of(kPadded);
  const Model plain = model;
  const ConvertReport report =
      convert(model, {.mean_values = "(1,2,3)", .scale_values = "2", .reverse_input_channels = true});
  EXPECT_EQ(model.graph.nodes.size(), 2U) << to_text(model.graph);
  ASSERT_EQ(report.kept.size(), 1U);
  EXPECT_THAT(report.kept[0], HasSubstr("'y' pads with zeros"));
  EXPECT_THAT(report.changes, testing::Contains(HasSubstr("channel reversal went into the weights")));
  EXPECT_THAT(report.changes, testing::Contains(HasSubstr("scale went into the weights")));
  // The same as preprocessing by hand and then the model as it was, borders included.
  std::vector<float> prepared(12);
  const std::vector<float> mean = {1, 2, 3};
  for (std::size_t i = 0; i < 12; ++i) {
    prepared[i] = (static_cast<float>((2 - i / 4) * 4 + i % 4) - mean[i / 4]) / 2;
  }
  EXPECT_EQ(outputs(model, counted(12)), outputs(plain, prepared));
}

TEST(Convert, PreprocessingThatFitsNoInput) {
  Model model = model_of(kUnpadded);
  expect_error(ErrorCode::kInvalidArgument, {"--mean-values", "2 values", "3 channels"},
               [&] { convert(model, {.mean_values = "[1,2]"}); });
  expect_error(ErrorCode::kInvalidArgument, {"--scale-values", "0"},
               [&] { convert(model, {.scale_values = "[1,0,1]"}); });
  Model grey = model_of("y = Relu(x: f32[1,1,2,2])");
  expect_error(ErrorCode::kInvalidArgument, {"no input has 3 channels"},
               [&] { convert(grey, {.reverse_input_channels = true}); });
  Model integers = model_of("y = Convert(x: u8[1,3,2,2]) destination_type=f32");
  expect_error(ErrorCode::kInvalidArgument, {"floating-point"}, [&] { convert(integers, {.mean_values = "[1,2,3]"}); });
}

TEST(Convert, LayoutsCancelAgainstTheModelsOwnTransposes) {
  Model model =
      model_of("t = Transpose(x: f32[1,2,2,3], o: i64[4]{0,3,1,2})\ny = Convolution(t, w: f32[1,3,1,1]{1,10,100})");
  const std::vector<double> before = outputs(model, counted(12));
  convert(model, {.layout = "nhwc->nchw"});
  EXPECT_EQ(model.graph.nodes.size(), 1U) << to_text(model.graph);
  EXPECT_EQ(model.graph.inputs[0].layout, "NCHW");
  std::vector<float> planar;
  for (int c = 0; c < 3; ++c) {
    for (int i = 0; i < 4; ++i) {
      planar.push_back(static_cast<float>(i * 3 + c));
    }
  }
  EXPECT_EQ(outputs(model, planar), before);
}

TEST(Convert, OutputsKeepTheirNamesInTheFile) {
  const test::TempDir dir;
  // A folded output, and one that is an input: neither is a tensor of its own after simplifying.
  Model model =
      model_of("a = Add(p: f32[2]{1,2}, q: f32[2]{3,4})\nb = Convert(x: f32[2]) destination_type=f32\n-> a, b");
  convert(model, {});
  write_openvino_ir(model, dir / "model.xml");
  const Model again = read_model(dir / "model.xml");
  EXPECT_EQ(names(again.graph.outputs), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(outputs(again, {7, 8}), (std::vector<double>{4, 6}));
}

TEST(Convert, WithoutSimplifyingNothingElseChanges) {
  Model model = model_of("c = Convolution(x: f32[1,2,3,3], w: f32[2,2,1,1]{1})\ny = Multiply(c, s: f32[]{2})");
  const std::string before = to_text(model.graph);
  const ConvertReport report = convert(model, {.simplify = false});
  EXPECT_EQ(to_text(model.graph), before);
  EXPECT_TRUE(report.passes.empty());
  const ConvertReport simplified = convert(model, {});
  ASSERT_EQ(simplified.passes.size(), 1U);
  EXPECT_EQ(simplified.passes[0].pass, "fuse_affine");
  EXPECT_THAT(simplified.passes[0].gone, testing::Contains("y (Multiply)"));
}

TEST(Convert, WhatIsInsideTheModelIsNotAskedForAgain) {
  const test::TempDir dir;
  Model model = read_model(test::make_ultralytics_detector(dir.path()));
  ASSERT_THAT(resolve_model_spec(model).input.scale, testing::ElementsAre(255));
  ConvertRequest request;
  request.scale_values = "255";
  request.reverse_input_channels = true;
  convert(model, request);
  write_openvino_ir(model, dir / "inside.xml");
  const ModelSpec spec = resolve_model_spec(read_model(dir / "inside.xml"));
  EXPECT_THAT(spec.input.scale, testing::ElementsAre(1));
  EXPECT_EQ(spec.input.channels, ChannelOrder::kBgr);
  EXPECT_EQ(spec.input.resize, ResizeMode::kLetterbox) << "the rest of the metadata still holds";
}

}  // namespace
}  // namespace fovea::tools
