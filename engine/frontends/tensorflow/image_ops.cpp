// Convolutions, poolings, normalisation, resizing, blocks.
// https://www.tensorflow.org/api_docs/python/tf/raw_ops

#include <cmath>

#include "engine/frontends/common/permute.hpp"
#include "engine/frontends/tensorflow/importer.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::tensorflow {
namespace {

using importer::Ints;
using importer::Padding;
using importer::Ref;
using importer::WindowSpec;
using Refs = std::vector<Ref>;

WindowSpec window_of(const NodeContext& c) {
  WindowSpec window = {.strides = c.spatial(c.list_attr("strides"), "strides"),
                       .dilations = c.spatial(c.list_attr("dilations"), "dilations"),
                       .padding = {}};
  const std::string padding = c.text_attr("padding", "VALID");
  if (padding == "SAME") {
    window.padding.kind = Padding::Kind::kSame;
  } else if (padding == "EXPLICIT") {
    const Ints pads = c.list_attr("explicit_paddings");
    constexpr std::size_t kPairs = 8;
    if (pads.size() != kPairs) {
      fail(ErrorCode::kInvalidModel, "explicit_paddings has {} values, expected {}", pads.size(), kPairs);
    }
    const std::size_t first = c.is_nchw() ? 4 : 2;
    window.padding = {.kind = Padding::Kind::kExplicit,
                      .begin = {pads[first], pads[first + 2]},
                      .end = {pads[first + 1], pads[first + 3]}};
  } else if (padding != "VALID") {
    fail(ErrorCode::kInvalidModel, "padding is '{}', expected SAME, VALID or EXPLICIT", padding);
  }
  return window;
}

/// A filter with its axes in another order; constants are turned at once.
ValueId turned(const NodeContext& c, std::size_t i, const Ints& order, const Shape& shape) {
  const Ref filter = c.input(i);
  const ValueId value = c.nhwc().plain(filter);
  if (const Tensor* constant = c.graph().graph().constant(value)) {
    return c.graph().constant(c.name() + "/weights", importer::permuted(*constant, order).reshaped(shape));
  }
  const ValueId transposed = c.graph().transpose(c.name() + "/weights", value, order);
  return c.graph().reshape(c.name() + "/weights_shape", transposed, shape, false);
}

Shape filter_shape(const NodeContext& c, std::size_t i) {
  Shape shape = c.nhwc().shape(c.input(i));
  ops::check_rank(shape, 4, 4, "filter");
  if (!is_static(shape) || element_count(shape) == 0) {
    fail(ErrorCode::kInvalidModel, "a filter of {}", to_string(shape));
  }
  return shape;
}

/// Filter [H,W,I,O].
Refs conv_2d(const NodeContext& c) {
  const Shape w = filter_shape(c, 1);
  const Ref x = c.image(0);
  const Shape data = c.nhwc().shape(x);
  ops::check_rank(data, 4, 4, "data");
  const Ints order = {3, 2, 0, 1};
  const std::int64_t channels = data[3];
  if (channels > 0 && channels != w[2]) {  // fewer channels a filter: groups
    if (channels % w[2] != 0 || w[3] % (channels / w[2]) != 0) {
      fail(ErrorCode::kInvalidModel, "a filter {} for {} channels", to_string(w), channels);
    }
    const std::int64_t groups = channels / w[2];
    const ValueId weights = turned(c, 1, order, {groups, w[3] / groups, w[2], w[0], w[1]});
    return {c.from_image(c.nhwc().convolution(c.name(), x, weights, window_of(c)))};
  }
  const ValueId weights = turned(c, 1, order, {w[3], w[2], w[0], w[1]});
  return {c.from_image(c.nhwc().convolution(c.name(), x, weights, window_of(c)))};
}

/// Filter [H,W,C,M]: M filters a channel.
Refs depthwise(const NodeContext& c) {
  const Shape w = filter_shape(c, 1);
  const ValueId weights = turned(c, 1, {2, 3, 0, 1}, {w[2], w[3], 1, w[0], w[1]});
  return {c.from_image(c.nhwc().convolution(c.name(), c.image(0), weights, window_of(c)))};
}

/// Inputs: output shape, filter [H,W,O,I] of the forward convolution, data.
Refs conv_2d_backprop_input(const NodeContext& c) {
  const Shape w = filter_shape(c, 1);
  const Ints output = c.ints(0, "output shape");
  const std::size_t first = c.is_nchw() ? 2 : 1;
  if (output.size() != 2 && output.size() != 4) {
    fail(ErrorCode::kInvalidModel, "an output shape of {} values, expected 4", output.size());
  }
  const Ints extents = output.size() == 2 ? output : Ints{output[first], output[first + 1]};
  const ValueId weights = turned(c, 1, {3, 2, 0, 1}, {w[3], w[2], w[0], w[1]});
  return {c.from_image(c.nhwc().transposed_convolution(c.name(), c.image(2), weights, window_of(c), extents))};
}

Refs pool(const NodeContext& c, bool maximum) {
  const Ints kernel = c.spatial(c.list_attr("ksize"), "ksize");
  return {c.from_image(c.nhwc().pool(c.name(), c.image(0), maximum, kernel, window_of(c)))};
}

Refs bias_add(const NodeContext& c) {
  if (c.is_nchw()) {
    return {c.from_image(c.nhwc().add_bias(c.name(), c.image(0), c.nhwc().plain(c.input(1))))};
  }
  return {c.nhwc().binary("Add", c.name(), c.input(0), c.input(1))};
}

/// Inputs: data, scale, offset, mean, variance. Weights that are computed (Dequantize) make the factors nodes too.
Refs fused_batch_norm(const NodeContext& c) {
  if (c.bool_attr("is_training", true)) {
    fail(ErrorCode::kUnsupported, "is_training is true: the graph is not meant for inference");
  }
  auto& n = c.nhwc();
  const ValueId epsilon = c.graph().scalar(c.float_attr("epsilon", 1e-4F));
  const Ref spread = n.with_scalars("Add", c.name() + "/spread", c.input(4), {epsilon});
  const Ref root = n.unary("Sqrt", c.name() + "/deviation", spread);
  const Ref scale = n.binary("Divide", c.name() + "/factor", c.input(1), root);
  const Ref product = n.binary("Multiply", c.name() + "/product", c.input(3), scale);
  const Ref shift = n.binary("Subtract", c.name() + "/shift", c.input(2), product);
  if (!c.is_nchw()) {
    const Ref scaled = n.binary("Multiply", c.name() + "/scaled", c.input(0), scale);
    return {n.binary("Add", c.name(), scaled, shift)};
  }
  const ValueId factor = c.graph().reshape(c.name() + "/factor_nchw", n.plain(scale), {1, -1, 1, 1}, false);
  const ValueId scaled = c.graph().add("Multiply", c.name() + "/scaled", {n.plain(c.input(0)), factor});
  return {c.from_image(n.add_bias(c.name(), n.from_nchw(scaled), n.plain(shift)))};
}

Refs lrn(const NodeContext& c) {
  const std::int64_t radius = c.int_attr("depth_radius", 5);
  ops::check_range(radius, 0, ops::kMaxAttribute / 2, "depth_radius");
  const std::int64_t size = 2 * radius + 1;
  // Ours divides alpha by the size of the window.
  const double alpha = static_cast<double>(c.float_attr("alpha", 1)) * static_cast<double>(size);
  auto& n = c.nhwc();
  return {n.from_nchw(c.graph().add(
      "LRN", c.name(), {n.nchw(c.input(0)), c.graph().ints({1})},
      {{"alpha", alpha}, {"beta", c.float_attr("beta", 0.5F)}, {"bias", c.float_attr("bias", 1)}, {"size", size}}))};
}

Refs resize(const NodeContext& c, importer::Resize mode) {
  return {c.nhwc().resize(c.name(), c.input(0), mode, c.ints(1, "sizes"), c.bool_attr("align_corners", false),
                          c.bool_attr("half_pixel_centers", false))};
}

Refs depth_to_space(const NodeContext& c) {
  return {c.from_image(c.nhwc().depth_to_space(c.name(), c.image(0), c.int_attr("block_size", 0)))};
}

Refs space_to_depth(const NodeContext& c) {
  return {c.from_image(c.nhwc().space_to_depth(c.name(), c.image(0), c.int_attr("block_size", 0)))};
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

Refs space_to_batch(const NodeContext& c) {
  const auto [begin, end] = pairs(c.ints(2, "paddings"));
  return {c.nhwc().space_to_batch(c.name(), c.input(0), c.ints(1, "block_shape"), begin, end)};
}

Refs batch_to_space(const NodeContext& c) {
  const auto [begin, end] = pairs(c.ints(2, "crops"));
  return {c.nhwc().batch_to_space(c.name(), c.input(0), c.ints(1, "block_shape"), begin, end)};
}

}  // namespace

void add_image_ops(Converters& converters) {
  const Converters own = {
      {"AvgPool", [](const NodeContext& c) { return pool(c, false); }},
      {"BatchToSpaceND", batch_to_space},
      {"BiasAdd", bias_add},
      {"Conv2D", conv_2d},
      {"Conv2DBackpropInput", conv_2d_backprop_input},
      {"DepthToSpace", depth_to_space},
      {"DepthwiseConv2dNative", depthwise},
      {"FusedBatchNorm", fused_batch_norm},
      {"FusedBatchNormV2", fused_batch_norm},
      {"FusedBatchNormV3", fused_batch_norm},
      {"LRN", lrn},
      {"MaxPool", [](const NodeContext& c) { return pool(c, true); }},
      {"ResizeBilinear", [](const NodeContext& c) { return resize(c, importer::Resize::kBilinear); }},
      {"ResizeNearestNeighbor", [](const NodeContext& c) { return resize(c, importer::Resize::kNearest); }},
      {"SpaceToBatchND", space_to_batch},
      {"SpaceToDepth", space_to_depth},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::tensorflow
