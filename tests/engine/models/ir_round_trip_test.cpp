// Every IR model of the test data, written and read again: the same graph, the same results to the bit.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "engine/frontends/frontend.hpp"
#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/runtime/core.hpp"

namespace fovea {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = fs::path(FOVEA_TEST_DATA) / "models";

class IrRoundTrip : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kModels)) {
      GTEST_SKIP() << "no test data at " << kModels;
    }
    folder_ = fs::temp_directory_path() / ("fovea-round-trip-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static std::vector<fs::path> all_models() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(kModels)) {
      if (entry.path().extension() == ".xml") {
        files.push_back(entry.path());
      }
    }
    return files;
  }

  Model write_and_read(const Model& model, const IrWriteOptions& options) const {
    write_openvino_ir(model, folder_ / "model.xml", options);
    return read_model(folder_ / "model.xml");
  }

  /// Outputs for a fixed pseudo-random picture.
  static std::vector<std::vector<float>> run(Core& core, const Model& model) {
    InferRequest request = core.compile_model(model, "CPU", {{"PERFORMANCE_HINT", "LATENCY"}}).create_infer_request();
    std::minstd_rand random(7);
    for (std::size_t i = 0; i < model.graph.inputs.size(); ++i) {
      for (float& value : request.input(i).data<float>()) {
        value = static_cast<float>(random() % 256);
      }
    }
    request.infer();
    std::vector<std::vector<float>> outputs;
    for (std::size_t i = 0; i < model.graph.outputs.size(); ++i) {
      const auto data = request.output(i).data<float>();
      outputs.emplace_back(data.begin(), data.end());
    }
    return outputs;
  }

  fs::path folder_;
};

TEST_F(IrRoundTrip, KeepsGraphAndResults) {
  Core core;
  for (const fs::path& file : all_models()) {
    SCOPED_TRACE(file);
    const Model model = read_model(file);
    const auto expected = run(core, model);
    for (const IrVersion version : {IrVersion::k10, IrVersion::k11}) {
      const Model again = write_and_read(model, {.version = version});
      EXPECT_EQ(to_text(again.graph), to_text(model.graph));
      EXPECT_EQ(run(core, again), expected);
    }
  }
}

TEST_F(IrRoundTrip, WritesTheSameBytesAgain) {
  const Model model = read_model(kModels / "squeezenet1.1-ir/FP16/squeezenet1.1.xml");
  const Model once = write_and_read(model, {});
  const std::string first = once.hash;
  EXPECT_EQ(write_and_read(model, {}).hash, first);
  EXPECT_EQ(once.metadata, model.metadata);
}

TEST_F(IrRoundTrip, CompressesWeights) {
  Core core;
  const Model model = read_model(kModels / "open-closed-eye-0001/FP32/open-closed-eye-0001.xml");
  write_openvino_ir(model, folder_ / "plain.xml");
  write_openvino_ir(model, folder_ / "small.xml", {.weights = WeightPrecision::kF16});
  // Small constants stay f32, and each starts on a 64-byte line.
  EXPECT_LT(fs::file_size(folder_ / "small.bin"), fs::file_size(folder_ / "plain.bin") * 55 / 100);
  const auto expected = run(core, model);
  const auto actual = run(core, read_model(folder_ / "small.xml"));
  for (std::size_t i = 0; i < expected[0].size(); ++i) {
    // f16 weights have 11 bits: 5e-4 relative a weight, less on sums of hundreds; the outputs are probabilities.
    EXPECT_NEAR(actual[0][i], expected[0][i], 5e-3);
  }
  EXPECT_THROW(
      write_openvino_ir(model, folder_ / "x.xml", {.version = IrVersion::k10, .weights = WeightPrecision::kF16}),
      Error);
}

}  // namespace
}  // namespace fovea
