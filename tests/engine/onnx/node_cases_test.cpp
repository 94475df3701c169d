// The operator cases of the ONNX project, as Debian's python3-onnx has them: imported, run on every device, compared
// with the outputs that the project's own code computed. write_node_cases.py writes them to the build folder.
//
// Tolerances are the cases' own (1e-3 relative, 1e-7 absolute), widened by one rounding of the output type: the
// reference computes in double and rounds once, the cases were often computed in the type itself.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "engine/base/text.hpp"
#include "engine/runtime/core.hpp"
#include "tools/npy.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;

const fs::path kCases = fs::path(FOVEA_BINARY_DIR) / "tests/engine/onnx/cases";
const fs::path kExclusions = fs::path(FOVEA_SOURCE_DIR) / "tests/engine/onnx/excluded_cases.txt";

/// A line of excluded_cases.txt: "pattern: reason".
struct Exclusion {
  std::string pattern;
  std::regex regex;
  std::string reason;
  int matches = 0;
};

std::vector<Exclusion> read_exclusions() {
  std::vector<Exclusion> exclusions;
  std::ifstream file(kExclusions);
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (!line.empty() && line[0] != '#' && colon != std::string::npos) {
      const std::string pattern = line.substr(0, colon);
      exclusions.push_back({pattern, std::regex(pattern), line.substr(colon + 2), 0});
    }
  }
  return exclusions;
}

Exclusion* find_exclusion(std::vector<Exclusion>& exclusions, const std::string& name) {
  for (Exclusion& exclusion : exclusions) {
    if (std::regex_match(name, exclusion.regex)) {
      ++exclusion.matches;
      return &exclusion;
    }
  }
  return nullptr;
}

/// A line of cases.txt.
struct Case {
  std::string name;
  double relative = 0;
  double absolute = 0;
  bool written = true;  ///< Inputs and outputs are there; without them only the import is tried.
};

std::vector<Case> read_cases() {
  std::vector<Case> cases;
  std::ifstream file(kCases / "cases.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Case c;
    words >> c.name;
    c.written = static_cast<bool>(words >> c.relative >> c.absolute);
    cases.push_back(c);
  }
  return cases;
}

/// One rounding of an output type, relative.
double rounding_of(DataType type) {
  return type == DataType::kF16 ? 0x1p-10 : type == DataType::kBF16 ? 0x1p-7 : 0x1p-23;
}

/// "" when the output could be drawn from what the case gives: zeros and ones, with another generator than the case's.
std::string compare_random(const ConstTensorView& output, const Tensor& recorded) {
  if (output.shape() != recorded.shape()) {
    return fmt::format("the shape is {}, expected {}", to_string(output.shape()), to_string(recorded.shape()));
  }
  for (const double value : to_doubles(output)) {
    if (value != 0 && value != 1) {
      return fmt::format("an element is {}, expected 0 or 1", value);
    }
  }
  return {};
}

/// "" when the output agrees with what was recorded, else where it does not.
std::string compare(const ConstTensorView& output, DataType declared, const Tensor& recorded, const Case& c) {
  if (c.name.starts_with("test_bernoulli")) {
    return compare_random(output, recorded);
  }
  const std::vector<double> actual = to_doubles(output);
  const std::vector<double> expected = to_doubles(recorded.view());
  if (output.shape() != recorded.shape()) {
    return fmt::format("the shape is {}, expected {}", to_string(output.shape()), to_string(recorded.shape()));
  }
  // A scale computed at run time is rounded to f32 in the cases; values on a rounding edge may fall to either side.
  const bool edges = c.name.starts_with("test_dynamicquantizelinear") && !is_float(recorded.data_type());
  const double step = edges ? 1 : 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double bound = step + c.absolute + (c.relative + rounding_of(declared)) * std::abs(expected[i]);
    const bool same = actual[i] == expected[i] || (std::isnan(actual[i]) && std::isnan(expected[i]));
    if (!same && !(std::abs(actual[i] - expected[i]) <= bound)) {
      return fmt::format("element {} is {}, expected {}", i, actual[i], expected[i]);
    }
  }
  return {};
}

/// "" when all outputs agree, else the first thing that went wrong.
std::string run_case(Core& core, const Case& c, const std::string& device) {
  const fs::path folder = kCases / c.name;
  try {
    const Model model = core.read_model(folder / "model.onnx");
    const CompiledModel compiled = core.compile_model(model, device, {{"PERFORMANCE_HINT", "LATENCY"}});
    InferRequest request = compiled.create_infer_request();
    for (std::size_t i = 0; i < model.graph.inputs.size(); ++i) {
      request.set_input_tensor(model.graph.inputs[i].name, read_npy(folder / fmt::format("in_{}.npy", i)));
    }
    request.infer();
    for (std::size_t i = 0; i < model.graph.outputs.size(); ++i) {
      const DataType declared = model.graph.value(model.graph.outputs[i].value).type.data_type;
      const std::string problem =
          compare(request.output(i), declared, read_npy(folder / fmt::format("out_{}.npy", i)), c);
      if (!problem.empty()) {
        return fmt::format("output {}: {}", i, problem);
      }
    }
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

/// Excluded cases still must end in an error that says what is missing, or in a model; never in a bug of ours.
void expect_refusal_or_model(Core& core, const Case& c) {
  try {
    (void)core.read_model(kCases / c.name / "model.onnx");
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what();
  }
}

TEST(OnnxNodeCases, GiveTheRecordedOutputs) {
  const std::vector<Case> cases = read_cases();
  ASSERT_GT(cases.size(), 1000U) << "write_node_cases.py wrote too little to " << kCases;
  std::vector<Exclusion> exclusions = read_exclusions();
  Core core;
  int passed = 0;
  int failed = 0;
  int excluded = 0;
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    if (find_exclusion(exclusions, c.name) != nullptr || !c.written) {
      ++excluded;
      expect_refusal_or_model(core, c);
      continue;
    }
    for (const char* device : {"REFERENCE", "CPU"}) {
      const std::string problem = run_case(core, c, device);
      EXPECT_EQ(problem, "") << "on " << device;
      ++(problem.empty() ? passed : failed);
    }
  }
  for (const Exclusion& exclusion : exclusions) {
    EXPECT_GT(exclusion.matches, 0) << "no case matches the excluded " << exclusion.pattern;
  }
  fmt::print("{} cases; on two devices {} passed, {} failed; {} cases excluded\n", cases.size(), passed, failed,
             excluded);
}

}  // namespace
}  // namespace fovea
