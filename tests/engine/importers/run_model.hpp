// Runs a small model on the REFERENCE device, as it was read and through IR files.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/ops/shape_inference.hpp"
#include "engine/runtime/core.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {

/// The first output of a model on the REFERENCE device.
inline std::vector<double> run_model(Core& core, const Model& model, const Tensor& input) {
  InferRequest request = core.compile_model(model, "REFERENCE").create_infer_request();
  request.set_input_tensor(input);
  request.infer();
  return to_doubles(request.output(0));
}

/// The first output for this only input; its shape is given to the model. Written as IR of both versions and read
/// again, the model gives the same.
inline std::vector<double> run_model(const std::filesystem::path& path, const Tensor& input) {
  Core core;
  Model model = core.read_model(path);
  reshape(model.graph, {{"", input.shape()}});
  const std::vector<double> result = run_model(core, model, input);
  const TempDir dir;
  for (const IrVersion version : {IrVersion::k10, IrVersion::k11}) {
    write_openvino_ir(model, dir / "m.xml", {.version = version});
    EXPECT_EQ(run_model(core, core.read_model(dir / "m.xml"), input), result)
        << "written as IR version " << static_cast<int>(version);
  }
  return result;
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
