// InferenceTest: tiny models in a directory of their own, and the launch lines of elements that use them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/elements/harness.hpp"
#include "tests/publish/temp_dir.hpp"
#include "tests/support/tiny_ir.hpp"

namespace fovea::testing {

/// A grey byte goes through preprocessing and a mean of equal values; float rounding moves it by far less than this,
/// and levels a test tells apart differ by 1 at least.
inline constexpr double kLevelTolerance = 0.25;

/// Cases named Delayed…, Failing… or Broken… need the faults that tests/elements/CMakeLists.txt sets for them.
class InferenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string suite = ::testing::UnitTest::GetInstance()->current_test_info()->test_suite_name();
    const char* faults = std::getenv("FOVEA_FAULTS");
    const bool set = faults != nullptr && *faults != '\0';
    if (set != (suite.starts_with("Delayed") || suite.starts_with("Failing") || suite.starts_with("Broken"))) {
      GTEST_SKIP() << "needs another FOVEA_FAULTS; run it through ctest";
    }
  }

  /// fvdetect with the tiny detector, whose label 1 is "thing".
  [[nodiscard]] std::string detector(const std::string& properties = "") const {
    return "fvdetect labels=background,thing model=" + detector_.string() + " " + properties;
  }
  [[nodiscard]] std::string classifier(const std::string& properties = "") const {
    return "fvclassify labels=dark,bright model=" + make_classifier(dir_.path()).string() + " " + properties;
  }

  TempDir dir_;
  ModelPath detector_ = make_detector(dir_.path());
};

}  // namespace fovea::testing
