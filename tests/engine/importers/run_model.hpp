// Runs a small model on the REFERENCE device.
#pragma once

#include <filesystem>
#include <vector>

#include "engine/ops/shape_inference.hpp"
#include "engine/runtime/core.hpp"

namespace fovea::test {

/// The first output for this only input; its shape is given to the model.
inline std::vector<double> run_model(const std::filesystem::path& path, const Tensor& input) {
  Core core;
  Model model = core.read_model(path);
  reshape(model.graph, {{"", input.shape()}});
  InferRequest request = core.compile_model(model, "REFERENCE").create_infer_request();
  request.set_input_tensor(input);
  request.infer();
  return to_doubles(request.output(0));
}

/// 1, 2, 3, …
inline Tensor counting(const Shape& shape) {
  Tensor tensor(DataType::kF32, shape);
  float next = 1;
  for (float& value : tensor.data<float>()) {
    value = next++;
  }
  return tensor;
}

}  // namespace fovea::test
