// bf16 on the CPU: within what rounding factors and results to 8 bits allows, chosen only where the processor has it.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "engine/base/cpu_info.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/error_bound.hpp"

namespace fovea::test {
namespace {

const std::filesystem::path kModels = std::filesystem::path(FOVEA_SOURCE_DIR) / "models";

struct Outcome {
  std::vector<std::vector<double>> outputs;
  int bf16_steps = 0;  ///< Whose result is stored so.
};

/// \param magnitudes  Inputs and constants by their absolute values.
Outcome run(Model model, const std::string& device, const Properties& properties, bool magnitudes = false) {
  Core core;
  const CompiledModel compiled = core.compile_model(model, device, properties);
  InferRequest request = compiled.create_infer_request();
  for (std::size_t i = 0; i < model.graph.inputs.size(); ++i) {
    const TensorView view = request.input(i);
    Tensor values = random_input(view.type, 31 + static_cast<std::uint32_t>(i));
    if (magnitudes) {
      std::ranges::transform(values.data<float>(), values.data<float>().begin(), [](float x) { return std::abs(x); });
    }
    std::ranges::copy(values.bytes(), view.bytes);
  }
  request.infer();
  Outcome outcome;
  for (std::size_t i = 0; i < model.graph.outputs.size(); ++i) {
    outcome.outputs.push_back(to_doubles(request.output(i)));
  }
  outcome.bf16_steps = static_cast<int>(
      std::ranges::count_if(compiled.steps(), [](const StepInfo& step) { return step.output.starts_with("bf16"); }));
  return outcome;
}

Model model_of(const std::string& text, bool magnitudes = false) {
  Model model;
  model.name = "test";
  model.graph = parse_graph(text);
  randomise_constants(model.graph, 3);
  for (Value& value : model.graph.values) {
    if (magnitudes && value.constant && value.type.data_type == DataType::kF32) {
      std::ranges::transform(value.constant->data<float>(), value.constant->data<float>().begin(),
                             [](float x) { return std::abs(x); });
    }
  }
  return model;
}

/// Factors lose u of their magnitude each, the result u: 3u of the sum of the products' magnitudes, and second-order
/// terms. \param roundings  Where more lies between input and output.
void agrees(const std::string& text, int roundings = 3) {
  SCOPED_TRACE(text);
  constexpr double kUnit = 1.0 / 256;
  const auto actual = run(model_of(text), "CPU", {{"INFERENCE_PRECISION_HINT", "bf16"}}).outputs[0];
  const auto expected = run(model_of(text), "REFERENCE", {}).outputs[0];
  const auto magnitude = run(model_of(text, true), "REFERENCE", {}, true).outputs[0];
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_LE(std::abs(actual[i] - expected[i]), (roundings * kUnit + 4 * roundings * kUnit * kUnit) * magnitude[i])
        << "element " << i;
    worst = std::max(worst, std::abs(actual[i] - expected[i]));
  }
  EXPECT_GT(worst, 1e-5) << "as exact as f32: nothing was rounded";
}

class CpuBf16 : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cpu_multiplies_bf16()) {
      GTEST_SKIP() << "this processor has no AVX512_BF16";
    }
  }
};

TEST_F(CpuBf16, ConvolutionsAreWithinTheirRounding) {
  agrees("y = Convolution(x: f32[1,16,9,11], w: f32[24,16,3,3]{0}) pads_begin=1,1 pads_end=1,1");
  agrees("y = Convolution(x: f32[2,64,20,21], w: f32[64,64,3,3]{0}) strides=2,2 | add(b: f32[1,64,1,1]{0})");
  agrees("y = Convolution(x: f32[1,40,30,30], w: f32[80,40,1,1]{0}) | add(r: f32[1,80,30,30])");
  agrees("y = GroupConvolution(x: f32[1,32,9,11], w: f32[32,1,1,3,3]{0}) pads_begin=1,1 pads_end=1,1");
}

TEST_F(CpuBf16, MatrixProductsAreWithinTheirRounding) {
  agrees("y = MatMul(x: f32[1,96], w: f32[40,96]{0}) transpose_b=true | add(b: f32[1,40]{0})");
  agrees("y = MatMul(x: f32[7,96], w: f32[96,40]{0})");
}

TEST_F(CpuBf16, ElementwiseStepsAndMeansReadWhatConvolutionsLeave) {
  // The factor of channels, the addition and the mean each read a rounded value; the product is rounded once more.
  agrees(
      "a = Convolution(x: f32[1,16,19,17], w: f32[24,16,1,1]{0})\n"
      "y = Multiply(s: f32[1,24,1,1], a)");
  agrees(
      "a = Convolution(x: f32[2,16,19,17], w: f32[24,16,1,1]{0})\n"
      "b = Multiply(a, s: f32[2,24,1,1])\n"
      "y = ReduceMean(b, axes: i64[2]{2,3}) keep_dims=true",
      4);
  agrees(
      "a = Convolution(x: f32[1,16,50,40], w: f32[700,16,1,1]{0})\n"
      "b = Convolution(x, v: f32[700,16,1,1]{0})\n"
      "c = Add(a, b)\n"
      "y = Convolution(c, u: f32[8,700,1,1]{0})",
      6);
}

TEST_F(CpuBf16, ActivationsBehindConvolutionsAreWithinTheirRounding) {
  // SiLU moves at most 1.1 times as far as its argument S does and is at least S/2 where that is positive: 3u of S
  // become 6.6u of it, its own rounding 1u, the second product's factors and result 2u.
  agrees(
      "a = Convolution(x: f32[1,16,40,30], w: f32[24,16,1,1]{0}) | swish(1)\n"
      "y = Convolution(a, u: f32[8,24,1,1]{0})",
      10);
}

TEST_F(CpuBf16, ResultsStayBf16BetweenTheKernelsThatTakeThem) {
  const Outcome outcome = run(model_of("a = Convolution(x: f32[1,16,32,32], w: f32[32,16,3,3]{0}) strides=2,2 | relu\n"
                                       "b = MaxPool(a) kernel=2,2 strides=2,2 pads_begin=0,0 pads_end=0,0\n"
                                       "c = Convolution(b, v: f32[16,32,1,1]{0})\n"
                                       "d = Concat(b, c) axis=1\n"
                                       "y = Convolution(d, u: f32[8,48,1,1]{0})"),
                              "CPU", {{"INFERENCE_PRECISION_HINT", "bf16"}});
  EXPECT_EQ(outcome.bf16_steps, 5);  // the input's conversion, a, b, c and d; the model's result is f32
}

TEST_F(CpuBf16, TheStreetModelsSeeTheSame) {
  for (const std::string name : {"street-detect", "street-segment", "street-vehicle-attributes"}) {
    SCOPED_TRACE(name);
    Core core;
    const Model model = core.read_model(kModels / name / (name + ".xml"));
    const Outcome exact = run(model, "CPU", {});
    const Outcome rounded = run(model, "CPU", {{"INFERENCE_PRECISION_HINT", "bf16"}});
    EXPECT_EQ(exact.bf16_steps, 0);
    EXPECT_GT(rounded.bf16_steps, 10);
    for (std::size_t i = 0; i < exact.outputs.size(); ++i) {
      double product = 0;
      double a = 0;
      double b = 0;
      for (std::size_t k = 0; k < exact.outputs[i].size(); ++k) {
        product += exact.outputs[i][k] * rounded.outputs[i][k];
        a += exact.outputs[i][k] * exact.outputs[i][k];
        b += rounded.outputs[i][k] * rounded.outputs[i][k];
      }
      EXPECT_GE(product / std::sqrt(a * b), 0.999) << "output " << i;
    }
  }
}

TEST_F(CpuBf16, IsForWhoAsksOrPrefersSpeed) {
  const Model model = model_of("y = Convolution(x: f32[1,16,9,11], w: f32[24,16,3,3]{0}) | relu");
  const auto converts = [&](const Properties& properties) { return run(model, "CPU", properties).bf16_steps > 0; };
  EXPECT_FALSE(converts({}));
  EXPECT_TRUE(converts({{"EXECUTION_MODE_HINT", "PERFORMANCE"}}));
  EXPECT_FALSE(converts({{"EXECUTION_MODE_HINT", "PERFORMANCE"}, {"INFERENCE_PRECISION_HINT", "f32"}}));
  EXPECT_TRUE(converts({{"INFERENCE_PRECISION_HINT", "bf16"}}));
}

}  // namespace
}  // namespace fovea::test
