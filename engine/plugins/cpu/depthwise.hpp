// Depthwise convolutions, channels last: a panel of channels at a time, whose rows stay in the first caches. A 1x1
// convolution before it, which no one else reads, is computed row by row into the same place and never stored.
#pragma once

#include <cstdint>
#include <span>

#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/finish.hpp"
#include "engine/plugins/cpu/panel_rows.hpp"

namespace fovea::cpu {

/// Taps of a filter at most.
inline constexpr std::int64_t kMostTaps = 121;

struct DepthwiseShape {
  std::int64_t batch = 1;
  std::int64_t channels = 0;
  std::int64_t depth = 0;  ///< Channels of the picture a 1x1 convolution makes the input of; 0: there is none.
  ops::Window rows, columns;
};

/// How the work is divided: chunks are a range of output rows of a panel of a picture.
struct DepthwisePlan {
  DepthwiseShape shape;
  std::int64_t panels = 0;
  std::int64_t ranges = 1;         ///< Of rows.
  std::int64_t ring_rows = 0;      ///< Input rows held at a time.
  std::int64_t ring_columns = 0;   ///< With padding.
  std::size_t scratch_floats = 0;  ///< Of each thread.
  std::size_t sums_floats = 0;     ///< For means: each chunk's sums.

  [[nodiscard]] std::size_t chunks() const { return static_cast<std::size_t>(shape.batch * ranges * panels); }
};

DepthwisePlan plan_depthwise(const DepthwiseShape& shape, int threads);

/// One of the two convolutions, shared by all requests.
struct PackedFilters {
  std::span<const float> panels;  ///< See packed_panels.
  Finish finish;                  ///< Its bias has whole panels.
};

/// What one run reads and writes.
struct DepthwiseMemory {
  const float* src = nullptr;  ///< [batch, rows, columns, depth or channels]
  float* dst = nullptr;
  const FinishOperand* expand_operands = nullptr;  ///< Of each step of the 1x1 convolution's finish.
  const FinishOperand* operands = nullptr;         ///< As much of the depthwise one's.
  float* scratch = nullptr;                        ///< plan.scratch_floats of the thread, aligned to 64 bytes.
  float* sums = nullptr;                           ///< plan.sums_floats; nullptr: no means are wanted.
};

/// Computes one chunk. Chunks are independent. Allocates nothing. \param expand  For shape.depth > 0.
void run_depthwise_chunk(const DepthwisePlan& plan, const PackedFilters* expand, const PackedFilters& filters,
                         const DepthwiseMemory& memory, std::size_t chunk);

/// means[n, c] from the sums of all chunks.
void mean_of_sums(const DepthwisePlan& plan, const float* sums, float* means);

}  // namespace fovea::cpu
