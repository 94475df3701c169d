// `fovea convert`, `inspect` and `compare` as processes: exit codes, JSON, files.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.hpp"
#include "tests/support/tiny_ir.hpp"
#include "tests/support/tiny_onnx.hpp"
#include "vision/image_file.hpp"

namespace fovea {
namespace {

using nlohmann::json;

class ModelCommands : public ::testing::Test {
 protected:
  struct Result {
    int status = -1;
    std::string out;
    std::string err;
  };

  std::string read(const std::string& name) const {
    std::ifstream in(dir_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  Result fovea(const std::string& arguments) const {
    const std::string command =
        FOVEA_BINARY_DIR "/bin/fovea " + arguments + " >" + (dir_ / "out").string() + " 2>" + (dir_ / "err").string();
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read("out"), read("err")};
  }

  test::TempDir dir_;
  std::string model_ = testing::make_classifier(dir_.path()).string();
};

TEST_F(ModelCommands, ConvertedModelsCompareEqual) {
  const std::string target = (dir_ / "converted.xml").string();
  const Result converted = fovea("convert " + model_ + " " + target + " --json --model-name other");
  ASSERT_EQ(converted.status, 0) << converted.err;
  const json summary = json::parse(converted.out);
  EXPECT_EQ(summary["output"], target);
  EXPECT_TRUE(std::filesystem::exists(target));
  const Result compared = fovea("compare " + model_ + " " + target + " -d CPU --json");
  EXPECT_EQ(compared.status, 0) << compared.out << compared.err;
  EXPECT_TRUE(json::parse(compared.out)["first_exceeded"].is_null());
}

TEST_F(ModelCommands, CompareEndsWithOneBeyondTheTolerance) {
  EXPECT_EQ(fovea("compare " + model_ + " -d REFERENCE -d CPU").status, 0);
  // With other preprocessing inside, the same picture gives other values.
  const std::string target = (dir_ / "shifted.xml").string();
  ASSERT_EQ(fovea("convert " + model_ + " " + target + " --scale 2").status, 0);
  const Result compared = fovea("compare " + model_ + " " + target + " --tolerance 1e-3");
  EXPECT_EQ(compared.status, 1) << compared.out;
  EXPECT_NE(compared.out.find("first node beyond its tolerance"), std::string::npos) << compared.out;
}

TEST_F(ModelCommands, InspectTellsFiguresAndDevices) {
  const Result inspected = fovea("inspect --json " + model_);
  ASSERT_EQ(inspected.status, 0) << inspected.err;
  const json figures = json::parse(inspected.out);
  EXPECT_GT(figures["gflops"], 0);
  EXPECT_GT(figures["memory"]["peak_bytes"], 0);
  EXPECT_EQ(figures["devices"]["CPU"]["runs"], true);
}

TEST_F(ModelCommands, InspectCountsMemory) {
  const Result inspected = fovea("inspect --memory CPU --json " + model_);
  ASSERT_EQ(inspected.status, 0) << inspected.err;
  const json use = json::parse(inspected.out);
  EXPECT_EQ(use["device"], "CPU");
  EXPECT_GT(use["packed_bytes"].get<int>() + use["constant_bytes"].get<int>(), 0);
  EXPECT_GT(use["request_bytes"], 0);
  EXPECT_LE(use["mapped_bytes"], use["packed_bytes"].get<int>() + use["constant_bytes"].get<int>());
  EXPECT_NE(fovea("inspect --memory CPU " + model_).out.find("packed weights"), std::string::npos);
  EXPECT_EQ(fovea("inspect --memory NPU " + model_).status, 1);
}

TEST_F(ModelCommands, InspectCompilesAsAsked) {
  EXPECT_EQ(fovea("inspect --why CPU --config INFERENCE_PRECISION_HINT=f32 " + model_).status, 0);
  const Result refused = fovea("inspect --why CPU --config INFERENCE_PRECISION_HINT=f31 " + model_);
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("f31"), std::string::npos) << refused.err;
}

TEST_F(ModelCommands, InspectNamesAllUnsupportedOperatorsWithTheirNodes) {
  namespace onnx = test::onnx;
  const onnx::Message graph = onnx::graph(
      {.nodes = {onnx::node("Foo", {"x"}, {"a"}, {}, "first"), onnx::node("Relu", {"a"}, {"b"}, {}, "fine"),
                 onnx::node("Foo", {"b"}, {"c"}, {}, "second"), onnx::node("Bar", {"c"}, {"y"}, {}, "third")},
       .initializers = {},
       .inputs = {onnx::value_info("x", {1, 3})},
       .outputs = {onnx::value_info("y", {1, 3})}});
  const std::string file = dir_.write("foreign.onnx", onnx::model(graph)).string();
  const Result report = fovea("inspect " + file);
  EXPECT_EQ(report.status, 1);
  EXPECT_EQ(report.out,
            file +
                " cannot be read: 2 operators are not supported\n"
                "  Bar-13 of ai.onnx: 1 node, needs a converter in engine/frontends/onnx/ops and a line in "
                "onnx_ops.inc\n    third\n"
                "  Foo-13 of ai.onnx: 2 nodes, needs a converter in engine/frontends/onnx/ops and a line in "
                "onnx_ops.inc\n    first\n    second\n");
  const Result machine = fovea("inspect --json " + file);
  EXPECT_EQ(machine.status, 1);
  EXPECT_EQ(json::parse(machine.out)["unsupported"][1]["nodes"], json({"first", "second"}));
}

TEST_F(ModelCommands, InspectExplainsAndShowsThePicture) {
  const std::string model = test::make_ultralytics_detector(dir_.path()).string();
  Image wide;
  wide.width_px = 64;
  wide.height_px = 32;
  wide.bgr.assign(std::size_t{3} * 64 * 32, 90);
  const std::string picture = (dir_ / "wide.png").string();
  write_image(picture, wide);
  const std::string seen = (dir_ / "seen.png").string();
  const std::string command = "inspect --explain " + model + " --image " + picture + " --output-image " + seen;
  const Result explained = fovea(command);
  ASSERT_EQ(explained.status, 0) << explained.err;
  EXPECT_NE(explained.out.find("picture 64x32 fills columns 0.0 to 16.0 and rows 4.0 to 12.0 of 16x16"),
            std::string::npos)
      << explained.out;
  EXPECT_NE(explained.out.find("turned back into pixels of 8 bit"), std::string::npos) << explained.out;
  EXPECT_EQ(read_image(seen).width_px, 16);
  EXPECT_EQ(fovea(command).out, explained.out) << "the same every time";
  EXPECT_EQ(fovea("inspect --output-image " + seen + " " + model).status, 1);
  EXPECT_EQ(json::parse(fovea("inspect --explain --json " + model).out)["origins"]["labels"], "metadata names");
}

TEST_F(ModelCommands, BadOptionsAreNamed) {
  const Result result = fovea("convert " + model_ + " " + dir_.path().string() + "/x.xml --mean-values [1,2]");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("--mean-values"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace fovea
