// Networks that PyTorch exported when the tests were set up (export_models.py), on every device, against what PyTorch
// computed. Bound: 1e-4 of the output's largest magnitude (f32 rounding accumulated over some hundred layers).
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/runtime/core.hpp"
#include "tests/engine/models/compare_outputs.hpp"
#include "tools/npy.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;

struct Case {
  const char* network;
  const char* device;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.network << " on " << c.device; }

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* network :
       {"mobilenet_v2", "resnet50", "efficientnet_b0", "ssdlite", "deeplabv3", "detector", "vit_tiny"}) {
    cases.push_back({network, "CPU"});
    cases.push_back({network, "REFERENCE"});
  }
  return cases;
}

class TorchModels : public testing::TestWithParam<Case> {};

TEST_P(TorchModels, ComputeWhatPyTorchComputes) {
  const Case& c = GetParam();
  const fs::path folder = FOVEA_TORCH_MODELS;
  Core core;
  const Model model = core.read_model(folder / (std::string(c.network) + ".onnx"));
  InferRequest request = core.compile_model(model, c.device, {{"PERFORMANCE_HINT", "LATENCY"}}).create_infer_request();
  request.set_input_tensor(read_npy(folder / (std::string(c.network) + ".image.npy")));
  request.infer();
  for (const GraphPort& port : model.graph.outputs) {
    SCOPED_TRACE(port.name);
    const Tensor expected = read_npy(folder / (std::string(c.network) + "." + port.name + ".npy"));
    ASSERT_EQ(request.output(port.name).shape(), expected.shape());
    test::expect_near(to_doubles(request.output(port.name)), to_doubles(expected.view()));
  }
}

INSTANTIATE_TEST_SUITE_P(All, TorchModels, testing::ValuesIn(all_cases()), [](const auto& param_info) {
  return std::string(param_info.param.network) + "_" + param_info.param.device;
});

}  // namespace
}  // namespace fovea
