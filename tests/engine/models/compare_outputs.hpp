// How outputs of models are compared with recorded ones.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "vision/geometry.hpp"

namespace fovea::test {

/// A row of DetectionOutput.
struct Row {
  int image = 0;
  int label = 0;
  double confidence = 0;
  std::array<double, 4> corners{};  ///< xmin, ymin, xmax, ymax

  [[nodiscard]] Box box() const {
    return {static_cast<float>(corners[0]), static_cast<float>(corners[1]), static_cast<float>(corners[2] - corners[0]),
            static_cast<float>(corners[3] - corners[1])};
  }
};

/// Rows of [1,1,N,7] with at least this confidence, up to the end mark.
std::vector<Row> rows(const std::vector<double>& values, double least);

/// The best unused counterpart of a row: same label, largest overlap. It is marked as used.
std::optional<std::size_t> counterpart(const Row& row, const std::vector<Row>& others, std::vector<bool>& used);

/// Every row above a confidence of 0.5 has a counterpart within 1e-3, in both directions.
void expect_same_detections(const std::vector<double>& actual, const std::vector<double>& expected);

/// Agreement within 1e-4 of the largest magnitude: f32 rounding accumulated over some hundred layers.
void expect_near(const std::vector<double>& actual, const std::vector<double>& expected);

}  // namespace fovea::test
