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

/// A row of results: some channels of pixels, and what is done to sums before they are stored.
struct PanelRow {
  float* dst = nullptr;         ///< First pixel, first channel.
  std::int64_t stride = 0;      ///< Floats from pixel to pixel.
  std::int64_t channels = 0;    ///< Those of one panel at most, where nothing else is said.
  std::int64_t pixels = 0;      ///< At least 1.
  const float* bias = nullptr;  ///< A value a channel, whole panels.
  /// Not nullptr: added before the limits, like dst the first pixel and channel. Not where something is left to do.
  const float* addend = nullptr;
  std::int64_t addend_stride = 0;  ///< Floats from pixel to pixel.
  float least = -std::numeric_limits<float>::infinity();
  float most = std::numeric_limits<float>::infinity();
};

/// The part of a node's finish that PanelRow does not say, and where the row lies in the node's output.
struct PanelRest {
  const Finish* finish = nullptr;  ///< nullptr: nothing is left.
  std::size_t first = 0;           ///< The first step that is left.
  const FinishOperand* operands = nullptr;
  std::int64_t channel = 0;  ///< The first of the row.
  std::int64_t pixel = 0;    ///< Index of the row's first one in the whole output.
  float* sums = nullptr;     ///< Not nullptr: results are added up over the pixels here, a whole panel.
};

/// Factors of a product: factor k of pixel p is data[p · stride + k].
struct PixelFactors {
  const float* data = nullptr;
  std::int64_t stride = 0;
};

/// row = finish(bias + factors · panels). \param row  Any number of channels. \param panels  Aligned to vectors.
void multiply_rows(const PixelFactors& factors, const float* panels, std::int64_t depth, const PanelRow& row,
                   const PanelRest& rest);

/// The product of a single pixel with panels; waits for memory, so it reads several panels at a time.
/// \param row  Any number of channels.
void multiply_pixel(const float* factors, const float* panels, std::int64_t depth, const PanelRow& row,
                    const PanelRest& rest);

/// scaled[p, k, c] = panels[p, k, c] · factors[k] for `count` panels.
void scale_panels(const float* panels, const float* factors, std::int64_t depth, std::int64_t count, float* scaled);

/// row = finish(bias + Σ weights[t] · taps[t]). \param taps  The first pixel's input for each tap, whole panels.
/// \param step  Floats between the inputs of neighbouring pixels. \param weights  [taps, panel_channels()], aligned.
void depthwise_row(const float* const* taps, std::int64_t tap_count, std::int64_t step, const float* weights,
                   const PanelRow& row, const PanelRest& rest);

/// Copies channels of a row of pixels, missing ones of the panel as zeros. No bias, no limits.
void copy_row(const float* src, std::int64_t src_stride, const PanelRow& row);

/// What of a finish PanelRow can say: limits, or all of it where an operand as large as the output is added before.
struct PanelLimits {
  std::size_t steps = 0;  ///< Of the finish, that these are.
  bool adds = false;      ///< The first step is the addend.
  float least = PanelRow().least;
  float most = PanelRow().most;
};
PanelLimits limits_of(const Finish& finish, bool may_add);

}  // namespace fovea::cpu
