// Winograd convolutions: chosen where they should be, right at all edges, and exact where arithmetic is.
#include <algorithm>
#include <gtest/gtest.h>

#include <random>

#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"
#include "tests/engine/error_bound.hpp"

namespace fovea::test {
namespace {

/// Small whole numbers as input, multiples of 24² as weights: no step of the transforms rounds, so device and reference
/// agree to the last bit (sums stay below 2^24).
void agrees_exactly(const std::string& text) {
  SCOPED_TRACE(text);
  Graph graph = parse_graph(text);
  std::mt19937 random(5);
  for (Value& value : graph.values) {
    if (value.constant) {
      Tensor content(value.type);
      for (float& element : content.data<float>()) {
        element = 576.0F * (static_cast<float>(random() % 3) - 1);
      }
      value.constant = content;
    }
  }
  Model model;
  model.name = "exact";
  model.graph = graph;
  Core core;
  std::vector<std::vector<double>> outputs;
  for (const std::string device : {"CPU", "REFERENCE"}) {
    const CompiledModel compiled = core.compile_model(model, device, {{"PERFORMANCE_HINT", "LATENCY"}});
    if (device == "CPU") {
      const auto steps = compiled.steps();
      ASSERT_TRUE(std::ranges::any_of(steps, [](const StepInfo& s) { return s.kernel.starts_with("winograd"); }));
    }
    InferRequest request = compiled.create_infer_request();
    std::mt19937 noise(7);
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      for (float& element : request.input(i).data<float>()) {
        element = static_cast<float>(noise() % 3) - 1;
      }
    }
    request.infer();
    outputs.push_back(to_doubles(request.output()));
  }
  EXPECT_EQ(outputs[0], outputs[1]);
}

TEST(CpuWinograd, ExactAtAllEdges) {
  // Whole tiles, parts of tiles, pads of zero, one and two, a batch.
  for (const std::string size : {"12,12", "13,16", "14,15", "17,18", "33,12"}) {
    agrees_exactly("y = Convolution(x: f32[1,16," + size + "], w: f32[16,16,3,3]{0}) pads_begin=1,1 pads_end=1,1");
  }
  agrees_exactly("y = Convolution(x: f32[1,16,15,16], w: f32[16,16,3,3]{0})");
  agrees_exactly("y = Convolution(x: f32[1,16,15,16], w: f32[16,16,3,3]{0}) pads_begin=2,0 pads_end=0,2");
  agrees_exactly("y = Convolution(x: f32[3,16,12,13], w: f32[16,16,3,3]{0}) pads_begin=1,1 pads_end=1,1");
}

TEST(CpuWinograd, ExactForAllChannels) {
  for (const std::string channels : {"16", "17", "20", "33"}) {
    for (const std::string outputs : {"16", "19", "31", "32", "50"}) {
      agrees_exactly("y = Convolution(x: f32[1," + channels + ",12,14], w: f32[" + outputs + "," + channels +
                     ",3,3]{0}) pads_begin=1,1 pads_end=1,1");
    }
  }
}

TEST(CpuWinograd, ManyBlocksAndPostOps) {
  const std::string c = "y = Convolution(x: f32[2,16,50,70], w: f32[24,16,3,3]{0}) pads_begin=1,1 pads_end=1,1 ";
  for (const std::string chain :
       {"", "| add(b: f32[1,24,1,1]{0})", "| add(b: f32[1,24,1,1]{0}) | relu", "| relu | add(r: f32[2,24,50,70])",
        "| add(b: f32[24,1,1]{0}) | clamp(-1,2) | add(r: f32[2,24,50,70]) | relu(0.1)", "| swish(1)",
        "| add(b: f32[1,24,1,1]{0}) | swish(1) | multiply(m: f32[1,24,1,1]{0}) | add(a: f32[1]{0})",
        "| prelu(p: f32[1,24,1,1]{0}) | hswish", "| add(r: f32[2,24,50,70]) | mish"}) {
    SCOPED_TRACE(chain);
    Graph graph = parse_graph(c + chain);
    randomise_constants(graph, 3);
    const std::vector<std::string> kernels = expect_device_agrees("CPU", graph, 11);
    EXPECT_TRUE(std::ranges::any_of(kernels, [](const std::string& k) { return k.starts_with("winograd"); }));
    EXPECT_TRUE(std::ranges::none_of(kernels, [](const std::string& k) { return k.starts_with("elementwise"); }));
  }
}

}  // namespace
}  // namespace fovea::test
