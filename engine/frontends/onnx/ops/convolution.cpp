// ONNX convolutions.
#include <algorithm>

#include "engine/frontends/onnx/ops/common.hpp"
#include "engine/frontends/onnx/ops/windows.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::onnx {
namespace {

/// Weights [lead, per_group, k…] as [groups, lead / groups, per_group, k…].
ValueId split_groups(NodeContext& node, ValueId weights, std::int64_t groups) {
  Shape shape = node.shape(weights);
  if (groups < 1 || shape[0] % groups != 0) {
    node.invalid(fmt::format("has {} groups, weights are {}", groups, to_string(shape)));
  }
  shape[0] /= groups;
  shape.insert(shape.begin(), groups);
  return node.reshape(weights, shape);
}

void check_weights(NodeContext& node, ValueId data, ValueId weights) {
  if (node.rank(weights) < 3 || node.rank(weights) != node.rank(data) || !is_static(node.shape(weights))) {
    node.invalid(fmt::format("has data {} and weights {}, expected one rank of at least 3", to_string(node.shape(data)),
                             to_string(node.shape(weights))));
  }
}

struct Geometry {
  std::vector<std::int64_t> pads_begin;
  std::vector<std::int64_t> pads_end;
  std::vector<std::int64_t> output_padding;
};

/// Pads that give a transposed convolution the output it asks for.
Geometry transposed_pads(NodeContext& node, const Shape& data, const Shape& kernel, const WindowAttributes& windows) {
  const std::size_t axes = kernel.size();
  Geometry result{windows.pads_begin, windows.pads_end, node.integers("output_padding")};
  result.output_padding.resize(axes, 0);
  for (const auto& list : {result.output_padding, node.integers("output_shape")}) {
    for (const std::int64_t value : list) {
      ops::check_range(value, 0, ops::kMaxAttribute, node.where() + " output_padding or output_shape");
    }
  }
  std::vector<std::int64_t> wanted = node.integers("output_shape");
  const bool same = windows.auto_pad == "same_upper" || windows.auto_pad == "same_lower";
  if (wanted.empty() && !same) {
    return result;
  }
  wanted.erase(wanted.begin(), wanted.end() - static_cast<std::ptrdiff_t>(std::min(axes, wanted.size())));
  if (!wanted.empty() && wanted.size() != axes) {
    node.invalid(fmt::format("has {} values in output_shape, expected {}", wanted.size(), axes));
  }
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t input = data[i + 2];
    if (input == kDynamic) {
      node.unsupported("has an output_shape or auto_pad, which need known spatial extents");
    }
    ops::check_range(input, 1, ops::kMaxAttribute, node.where() + " extent of the data");
    const std::int64_t reach = (kernel[i] - 1) * windows.dilations[i] + 1;
    const std::int64_t full = (input - 1) * windows.strides[i] + reach;
    const std::int64_t target = wanted.empty() ? input * windows.strides[i] : wanted[i];
    const std::int64_t total = full + result.output_padding[i] - target;
    if (total < 0) {
      // More than the windows reach: rows of zeros at the end.
      result.output_padding[i] -= total;
    }
    const std::int64_t pads = std::max<std::int64_t>(total, 0);
    const std::int64_t half = pads / 2;
    result.pads_begin[i] = windows.auto_pad == "same_upper" ? half : pads - half;
    result.pads_end[i] = pads - result.pads_begin[i];
  }
  return result;
}

}  // namespace

ValueId add_channel_bias(NodeContext& node, ValueId data, ValueId bias) {
  Shape shape(node.rank(data), 1);
  shape[1] = node.rank(bias) == 1 ? node.shape(bias)[0] : 0;
  if (shape[1] <= 0) {
    node.invalid(fmt::format("has a bias {}, expected one value per channel", to_string(node.shape(bias))));
  }
  return node.add("Add", {data, node.reshape(bias, shape)});
}

ValueId add_convolution(NodeContext& node, ValueId data, ValueId weights) {
  check_weights(node, data, weights);
  const Shape& shape = node.shape(weights);
  const WindowAttributes windows = read_windows(node, Shape(shape.begin() + 2, shape.end()));
  const std::vector<Attribute> attributes = {{"strides", windows.strides},
                                             {"dilations", windows.dilations},
                                             {"pads_begin", windows.pads_begin},
                                             {"pads_end", windows.pads_end},
                                             {"auto_pad", windows.auto_pad}};
  const std::int64_t groups = node.integer("group", 1);
  return groups == 1 ? node.add("Convolution", {data, weights}, attributes)
                     : node.add("GroupConvolution", {data, split_groups(node, weights, groups)}, attributes);
}

Values convert_conv(NodeContext& node) {
  const ValueId result = add_convolution(node, node.input(0), node.input(1));
  return {node.has_input(2) ? add_channel_bias(node, result, node.input(2)) : result};
}

Values convert_conv_transpose(NodeContext& node) {
  const ValueId data = node.input(0);
  const ValueId weights = node.input(1);
  check_weights(node, data, weights);
  const Shape kernel(node.shape(weights).begin() + 2, node.shape(weights).end());
  const WindowAttributes windows = read_windows(node, kernel);
  const Geometry geometry = transposed_pads(node, node.shape(data), kernel, windows);
  const std::vector<Attribute> attributes = {{"strides", windows.strides},
                                             {"dilations", windows.dilations},
                                             {"pads_begin", geometry.pads_begin},
                                             {"pads_end", geometry.pads_end},
                                             {"output_padding", geometry.output_padding},
                                             {"auto_pad", windows.auto_pad == "valid" ? "valid" : "explicit"}};
  const std::int64_t groups = node.integer("group", 1);
  const ValueId result =
      groups == 1 ? node.add("ConvolutionBackpropData", {data, weights}, attributes)
                  : node.add("GroupConvolutionBackpropData", {data, split_groups(node, weights, groups)}, attributes);
  return {node.has_input(2) ? add_channel_bias(node, result, node.input(2)) : result};
}

}  // namespace fovea::onnx
