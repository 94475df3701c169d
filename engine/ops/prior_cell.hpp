// Placing a list of boxes over every cell of a feature map: what PriorBox and PriorBoxClustered share.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

/// One box of a cell, in image pixels relative to the cell's centre.
struct CellBox {
  double shift_x = 0;
  double shift_y = 0;
  double half_width = 0;
  double half_height = 0;
  bool clip = false;  ///< The left and top side at 0, the right and bottom side at 1.
};

struct CellGrid {
  std::int64_t layer_height = 1;
  std::int64_t layer_width = 1;
  std::int64_t image_height = 1;
  std::int64_t image_width = 1;
  double step_x = 0;  ///< Distance of cell centres in image pixels.
  double step_y = 0;
  double offset = 0.5;  ///< Of the first centre, in cells.
  bool clip = false;    ///< All sides to [0,1].
};

/// Layer and image extents from the two inputs, which hold [height, width].
CellGrid read_grid(const std::vector<std::int64_t>& layer, const std::vector<std::int64_t>& image);

/// [2, H*W*boxes*4] in f32. \throws Error{kUnsupported} when the layer's extents are not constant.
std::vector<TensorType> infer_cells(std::span<const InputInfo> inputs, std::size_t boxes, std::size_t variances);

/// Row 0: xmin, ymin, xmax, ymax of every box over the image's extents, by row, column, box. Row 1: variances, one for
/// all or one per coordinate; none means 0.1.
void fill_cells(const CellGrid& grid, std::span<const CellBox> boxes, const std::vector<double>& variances,
                const TensorView& output);

}  // namespace fovea::ops
