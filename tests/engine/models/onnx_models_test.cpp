// Every ONNX model of the test data, on every device, against outputs recorded with ONNX Runtime; and through IR.
//
// Bound: 1e-4 of the output's largest magnitude (f32 rounding accumulated over some hundred layers).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "engine/frontends/frontend.hpp"
#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/runtime/core.hpp"
#include "tests/support/temp_dir.hpp"
#include "tools/npy.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = fs::path(FOVEA_TEST_DATA) / "models";

/// Model file and the folder that holds a folder per recorded case.
struct OnnxModel {
  const char* file;
  const char* recorded;
};

constexpr OnnxModel kOnnxModels[] = {
    {"deeplabv3-mnv2-onnx/deeplab_v3_1_default_1.onnx", "deeplabv3-mnv2-onnx/ref"},
    {"fastestdet-onnx/FastestDet.onnx", "fastestdet-onnx/ref"},
    {"open-closed-eye-0001/onnx/open-closed-eye.onnx", "open-closed-eye-0001/ref/onnx"},
    {"samplenet-cifar10/samplenet.onnx", "samplenet-cifar10/ref/onnx"},
    {"sci-lowlight-onnx/sci_240x320.onnx", "sci-lowlight-onnx/ref"},
    {"ultraface-rfb-320/onnx/version-RFB-320.onnx", "ultraface-rfb-320/ref/onnx"},
    {"yolox-nano-onnx/yolox_nano.onnx", "yolox-nano-onnx/ref"},
    {"yunet-120x160-onnx/face_detection_yunet_120x160.onnx", "yunet-120x160-onnx/ref"},
};

struct Case {
  OnnxModel model;
  std::string device;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.model.file << " on " << c.device; }

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const OnnxModel& model : kOnnxModels) {
    for (const char* device : {"REFERENCE", "CPU"}) {
      cases.push_back({model, device});
    }
  }
  return cases;
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string name = fs::path(info.param.model.file).stem().string() + "_" + info.param.device;
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
}

/// "…__nhwc_crop_y85_x85_192x192": only this window of axes 1 and 2 was recorded.
std::vector<double> recorded_part(const ConstTensorView& output, const std::string& stem) {
  std::int64_t y = 0;
  std::int64_t x = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
  const auto at = stem.find("__nhwc_crop_y");
  const std::vector<double> all = to_doubles(output);
  if (at == std::string::npos ||
      std::sscanf(stem.c_str() + at, "__nhwc_crop_y%ld_x%ld_%ldx%ld", &y, &x, &height, &width) != 4) {
    return all;
  }
  // Windows that reach beyond the output were cut there.
  height = std::min(height, output.shape().at(1) - y);
  width = std::min(width, output.shape().at(2) - x);
  std::vector<double> window;
  const std::int64_t channels = output.shape().at(3);
  for (std::int64_t row = y; row < y + height; ++row) {
    const std::int64_t first = (row * output.shape()[2] + x) * channels;
    window.insert(window.end(), all.begin() + first, all.begin() + first + width * channels);
  }
  return window;
}

void expect_near(const std::vector<double>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  double largest = 0;
  for (const double value : expected) {
    largest = std::max(largest, std::abs(value));
  }
  double worst = 0;
  std::size_t where = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(actual[i] - expected[i]);
    if (!(error <= worst)) {  // NaN counts as worst
      worst = error;
      where = i;
    }
  }
  EXPECT_LE(worst, 1e-4 * largest) << "at " << where << ": " << actual[where] << " instead of " << expected[where];
}

/// Runs every recorded case and compares every recorded output.
void expect_recorded_outputs(const CompiledModel& compiled, const fs::path& recorded) {
  InferRequest request = compiled.create_infer_request();
  int compared = 0;
  for (const auto& folder : fs::directory_iterator(recorded)) {
    if (!fs::is_directory(folder.path() / "ort")) {
      continue;
    }
    SCOPED_TRACE(folder.path().filename().string());
    for (const auto& file : fs::directory_iterator(folder.path())) {
      if (const std::string stem = file.path().stem().string(); stem.starts_with("in_")) {
        request.set_input_tensor(stem.substr(3), read_npy(file.path()));
      }
    }
    request.infer();
    for (const auto& file : fs::directory_iterator(folder.path() / "ort")) {
      const std::string stem = file.path().stem().string();
      SCOPED_TRACE(stem);
      const Tensor expected = read_npy(file.path());
      const std::string name = stem.substr(4, stem.find("__nhwc") - 4);
      expect_near(recorded_part(request.output(name), stem), to_doubles(expected.view()));
      ++compared;
    }
  }
  EXPECT_GT(compared, 0) << "nothing recorded in " << recorded;
}

class OnnxModels : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!fs::exists(kModels)) {
      GTEST_SKIP() << "no test data at " << kModels;
    }
  }
};

TEST_P(OnnxModels, AgreeWithRecordedOutputs) {
  const Case& c = GetParam();
  Core core;
  const Model model = core.read_model(kModels / c.model.file);
  expect_recorded_outputs(core.compile_model(model, c.device, {{"PERFORMANCE_HINT", "LATENCY"}}),
                          kModels / c.model.recorded);
}

INSTANTIATE_TEST_SUITE_P(All, OnnxModels, testing::ValuesIn(all_cases()), case_name);

TEST(OnnxModelsThroughIr, AgreeWithRecordedOutputs) {
  if (!fs::exists(kModels)) {
    GTEST_SKIP() << "no test data at " << kModels;
  }
  const test::TempDir folder;
  Core core;
  for (const OnnxModel& onnx : kOnnxModels) {
    SCOPED_TRACE(onnx.file);
    const Model model = core.read_model(kModels / onnx.file);
    write_openvino_ir(model, folder.path() / "model.xml", {.version = IrVersion::k11});
    expect_recorded_outputs(
        core.compile_model(core.read_model(folder.path() / "model.xml"), "CPU", {{"PERFORMANCE_HINT", "LATENCY"}}),
        kModels / onnx.recorded);
  }
}

TEST(OnnxModelsList, NamesEveryOnnxModelOfTheTestData) {
  if (!fs::exists(kModels)) {
    GTEST_SKIP() << "no test data at " << kModels;
  }
  std::size_t found = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kModels)) {
    found += entry.path().extension() == ".onnx" ? 1U : 0U;
  }
  EXPECT_EQ(found, std::size(kOnnxModels));
}

}  // namespace
}  // namespace fovea
