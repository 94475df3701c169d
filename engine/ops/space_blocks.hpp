// Index arithmetic of DepthToSpace and SpaceToDepth: a block of b^k positions is a block of channels.
#pragma once

#include <array>
#include <cstdint>

#include "engine/ops/attributes.hpp"
#include "engine/ops/movement.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {

enum class BlockMode : std::uint8_t {
  kBlocksFirst,  ///< Channel = block * C + c.
  kDepthFirst,   ///< Channel = c * b^k + block.
};

struct BlockAttributes {
  std::int64_t block_size = 1;
  BlockMode mode = BlockMode::kBlocksFirst;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("block_size", block_size);
    visit("mode", mode);
  }
  bool operator==(const BlockAttributes&) const = default;
};

/// The block size, checked; the data must have one to three spatial axes.
inline std::int64_t checked_block(const BlockAttributes& attributes, const Shape& data) {
  check_rank(data, 3, 5, "data");
  check_range(attributes.block_size, 1, 1 << 15, "block_size");
  return attributes.block_size;
}

inline std::int64_t block_volume(const BlockAttributes& attributes, std::size_t rank) {
  std::int64_t volume = 1;
  for (std::size_t i = 2; i < rank; ++i) {
    volume *= attributes.block_size;
  }
  return volume;
}

/// Where element [n, c, y…] of the fine tensor [N, C, D*b…] stands in the coarse one [N, C*b^k, D…].
inline Shape coarse_index(const BlockAttributes& attributes, const Shape& fine, std::int64_t channels) {
  Shape coarse = fine;
  std::int64_t block = 0;
  for (std::size_t i = 2; i < fine.size(); ++i) {
    block = block * attributes.block_size + fine[i] % attributes.block_size;
    coarse[i] = fine[i] / attributes.block_size;
  }
  coarse[1] = attributes.mode == BlockMode::kBlocksFirst ? block * channels + fine[1]
                                                         : fine[1] * block_volume(attributes, fine.size()) + block;
  return coarse;
}

/// The inverse of coarse_index.
inline Shape fine_index(const BlockAttributes& attributes, const Shape& coarse, std::int64_t channels) {
  Shape fine = coarse;
  const std::int64_t volume = block_volume(attributes, coarse.size());
  const bool blocks_first = attributes.mode == BlockMode::kBlocksFirst;
  std::int64_t block = blocks_first ? coarse[1] / channels : coarse[1] % volume;
  fine[1] = blocks_first ? coarse[1] % channels : coarse[1] / volume;
  for (std::size_t i = coarse.size(); i-- > 2;) {
    fine[i] = coarse[i] * attributes.block_size + block % attributes.block_size;
    block /= attributes.block_size;
  }
  return fine;
}

}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::BlockMode> {
  static constexpr std::array kNames = {std::pair{"blocks_first", ops::BlockMode::kBlocksFirst},
                                        std::pair{"depth_first", ops::BlockMode::kDepthFirst}};
};
}  // namespace fovea
