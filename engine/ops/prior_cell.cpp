#include "engine/ops/prior_cell.hpp"

#include <algorithm>
#include <array>

#include "engine/ops/shapes.hpp"

namespace fovea::ops {

CellGrid read_grid(const std::vector<std::int64_t>& layer, const std::vector<std::int64_t>& image) {
  if (layer.size() != 2 || image.size() != 2) {
    fail(ErrorCode::kInvalidModel, "layer and image extents have {} and {} values, expected 2: height, width",
         layer.size(), image.size());
  }
  for (std::size_t i = 0; i < 2; ++i) {
    check_range(layer[i], 1, kMaxAttribute, "a layer extent");
    check_range(image[i], 1, kMaxAttribute, "an image extent");
  }
  return {.layer_height = layer[0], .layer_width = layer[1], .image_height = image[0], .image_width = image[1]};
}

std::vector<TensorType> infer_cells(std::span<const InputInfo> inputs, std::size_t boxes, std::size_t variances) {
  const CellGrid grid = read_grid(constant_ints(inputs[0], "layer extents"), constant_ints(inputs[1], "image extents"));
  if (variances != 0 && variances != 1 && variances != 4) {
    fail(ErrorCode::kInvalidModel, "variance has {} values, expected none, 1 or 4", variances);
  }
  const std::int64_t cells = multiply_extents(grid.layer_height, grid.layer_width);
  return {{DataType::kF32, {2, multiply_extents(cells, static_cast<std::int64_t>(4 * boxes))}}};
}

void fill_cells(const CellGrid& grid, std::span<const CellBox> boxes, const std::vector<double>& variances,
                const TensorView& output) {
  const auto width = static_cast<double>(grid.image_width);
  const auto height = static_cast<double>(grid.image_height);
  std::vector<double> values;
  for (std::int64_t row = 0; row < grid.layer_height; ++row) {
    for (std::int64_t column = 0; column < grid.layer_width; ++column) {
      for (const CellBox& box : boxes) {
        const double x = (static_cast<double>(column) + grid.offset) * grid.step_x + box.shift_x;
        const double y = (static_cast<double>(row) + grid.offset) * grid.step_y + box.shift_y;
        std::array<double, 4> sides = {(x - box.half_width) / width, (y - box.half_height) / height,
                                       (x + box.half_width) / width, (y + box.half_height) / height};
        for (std::size_t i = 0; i < sides.size(); ++i) {
          if (grid.clip) {
            sides[i] = std::clamp(sides[i], 0.0, 1.0);
          } else if (box.clip) {
            sides[i] = i < 2 ? std::max(sides[i], 0.0) : std::min(sides[i], 1.0);
          }
        }
        values.insert(values.end(), sides.begin(), sides.end());
      }
    }
  }
  const std::size_t count = values.size();
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(variances.empty() ? 0.1 : variances[variances.size() == 1 ? 0 : i % 4]);
  }
  store(output, values);
}

}  // namespace fovea::ops
