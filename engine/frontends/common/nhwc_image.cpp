// The operators of NhwcBuilder that work on images: convolutions, poolings, resizing, blocks.

#include <algorithm>

#include "engine/frontends/common/nhwc.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::importer {
namespace {

Attributes window_attributes(const WindowSpec& window) {
  const bool explicit_pads = window.padding.kind == Padding::Kind::kExplicit;
  const Ints none(window.strides.size(), 0);
  Attributes attributes = {{"strides", window.strides},
                           {"dilations", window.dilations},
                           {"pads_begin", explicit_pads ? window.padding.begin : none},
                           {"pads_end", explicit_pads ? window.padding.end : none}};
  switch (window.padding.kind) {
    case Padding::Kind::kSame:
      attributes.emplace_back("auto_pad", "same_upper");
      break;
    case Padding::Kind::kValid:
      attributes.emplace_back("auto_pad", "valid");
      break;
    case Padding::Kind::kExplicit:
      break;
  }
  return attributes;
}

void check_block(const Ints& block, const Ints& begin, const Ints& end, const Shape& shape) {
  if (shape.empty() || !is_static(Shape(shape.begin() + 1, shape.end()))) {
    fail(ErrorCode::kUnsupported, "cuts the dynamic shape {} into blocks", to_string(shape));
  }
  if (begin.size() != block.size() || end.size() != block.size() || block.size() >= shape.size()) {
    fail(ErrorCode::kInvalidModel, "{} blocks with {} and {} pads for {}", block.size(), begin.size(), end.size(),
         to_string(shape));
  }
  for (std::size_t i = 0; i < block.size(); ++i) {
    ops::check_range(block[i], 1, ops::kMaxAttribute, "block");
    ops::check_range(begin[i], 0, ops::kMaxAttribute, "a pad or crop");
    ops::check_range(end[i], 0, ops::kMaxAttribute, "a pad or crop");
  }
}

}  // namespace

Ref NhwcBuilder::convolution(const std::string& name, Ref x, ValueId weights, const WindowSpec& window) {
  constexpr std::size_t kGroupedRank = 5;
  const bool grouped = graph_.rank(weights) == kGroupedRank;
  return from_nchw(
      graph_.add(grouped ? "GroupConvolution" : "Convolution", name, {nchw(x), weights}, window_attributes(window)));
}

Ref NhwcBuilder::transposed_convolution(const std::string& name, Ref x, ValueId weights, const WindowSpec& window,
                                        const Ints& output) {
  Attributes attributes = window_attributes(window);
  if (window.padding.kind == Padding::Kind::kSame) {
    // The odd pad of the forward convolution is at the end; the specification calls that same_lower here.
    attributes.back() = {"auto_pad", "same_lower"};
  }
  return from_nchw(graph_.add("ConvolutionBackpropData", name, {nchw(x), weights, graph_.ints(output)}, attributes));
}

Ref NhwcBuilder::pool(const std::string& name, Ref x, bool maximum, const Ints& kernel, const WindowSpec& window) {
  Attributes attributes = window_attributes(window);
  attributes.emplace_back("kernel", kernel);
  if (!maximum) {
    attributes.emplace_back("exclude-pad", true);
  }
  constexpr int kOneOutput = 1;  // from opset 8 on, MaxPool has a second one
  return from_nchw(graph_.add(maximum ? "MaxPool" : "AvgPool", name, {nchw(x)}, attributes, kOneOutput));
}

Ref NhwcBuilder::with_channels(std::string_view op, const std::string& name, Ref x, ValueId values) {
  const Shape channels = graph_.shape(values);
  ops::check_rank(channels, 1, 1, "a value for each channel");
  if (!prefers_nchw(x)) {
    return from_plain(graph_.add(op, name, {plain(x), values}));
  }
  const Shape wide = {1, channels[0], 1, 1};
  const Tensor* constant = graph_.graph().constant(values);
  const ValueId operand = constant != nullptr ? graph_.constant(name + "/channels", constant->reshaped(wide))
                                              : graph_.reshape(name + "/channels", values, {1, -1, 1, 1}, false);
  return from_nchw(graph_.add(op, name, {nchw(x), operand}));
}

Ref NhwcBuilder::resize(const std::string& name, Ref x, Resize mode, const Ints& sizes, bool align_corners,
                        bool half_pixel) {
  if (sizes.size() != 2) {
    fail(ErrorCode::kInvalidModel, "resizes to {} extents, expected height and width", sizes.size());
  }
  const bool nearest = mode == Resize::kNearest;
  std::string_view coordinates = "asymmetric";
  if (align_corners) {
    coordinates = "align_corners";
  } else if (half_pixel) {
    coordinates = nearest ? "tf_half_pixel_for_nn" : "half_pixel";
  }
  return from_nchw(graph_.add("Interpolate", name, {nchw(x), graph_.ints(sizes), graph_.ints({2, 3})},
                              {{"mode", nearest ? "nearest" : "linear_onnx"},
                               {"shape_calculation_mode", "sizes"},
                               {"coordinate_transformation_mode", coordinates},
                               {"nearest_mode", align_corners ? "round_prefer_ceil" : "floor"}}));
}

Ref NhwcBuilder::depth_to_space(const std::string& name, Ref x, std::int64_t block) {
  return from_nchw(graph_.add("DepthToSpace", name, {nchw(x)}, {{"block_size", block}, {"mode", "blocks_first"}}));
}

Ref NhwcBuilder::space_to_depth(const std::string& name, Ref x, std::int64_t block) {
  return from_nchw(graph_.add("SpaceToDepth", name, {nchw(x)}, {{"block_size", block}, {"mode", "blocks_first"}}));
}

Ref NhwcBuilder::space_to_batch(const std::string& name, Ref x, const Ints& block, const Ints& begin, const Ints& end) {
  check_block(block, begin, end, shape(x));
  Ints pads_begin(shape(x).size(), 0);
  Ints pads_end = pads_begin;
  std::ranges::copy(begin, pads_begin.begin() + 1);
  std::ranges::copy(end, pads_end.begin() + 1);
  const ValueId padded = plain(pad(name + "/pad", x, pads_begin, pads_end, "constant", kNoRef));
  const Shape extents = graph_.shape(padded);
  // [N, H/bh, bh, W/bw, bw, …] → [bh, bw, N, H/bh, W/bw, …]; N may be unknown
  Ints cut = {-1};
  Ints order, rest, target = {-1};
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (extents[i + 1] % block[i] != 0) {
      fail(ErrorCode::kInvalidModel, "a padded extent of {} is no multiple of the block {}", extents[i + 1], block[i]);
    }
    cut.push_back(extents[i + 1] / block[i]);
    cut.push_back(block[i]);
    order.push_back(2 * static_cast<std::int64_t>(i) + 2);
    rest.push_back(2 * static_cast<std::int64_t>(i) + 1);
    target.push_back(extents[i + 1] / block[i]);
  }
  order.push_back(0);
  order.insert(order.end(), rest.begin(), rest.end());
  for (std::size_t i = block.size() + 1; i < extents.size(); ++i) {
    order.push_back(static_cast<std::int64_t>(cut.size()));
    cut.push_back(extents[i]);
    target.push_back(extents[i]);
  }
  const ValueId blocks = graph_.transpose(name + "/blocks", graph_.reshape(name + "/cut", padded, cut, false), order);
  return from_plain(graph_.reshape(name, blocks, target, false));
}

Ref NhwcBuilder::batch_to_space(const std::string& name, Ref x, const Ints& block, const Ints& begin, const Ints& end) {
  const Shape extents = shape(x);
  check_block(block, begin, end, extents);
  // [bh, bw, N, H, W, …] → [N, H, bh, W, bw, …]
  Ints cut = block;
  cut.push_back(-1);
  cut.insert(cut.end(), extents.begin() + 1, extents.end());
  const auto count = static_cast<std::int64_t>(block.size());
  Ints order = {count};
  Ints target = {-1};
  Ints first(extents.size(), 0);
  Ints size(extents.size(), -1);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    order.push_back(count + 1 + i);
    order.push_back(i);
    target.push_back(ops::multiply_extents(extents[at + 1], block[at]));
    first[at + 1] = begin[at];
    size[at + 1] = target.back() - begin[at] - end[at];
    if (size[at + 1] < 1) {
      fail(ErrorCode::kInvalidModel, "crops {} and {} leave nothing of {}", begin[at], end[at], target.back());
    }
  }
  for (std::size_t i = block.size() + 1; i < extents.size(); ++i) {
    order.push_back(static_cast<std::int64_t>(block.size() + i));
    target.push_back(extents[i]);
  }
  const ValueId spread = graph_.transpose(name + "/blocks", graph_.reshape(name + "/cut", plain(x), cut, false), order);
  return slice(name, from_plain(graph_.reshape(name + "/spread", spread, target, false)), first, size);
}

}  // namespace fovea::importer
