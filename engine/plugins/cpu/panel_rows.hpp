// Inner loops of our own 1x1 and depthwise convolutions: rows of pixels times a panel of channels (two vectors),
// channels last. Each instruction set has its own copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "engine/plugins/cpu/finish.hpp"

namespace fovea::cpu {

/// Channels of a panel: two of this machine's vectors. Packed weights therefore fit this process only.
std::int64_t panel_channels();

/// [outputs, depth] as panels one after another, each [depth, panel_channels()], missing outputs zero. Depthwise
/// filters are [channels, taps].
Tensor pack_panels(const float* weights, std::int64_t outputs, std::int64_t depth);

/// Where a row of results of one panel goes and what is done to it on the way.
struct PanelRow {
  float* dst = nullptr;         ///< First pixel, first channel of the panel.
  std::int64_t stride = 0;      ///< Floats from pixel to pixel.
  std::int64_t channels = 0;    ///< That are stored, at most panel_channels().
  std::int64_t pixels = 0;      ///< At least 1.
  const float* bias = nullptr;  ///< panel_channels() values.
  float least = -std::numeric_limits<float>::infinity();
  float most = std::numeric_limits<float>::infinity();
};

/// Factors of a product: factor k of pixel p is data[p · stride + (offsets ? offsets[k] : k)].
struct PixelFactors {
  const float* data = nullptr;
  std::int64_t stride = 0;
  const std::int64_t* offsets = nullptr;
};

/// row = limits(bias + factors · panel). \param panel  [depth, panel_channels()], aligned to vectors.
void multiply_row(const PixelFactors& factors, const float* panel, std::int64_t depth, const PanelRow& row);

/// The product of a single pixel with all panels; waits for memory, so it reads several panels at a time.
/// \param bias  Of all outputs, whole panels.
void multiply_pixel(const float* factors, const float* panels, std::int64_t depth, std::int64_t outputs,
                    const float* bias, float least, float most, float* dst);

/// scaled[p, k, c] = panels[p, k, c] · factors[k] for `count` panels.
void scale_panels(const float* panels, const float* factors, std::int64_t depth, std::int64_t count, float* scaled);

/// row = limits(bias + Σ weights[t] · taps[t]). \param taps  The first pixel's input for each tap, whole panels.
/// \param step  Floats between the inputs of neighbouring pixels. \param weights  [taps, panel_channels()], aligned.
void depthwise_row(const float* const* taps, std::int64_t tap_count, std::int64_t step, const float* weights,
                   const PanelRow& row);

/// Copies `row.channels` channels of a row of pixels, missing ones as zeros; bias and limits are not looked at.
void copy_row(const float* src, std::int64_t src_stride, const PanelRow& row);

/// A panel's part of a node's output.
struct PanelPlace {
  std::int64_t channel = 0;  ///< The first.
  std::int64_t outputs = 0;  ///< Channels of the whole output.
  std::int64_t at = 0;       ///< Index of the row's first pixel, channel 0, in the whole output.
};

/// Applies the steps of `finish` from `first` on to what `row` holds, in place.
void finish_row(const Finish& finish, std::size_t first, const float* const* operands, const PanelPlace& place,
                const PanelRow& row);

/// sums[c] += Σ over the row's pixels, for all row.channels. \param sums  Whole panels.
void add_row(const PanelRow& row, float* sums);

/// The limits of `finish` if its first step is one that multiply_row and depthwise_row apply themselves.
/// \return How many steps these limits stand for.
std::size_t take_limits(const Finish& finish, float& least, float& most);

}  // namespace fovea::cpu
