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

TEST_F(ModelCommands, BadOptionsAreNamed) {
  const Result result = fovea("convert " + model_ + " " + dir_.path().string() + "/x.xml --mean-values [1,2]");
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("--mean-values"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace fovea
