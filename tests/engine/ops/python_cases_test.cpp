// Operator cases whose outputs NumPy, PyTorch and TorchVision computed when the tests ran; write_op_cases.py makes
// them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/base/text.hpp"
#include "tests/engine/ops/op_tester.hpp"
#include "tools/npy.hpp"

namespace fovea::test {
namespace {

namespace fs = std::filesystem;

const fs::path kCases = fs::path(FOVEA_BINARY_DIR) / "tests/engine/ops/cases";

struct PythonCase {
  std::string name;
  OpCase op_case;
  double tolerance = 0;
  std::vector<Tensor> expected;
};

PythonCase read_case(const std::string& line) {
  std::vector<std::string> fields = split(line, '\t');
  fields.resize(7);
  PythonCase c;
  c.name = fields[0];
  c.op_case.op = fields[1];
  c.op_case.opset = std::stoi(fields[2]);
  c.tolerance = std::stod(fields[3]);
  c.op_case.attributes = fields[6];
  for (int i = 0; i < std::stoi(fields[4]); ++i) {
    const fs::path file = kCases / c.name / ("in_" + std::to_string(i) + ".npy");
    c.op_case.inputs.push_back(fs::exists(file) ? read_npy(file) : Tensor());
  }
  for (int i = 0; i < std::stoi(fields[5]); ++i) {
    c.expected.push_back(read_npy(kCases / c.name / ("out_" + std::to_string(i) + ".npy")));
  }
  return c;
}

TEST(PythonCases, GiveTheOutputsOfOtherPrograms) {
  std::ifstream file(kCases / "cases.txt");
  int count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    SCOPED_TRACE(line);
    try {
      const PythonCase c = read_case(line);
      const std::vector<Tensor> outputs = run(c.op_case);
      ASSERT_GE(outputs.size(), c.expected.size());
      for (std::size_t i = 0; i < c.expected.size(); ++i) {
        SCOPED_TRACE("output " + std::to_string(i));
        expect_equal(outputs[i], c.expected[i], c.tolerance);
      }
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GT(count, 3) << "write_op_cases.py wrote too little to " << kCases;
}

}  // namespace
}  // namespace fovea::test
