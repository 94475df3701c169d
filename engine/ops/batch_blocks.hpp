// Blocks that BatchToSpace and SpaceToBatch move between the batch and the other axes.
#pragma once

#include <string_view>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {

/// Inputs 1 to 3 as lists of one value an axis.
struct BatchBlocks {
  std::vector<std::int64_t> block;
  std::vector<std::int64_t> begin;
  std::vector<std::int64_t> end;
  std::int64_t volume = 1;  ///< Product of `block`.
};

/// Computes the volume. \param edges  "crops" or "pads", for messages.
/// \throws Error{kInvalidModel} for lists of another length than `rank`, and values that axes cannot have.
inline BatchBlocks check_blocks(BatchBlocks blocks, std::size_t rank, std::string_view edges) {
  if (blocks.block.size() != rank || blocks.begin.size() != rank || blocks.end.size() != rank || rank < 2) {
    fail(ErrorCode::kInvalidModel, "has lists of {}, {} and {} values for rank {}", blocks.block.size(),
         blocks.begin.size(), blocks.end.size(), rank);
  }
  for (std::size_t i = 0; i < rank; ++i) {
    check_range(blocks.block[i], 1, i == 0 ? 1 : kMaxAttribute, "block_shape");
    check_range(blocks.begin[i], 0, i == 0 ? 0 : kMaxAttribute, fmt::format("{}_begin", edges));
    check_range(blocks.end[i], 0, i == 0 ? 0 : kMaxAttribute, fmt::format("{}_end", edges));
    blocks.volume = multiply_extents(blocks.volume, blocks.block[i]);
  }
  return blocks;
}

}  // namespace fovea::ops
