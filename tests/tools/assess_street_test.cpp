// `fovea assess` end to end: the street, a trained detector of the test data, a tracker.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.hpp"
#include "tests/tools/assess_command.hpp"

namespace fovea {
namespace {

using nlohmann::json;

const std::filesystem::path kModel = std::filesystem::path(FOVEA_TEST_DATA) / "models" /
                                     "person-detection-retail-0013/FP32/person-detection-retail-0013.xml";

class AssessStreet : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kModel)) {
      GTEST_SKIP() << "no test data at " << FOVEA_TEST_DATA;
    }
    dir_.write("people.yaml", "version: 1\nname: people\nsource: {test: street}\nstages:\n  - detect: {model: " +
                                  kModel.string() + ", threshold: 0.1, inference-interval: 2}\n  - track: {}\n");
  }

  json report(const std::string& options) {
    const test::CommandResult result =
        test::assess(dir_.path(), (dir_ / "people.yaml").string() + " --json " + options);
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out, nullptr, false);
  }

  test::TempDir dir_;
};

TEST_F(AssessStreet, FiguresAreCompleteAndTheSameEachTime) {
  const std::string options =
      "--seeds 3:5 --frames 20 --light day --width 640 --height 360 --density 1 --min-height 16";
  json first = report(options);
  json second = report(options);
  ASSERT_TRUE(first.is_object() && second.is_object());
  EXPECT_EQ(first["sequences"], 2);
  EXPECT_EQ(first["frames"], 40);
  EXPECT_EQ(first["dropped"], 0);
  EXPECT_EQ(first["skipped"], 20) << "every other frame";
  EXPECT_GT(first["truth"]["counted"], 0);
  EXPECT_GT(first["not_judged"]["truth"]["car"], 0) << "the model knows persons only";
  EXPECT_EQ(first["classes"].size(), 1U);
  for (const char* figure : {"ap50", "ap", "idf1"}) {
    EXPECT_GE(first.at(figure), 0.0) << figure;
    EXPECT_LE(first.at(figure), 1.0) << figure;
  }
  EXPECT_LE(first.at("ap"), first.at("ap50"));
  EXPECT_LE(first.at("mota"), 1.0);
  EXPECT_FALSE(first.contains("miou"));
  EXPECT_FALSE(first.contains("counting"));
  first.erase("latency_ms");
  second.erase("latency_ms");
  EXPECT_EQ(first, second);
}

TEST_F(AssessStreet, LiveSourcesMayDropAndSaySo) {
  const json figures = report("--seed 3 --frames 20 --live --width 320 --height 180");
  ASSERT_TRUE(figures.is_object());
  // The source makes 20 pictures; those that it or the queue left out are counted, whatever their number here.
  EXPECT_GT(figures["frames"], 0);
  EXPECT_LE(figures["frames"], 20);
  EXPECT_GE(figures["dropped"].get<int>() + figures["frames"].get<int>(), 20);
}

}  // namespace
}  // namespace fovea
