// What the fast preprocessing and its reference share: where pixels come from and how colours are computed.
// Internal to vision/.
#pragma once

#include <array>

#include "vision/preprocess.hpp"

namespace fovea::preprocess {

/// Where the picture lies in the network's input and where its samples lie in the frame. Output column i (0 at
/// dst_x_px) covers the frame from src_x + i·step_x to src_x + (i+1)·step_x, in luma pixels with edges at integers.
struct Placement {
  int dst_x_px = 0;
  int dst_y_px = 0;
  int dst_width_px = 0;
  int dst_height_px = 0;
  double src_x = 0;
  double src_y = 0;
  double step_x = 1;
  double step_y = 1;
  Mapping mapping;
};

/// \throws Error{kInvalidArgument} when the region is empty after clipping or not finite.
Placement place(const PreProcessSpec& spec, int frame_width_px, int frame_height_px, const Box& region);

/// The two samples of a line and the weight of the second: value = s[first]·(1 − weight) + s[second]·weight.
struct Taps {
  int first = 0;
  int second = 0;
  double weight = 0;
};

/// Taps of output position `index` on a line of `length` samples, each `subsampling` pixels wide (2 for chroma). The
/// sample's centre is the middle of the pixels it covers; beyond the first and last centre the edge is repeated.
Taps taps(double start, double step, int index, int subsampling, int length);

/// out[c] = clamp(Σ_p matrix[c][p] · plane[p] + offset[c], 0, 255) · gain[c] + bias[c], planes in the order of the
/// samples that are read: Y U V; the bytes of packed pixels in memory order; one gray.
struct ColourPlan {
  int planes = 1;    ///< 1 or 3.
  int channels = 3;  ///< 1 or 3.
  std::array<std::array<double, 3>, 3> matrix{};
  std::array<double, 3> offset{};
  std::array<double, 3> gain{1, 1, 1};
  std::array<double, 3> bias{};
  bool operator==(const ColourPlan&) const = default;
};

ColourPlan colour_plan(const PreProcessSpec& spec, const FrameView& frame);

/// \throws Error{kInvalidArgument} when sizes, type, mean or scale are out of range.
void check_spec(const PreProcessSpec& spec);

/// \throws Error{kInvalidArgument} when the tensor's type is not the one the spec describes.
void check_output(const PreProcessSpec& spec, const TensorView& output);

inline int channel_count(ChannelOrder order) { return order == ChannelOrder::kGray ? 1 : 3; }

}  // namespace fovea::preprocess
