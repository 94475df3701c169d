#include "tests/engine/models/compare_outputs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace fovea::test {

std::vector<Row> rows(const std::vector<double>& values, double least) {
  std::vector<Row> result;
  for (std::size_t i = 0; i + 7 <= values.size() && values[i] >= 0; i += 7) {
    if (values[i + 2] >= least) {
      result.push_back({static_cast<int>(values[i]),
                        static_cast<int>(values[i + 1]),
                        values[i + 2],
                        {values[i + 3], values[i + 4], values[i + 5], values[i + 6]}});
    }
  }
  return result;
}

std::optional<std::size_t> counterpart(const Row& row, const std::vector<Row>& others, std::vector<bool>& used) {
  std::optional<std::size_t> best;
  float best_overlap = 0;
  for (std::size_t i = 0; i < others.size(); ++i) {
    const float overlap = iou(row.box(), others[i].box());
    if (!used[i] && others[i].label == row.label && others[i].image == row.image && overlap > best_overlap) {
      best = i;
      best_overlap = overlap;
    }
  }
  if (best) {
    used[*best] = true;
  }
  return best;
}

void expect_same_detections(const std::vector<double>& actual, const std::vector<double>& expected) {
  constexpr double kLeast = 0.5;
  constexpr double kBound = 1e-3;
  // A row within the bound of the threshold may be on either side of it.
  const std::vector<Row> wanted = rows(expected, kLeast);
  const std::vector<Row> found = rows(actual, kLeast - kBound);
  std::vector<bool> used(found.size(), false);
  for (const Row& row : wanted) {
    const auto match = counterpart(row, found, used);
    ASSERT_TRUE(match.has_value()) << "no row for label " << row.label << " confidence " << row.confidence;
    EXPECT_NEAR(found[*match].confidence, row.confidence, kBound);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(found[*match].corners.at(i), row.corners.at(i), kBound);
    }
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_TRUE(used[i] || found[i].confidence < kLeast + kBound) << "extra row of confidence " << found[i].confidence;
  }
}

void expect_near(const std::vector<double>& actual, const std::vector<double>& expected) {
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

}  // namespace fovea::test
