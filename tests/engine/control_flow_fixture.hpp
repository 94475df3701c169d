// Runs models with bodies (Loop, If, TensorIterator) on all devices, as read and as written to IR and read again.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/runtime/core.hpp"
#include "tests/support/temp_dir.hpp"

namespace fovea::test {

/// What a run gave for an output.
struct Result {
  Shape shape;
  std::vector<double> values;
  bool operator==(const Result&) const = default;
};

inline void PrintTo(const Result& result, std::ostream* out) {
  *out << to_string(result.shape) << ::testing::PrintToString(result.values);
}

class ControlFlowFixture : public ::testing::Test {
 protected:
  std::vector<Result> run(const Model& model, const std::string& device, const std::vector<Tensor>& inputs) {
    InferRequest request = core_.compile_model(model, device).create_infer_request();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      request.set_input_tensor(model.graph.inputs[i].name, inputs[i]);
    }
    request.infer();
    std::vector<Result> results;
    for (std::size_t i = 0; i < model.graph.outputs.size(); ++i) {
      results.push_back({request.output(i).shape(), to_doubles(request.output(i))});
    }
    return results;
  }

  /// On both devices, as read and as written and read again.
  void expect(const Model& model, const std::vector<Tensor>& inputs, const std::vector<Result>& expected) {
    write_openvino_ir(model, dir_.path() / "again.xml");
    const Model again = core_.read_model(dir_.path() / "again.xml");
    for (const char* device : {"REFERENCE", "CPU"}) {
      SCOPED_TRACE(device);
      EXPECT_EQ(run(model, device, inputs), expected);
      EXPECT_EQ(run(again, device, inputs), expected);
    }
  }

  TempDir dir_;
  Core core_;
};

}  // namespace fovea::test
