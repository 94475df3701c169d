// `fovea compare`: devices that agree, a device that does not, models of equal and different content, the reproducer.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "engine/frontends/frontend.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/ops/op_def.hpp"
#include "tests/support/temp_dir.hpp"
#include "tools/compare/bounds.hpp"
#include "tools/compare/lock_step.hpp"
#include "tools/npy.hpp"

namespace fovea::tools {
namespace {

Model model_of(std::string_view text) {
  Model model;
  model.name = "test";
  model.graph = parse_graph(text);
  return model;
}

const char* const kModel =
    "c = Convolution(x: f32[1,2,6,6], w: f32[4,2,3,3]{1}) pads_begin=1,1 pads_end=1,1\n"
    "b = Add(c, t: f32[1,4,1,1]{1,-2,3,-4})\nr = Relu(b)\np = AvgPool(r) kernel=2,2 strides=2,2\n"
    "f = Reshape(p, s: i64[2]{1,36})\nm = MatMul(f, v: f32[36,5]{0.25})\ny = Softmax(m) axis=1";

TEST(CompareDevices, CpuStaysWithinTheBoundsOfEachNode) {
  Core core;
  const Model model = model_of(kModel);
  const DeviceComparison comparison =
      compare_devices(core, model, "REFERENCE", "CPU", random_inputs(model.graph, 1), 0);
  ASSERT_EQ(comparison.nodes.size(), 7U);
  EXPECT_EQ(comparison.first_exceeded, 7U);
  for (const NodeComparison& node : comparison.nodes) {
    EXPECT_TRUE(std::isfinite(node.bound)) << node.node;
    EXPECT_LT(node.bound, 1e-3 * std::max(1.0, node.size)) << node.node << ": a bound that allows anything";
    EXPECT_TRUE(node.not_run.empty()) << node.not_run;
  }
  EXPECT_EQ(comparison.output_errors.count("y"), 1U);
}

/// Winograd's method adds and subtracts neighbours: more than the rounding of direct sums, and still within its bound.
TEST(CompareDevices, WinogradConvolutionsHaveABoundOfTheirOwn) {
  Core core;
  Model model = model_of("y = Convolution(x: f32[1,64,40,40], w: f32[48,64,3,3]{0.5}) pads_begin=1,1 pads_end=1,1");
  const CompiledModel compiled = core.compile_model(model, "CPU", {});
  ASSERT_TRUE(
      std::ranges::any_of(compiled.steps(), [](const StepInfo& s) { return s.kernel.starts_with("winograd"); }));
  const DeviceComparison comparison =
      compare_devices(core, model, "REFERENCE", "CPU", random_inputs(model.graph, 1), 0);
  EXPECT_EQ(comparison.first_exceeded, comparison.nodes.size());
  EXPECT_GT(comparison.nodes[0].error, 0);
  EXPECT_LT(comparison.nodes[0].bound, 0.1 * comparison.nodes[0].size) << "a bound that allows anything";
}

TEST(CompareDevices, ToleranceAndReproducer) {
  Core core;
  const test::TempDir dir;
  const Model model = model_of("a = Relu(x: f32[50,300])\ny = MatMul(a, w: f32[300,4]{0.1})");
  const ModelInputs inputs = random_inputs(model.graph, 1);
  // No device sums 300 products of f32 numbers to the last of 50 bits, so one of 50 such sums differs.
  const DeviceComparison strict = compare_devices(core, model, "REFERENCE", "CPU", inputs, 1e-15, dir.path());
  ASSERT_LT(strict.first_exceeded, strict.nodes.size());
  EXPECT_EQ(strict.nodes[strict.first_exceeded].node, "y");
  const Model reproducer = read_model(dir / "reproducer.xml");
  ASSERT_EQ(reproducer.graph.nodes.size(), 1U);
  EXPECT_EQ(reproducer.graph.nodes[0].op->name, "MatMul");
  EXPECT_EQ(read_npy(dir / "a.npy").shape(), (Shape{50, 300}));
  const DeviceComparison again =
      compare_devices(core, reproducer, "REFERENCE", "CPU", {read_npy(dir / "a.npy")}, 1e-15);
  EXPECT_EQ(again.nodes[0].error, strict.nodes[strict.first_exceeded].error) << "the reproducer shows the same";
}

TEST(CompareModels, FindsTheFirstNodeThatDiffers) {
  Core core;
  const Model model = model_of(kModel);
  const ModelInputs inputs = random_inputs(model.graph, 1);
  const DeviceComparison same = compare_models(core, model, model, "REFERENCE", "CPU", inputs, 0);
  EXPECT_EQ(same.first_exceeded, same.nodes.size());
  std::string text = kModel;
  text.replace(text.find("{1,-2,3,-4}"), 11, "{1,-2,3,-5}");
  const DeviceComparison changed = compare_models(core, model, model_of(text), "REFERENCE", "REFERENCE", inputs, 0);
  ASSERT_LT(changed.first_exceeded, changed.nodes.size());
  EXPECT_EQ(changed.nodes[changed.first_exceeded].node, "b");
}

TEST(CompareModels, StepsInAnotherOrderAreToldFromDivergence) {
  Core core;
  const Model behind = model_of("c = Multiply(x: f32[2,3], k: f32[]{2})\ny = Add(c, b: f32[]{1})");
  const Model inside =
      model_of("c = Multiply(x: f32[2,3], k: f32[]{4})\nh = Multiply(c, q: f32[]{0.5})\ny = Add(h, b: f32[]{1})");
  const ModelInputs inputs = random_inputs(behind.graph, 1);
  const DeviceComparison comparison = compare_models(core, behind, inside, "REFERENCE", "REFERENCE", inputs, 0);
  ASSERT_EQ(comparison.nodes.size(), 2U);
  EXPECT_TRUE(comparison.nodes[0].healed);
  EXPECT_TRUE(comparison.nodes[0].exceeded);
  EXPECT_FALSE(comparison.nodes[1].exceeded);
  EXPECT_EQ(comparison.first_exceeded, 0U) << "nothing else differs";
  // A node whose error goes on comes first.
  const Model wrong = model_of(
      "c = Multiply(x: f32[2,3], k: f32[]{4})\nh = Multiply(c, q: f32[]{0.5})\ny = Add(h, b: f32[]{1})\n"
      "z = Add(y, d: f32[]{1})");
  const Model right =
      model_of("c = Multiply(x: f32[2,3], k: f32[]{2})\ny = Add(c, b: f32[]{1})\nz = Add(y, d: f32[]{2})");
  const DeviceComparison second = compare_models(core, right, wrong, "REFERENCE", "REFERENCE", inputs, 0);
  ASSERT_LT(second.first_exceeded, second.nodes.size());
  EXPECT_EQ(second.nodes[second.first_exceeded].node, "z");
}

TEST(CompareModels, OutputsAreComparedByName) {
  Core core;
  const Model one = model_of("y = Relu(x: f32[2,3])\nz = Exp(x)");
  const Model two = model_of("z = Exp(x: f32[2,3])\ny = Relu(x)");
  ASSERT_NE(one.graph.outputs[0].name, two.graph.outputs[0].name);
  const DeviceComparison comparison =
      compare_models(core, one, two, "REFERENCE", "REFERENCE", random_inputs(one.graph, 1), 0);
  EXPECT_EQ(comparison.output_errors, (std::map<std::string, double>{{"y", 0}, {"z", 0}}));
}

TEST(RoundingBounds, FollowTheOperator) {
  const Graph graph = parse_graph("y = MatMul(x: f32[1,2], w: f32[2,1]{3,-5})");
  const Tensor x = Tensor::of<float>({1, 2}, {-1, 2});
  const std::vector<ConstTensorView> inputs = {x.view(), graph.constant(graph.nodes[0].inputs[1])->view()};
  const std::vector<double> result = {-13};
  const auto bounds = rounding_bounds(graph.nodes[0], inputs, {DataType::kF32, {1, 1}}, result);
  ASSERT_TRUE(bounds.has_value());
  // (K + 2)·u·Σ|a·b| = 4·2^-24·13.
  EXPECT_NEAR((*bounds)[0], 4 * 13 / 16777216.0, 1e-12);
  EXPECT_EQ(amplification(graph.nodes[0], inputs, {DataType::kF32, {1, 1}}), 8);
  const Graph moves = parse_graph("y = Transpose(x: f32[1,2], o: i64[2]{1,0})");
  const std::vector<ConstTensorView> moved = {x.view(), graph.constant(graph.nodes[0].inputs[1])->view()};
  EXPECT_EQ((*rounding_bounds(moves.nodes[0], moved, {DataType::kF32, {2, 1}}, std::vector<double>{1, 2}))[0], 0);
}

}  // namespace
}  // namespace fovea::tools
