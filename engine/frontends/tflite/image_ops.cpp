// Convolutions, poolings, resizing, blocks.
// https://www.tensorflow.org/mlir/tfl_ops

#include "engine/frontends/tflite/importer.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::tflite {
namespace {

using importer::Ints;
using importer::Padding;
using importer::Ref;
using importer::WindowSpec;
using Code = schema::BuiltinOperator;

/// The operator's options. \throws Error{kInvalidModel} when there are none.
template <class Options>
const Options& required(const Options* options) {
  if (options == nullptr) {
    fail(ErrorCode::kInvalidModel, "has no options");
  }
  return *options;
}

Padding padding_of(schema::Padding padding) {
  return {
      .kind = padding == schema::Padding::kSame ? Padding::Kind::kSame : Padding::Kind::kValid, .begin = {}, .end = {}};
}

/// A static image shape [·,·,·,·] of weights.
Shape weight_shape(const OpContext& c, std::size_t input) {
  Shape shape = c.input_info(input).type.shape;
  ops::check_rank(shape, 4, 4, "weights");
  if (!is_static(shape) || element_count(shape) == 0) {
    fail(ErrorCode::kInvalidModel, "weights of {}", to_string(shape));
  }
  return shape;
}

/// Weights [O,H,W,I].
void conv_2d(const OpContext& c) {
  const auto& options = required(c.op().options_as_Conv2DOptions());
  const Shape w = weight_shape(c, 1);
  const Product product = {.activation = options.activation()};
  const Ref x = c.data(product);
  const WindowSpec window = {.strides = {options.stride_h(), options.stride_w()},
                             .dilations = {options.dilation_h(), options.dilation_w()},
                             .padding = padding_of(options.padding())};
  const std::int64_t channels = c.nhwc().shape(x).empty() ? 0 : c.nhwc().shape(x).back();
  const Ints order = {0, 3, 1, 2};
  ValueId weights = kNone;
  if (channels > 0 && channels != w[3]) {  // fewer channels a filter: groups
    if (channels % w[3] != 0 || w[0] % (channels / w[3]) != 0) {
      fail(ErrorCode::kInvalidModel, "weights {} for {} channels", to_string(w), channels);
    }
    const std::int64_t groups = channels / w[3];
    weights = c.weights(product, order, {groups, w[0] / groups, w[3], w[1], w[2]});
  } else {
    weights = c.weights(product, order, {w[0], w[3], w[1], w[2]});
  }
  c.set_product(c.nhwc().convolution(c.name(), x, weights, window), product);
}

/// Weights [1,H,W,C·M]: M filters a channel.
void depthwise_conv_2d(const OpContext& c) {
  const auto& options = required(c.op().options_as_DepthwiseConv2DOptions());
  const Shape w = weight_shape(c, 1);
  const Product product = {.outputs_axis = 3, .activation = options.activation(), .halves_up = false};
  const Ref x = c.data(product);
  const std::int64_t channels = c.nhwc().shape(x).empty() ? 0 : c.nhwc().shape(x).back();
  if (channels < 1 || w[3] % channels != 0 || w[0] != 1) {
    fail(ErrorCode::kInvalidModel, "weights {} for {} channels", to_string(w), channels);
  }
  const WindowSpec window = {.strides = {options.stride_h(), options.stride_w()},
                             .dilations = {options.dilation_h(), options.dilation_w()},
                             .padding = padding_of(options.padding())};
  const ValueId weights = c.weights(product, {3, 0, 1, 2}, {channels, w[3] / channels, 1, w[1], w[2]});
  c.set_product(c.nhwc().convolution(c.name(), x, weights, window), product);
}

/// Inputs: output shape, weights [O,H,W,I], data, and (newer files) bias.
void transpose_conv(const OpContext& c) {
  const auto& options = required(c.op().options_as_TransposeConvOptions());
  const Shape w = weight_shape(c, 1);
  const Ints output = c.ints(0, "output shape");
  if (output.size() != 4) {
    fail(ErrorCode::kInvalidModel, "an output shape of {} values, expected 4", output.size());
  }
  const WindowSpec window = {.strides = {options.stride_h(), options.stride_w()},
                             .dilations = {1, 1},
                             .padding = padding_of(options.padding())};
  const Product product = {.data = 2, .bias = 3, .activation = options.activation(), .halves_up = false};
  const ValueId weights = c.weights(product, {3, 0, 1, 2}, {w[3], w[0], w[1], w[2]});
  c.set_product(c.nhwc().transposed_convolution(c.name(), c.data(product), weights, window, {output[1], output[2]}),
                product);
}

void pool(const OpContext& c, bool maximum) {
  const auto& options = required(c.op().options_as_Pool2DOptions());
  const WindowSpec window = {.strides = {options.stride_h(), options.stride_w()},
                             .dilations = {1, 1},
                             .padding = padding_of(options.padding())};
  const Ints kernel = {options.filter_h(), options.filter_w()};
  const schema::Activation activation = options.activation();
  if (maximum && activation == schema::Activation::kNone) {
    c.set_moved(c.nhwc().pool(c.name(), c.moved_input(), true, kernel, window));
  } else if (!maximum && c.keeps_steps() && is_limits(activation)) {
    // The original rounds halves of an average up. Averages are multiples of 1/elements: a quarter of that moves no
    // other.
    const double elements = static_cast<double>(kernel[0]) * static_cast<double>(kernel[1]);
    c.set_steps(c.nhwc().pool(c.name(), c.steps(0), false, kernel, window), {1}, activation,
                {.steps = 1 / (4 * elements)});
  } else {
    c.set(c.nhwc().pool(c.name(), c.input(0), maximum, kernel, window), activation);
  }
}

void resize_bilinear(const OpContext& c) {
  const auto& options = required(c.op().options_as_ResizeBilinearOptions());
  const Ref resized = c.nhwc().resize(c.name(), c.moved_input(), importer::Resize::kBilinear, c.ints(1, "sizes"),
                                      options.align_corners(), options.half_pixel_centers());
  if (c.keeps_steps()) {
    // The original rounds halves up, and halves are frequent where the ratio is a whole number. 2^−13 of a step is
    // above what f32 errs by around 255 and far below what matters.
    c.set_steps(resized, {1}, schema::Activation::kNone, {.steps = 1.0 / 8192});
  } else {
    c.set(resized);
  }
}

void resize_nearest(const OpContext& c) {
  const auto& options = required(c.op().options_as_ResizeNearestOptions());
  c.set_moved(c.nhwc().resize(c.name(), c.moved_input(), importer::Resize::kNearest, c.ints(1, "sizes"),
                              options.align_corners(), options.half_pixel_centers()));
}

void depth_to_space(const OpContext& c) {
  c.set_moved(c.nhwc().depth_to_space(c.name(), c.moved_input(),
                                      required(c.op().options_as_DepthToSpaceOptions()).block_size()));
}

void space_to_depth(const OpContext& c) {
  c.set_moved(c.nhwc().space_to_depth(c.name(), c.moved_input(),
                                      required(c.op().options_as_SpaceToDepthOptions()).block_size()));
}

/// Rows of [n,2] as two lists.
std::pair<Ints, Ints> pairs(const Ints& values) {
  std::pair<Ints, Ints> lists;
  for (std::size_t i = 0; i + 1 < values.size(); i += 2) {
    lists.first.push_back(values[i]);
    lists.second.push_back(values[i + 1]);
  }
  return lists;
}

void space_to_batch(const OpContext& c) {
  const auto [begin, end] = pairs(c.ints(2, "paddings"));
  c.set_moved(c.nhwc().space_to_batch(c.name(), c.moved_input(), c.ints(1, "block"), begin, end));
}

void batch_to_space(const OpContext& c) {
  const auto [begin, end] = pairs(c.ints(2, "crops"));
  c.set_moved(c.nhwc().batch_to_space(c.name(), c.moved_input(), c.ints(1, "block"), begin, end));
}

}  // namespace

void add_image_ops(Converters& converters) {
  const Converters own = {
      {Code::AVERAGE_POOL_2D, [](const OpContext& c) { pool(c, false); }},
      {Code::BATCH_TO_SPACE_ND, batch_to_space},
      {Code::CONV_2D, conv_2d},
      {Code::DEPTHWISE_CONV_2D, depthwise_conv_2d},
      {Code::DEPTH_TO_SPACE, depth_to_space},
      {Code::MAX_POOL_2D, [](const OpContext& c) { pool(c, true); }},
      {Code::RESIZE_BILINEAR, resize_bilinear},
      {Code::RESIZE_NEAREST_NEIGHBOR, resize_nearest},
      {Code::SPACE_TO_BATCH_ND, space_to_batch},
      {Code::SPACE_TO_DEPTH, space_to_depth},
      {Code::TRANSPOSE_CONV, transpose_conv},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::tflite
