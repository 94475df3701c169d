// Layers that slide windows or multiply matrices: Convolution, Deconvolution, Pooling, InnerProduct, Interp.
// https://caffe.berkeleyvision.org/tutorial/layers.html

#include "engine/frontends/caffe/layers.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::caffe {
namespace {

using importer::Attributes;
using importer::Ints;

/// Largest stride, pad, kernel or factor a file may give: what operators accept.
constexpr std::int64_t kMost = ops::kMaxAttribute;

/// One value per spatial axis: from the _h/_w pair, or the repeated field (one for all, or one each), or `fallback`.
Ints per_axis(const google::protobuf::RepeatedField<std::uint32_t>& repeated, bool has_pair, std::int64_t height,
              std::int64_t width, std::int64_t fallback, std::size_t axes, std::string_view what) {
  Ints values;
  if (has_pair) {
    if (axes != 2 || !repeated.empty()) {
      fail(ErrorCode::kInvalidModel, "{}_h and {}_w are for two spatial axes without {}", what, what, what);
    }
    values = {height, width};
  } else if (repeated.empty()) {
    values.assign(axes, fallback);
  } else if (repeated.size() == 1) {
    values.assign(axes, repeated.Get(0));
  } else {
    values.assign(repeated.begin(), repeated.end());
  }
  if (values.size() != axes) {
    fail(ErrorCode::kInvalidModel, "{} has {} values, expected 1 or {}", what, values.size(), axes);
  }
  for (const std::int64_t value : values) {
    ops::check_range(value, 0, kMost, what);
  }
  return values;
}

struct Windows {
  Ints kernel, strides, pads, dilations;
};

Windows read_windows(const ConvolutionParameter& p, std::size_t axes) {
  return {.kernel = per_axis(p.kernel_size(), p.has_kernel_h() || p.has_kernel_w(), p.kernel_h(), p.kernel_w(), 0, axes,
                             "kernel_size"),
          .strides =
              per_axis(p.stride(), p.has_stride_h() || p.has_stride_w(), p.stride_h(), p.stride_w(), 1, axes, "stride"),
          .pads = per_axis(p.pad(), p.has_pad_h() || p.has_pad_w(), p.pad_h(), p.pad_w(), 0, axes, "pad"),
          .dilations = per_axis(p.dilation(), false, 0, 0, 1, axes, "dilation")};
}

/// Spatial axes of the bottom, and its channels.
struct Extents {
  std::size_t axes = 0;
  std::int64_t channels = 0;
};

Extents read_extents(const LayerContext& c) {
  const Shape& shape = c.graph.shape(c.bottom());
  ops::check_rank(shape, 3, 5, "bottom");
  if (shape[1] <= 0) {
    fail(ErrorCode::kInvalidModel, "the bottom {} has no channels", to_string(shape));
  }
  return {shape.size() - 2, shape[1]};
}

Shape join(Shape front, const Ints& back) {
  front.insert(front.end(), back.begin(), back.end());
  return front;
}

/// Convolution and Deconvolution; weights are [out, in/group, …] and [in, out/group, …].
ValueId convolve(const LayerContext& c, bool transposed, bool depthwise) {
  const ConvolutionParameter& p = c.layer.convolution_param();
  const auto [axes, channels] = read_extents(c);
  if (p.axis() != 1) {
    fail(ErrorCode::kUnsupported, "axis is {}, only 1 is supported", p.axis());
  }
  const Windows windows = read_windows(p, axes);
  const std::int64_t outputs = p.num_output();
  const std::int64_t groups = depthwise ? channels : static_cast<std::int64_t>(p.group());
  if (groups < 1 || channels % groups != 0 || outputs < 1 || outputs % groups != 0) {
    fail(ErrorCode::kInvalidModel, "group {} does not divide {} inputs and {} outputs", groups, channels, outputs);
  }
  const std::int64_t from = transposed ? channels : outputs;
  const std::int64_t to = (transposed ? outputs : channels) / groups;
  const Shape weight_shape =
      groups == 1 ? join({from, to}, windows.kernel) : join({groups, from / groups, to}, windows.kernel);
  const ValueId weights = c.constant("weights", c.blob(0, importer::checked_shape(weight_shape, "weights"), "weights"));
  const std::string op = fmt::format("{}Convolution{}", groups == 1 ? "" : "Group", transposed ? "BackpropData" : "");
  const ValueId product = c.graph.add(op, c.name(), {c.bottom(), weights},
                                      {{"strides", windows.strides},
                                       {"dilations", windows.dilations},
                                       {"pads_begin", windows.pads},
                                       {"pads_end", windows.pads}});
  return p.bias_term() ? c.add_bias(product, c.blob(1, {outputs}, "bias"), 1, c.name("add_bias")) : product;
}

/// An average or maximum over all of the spatial axes.
ValueId pool_globally(const LayerContext& c, bool maximum, std::size_t axes) {
  Ints spatial;
  for (std::size_t i = 0; i < axes; ++i) {
    spatial.push_back(static_cast<std::int64_t>(i) + 2);
  }
  return c.graph.add(maximum ? "ReduceMax" : "ReduceMean", c.name(), {c.bottom(), c.graph.ints(spatial)},
                     {{"keep_dims", true}});
}

std::vector<ValueId> pooling(const LayerContext& c) {
  const PoolingParameter& p = c.layer.pooling_param();
  const std::size_t axes = read_extents(c).axes;
  if (p.pool() == PoolingParameter::STOCHASTIC || c.layer.top_size() > 1) {
    fail(ErrorCode::kUnsupported, "{} is not supported",
         c.layer.top_size() > 1 ? "a second top blob (mask)" : "stochastic pooling");
  }
  const bool maximum = p.pool() == PoolingParameter::MAX;
  if (p.global_pooling()) {
    return {pool_globally(c, maximum, axes)};
  }
  const Ints kernel = per_axis(p.kernel_size(), p.has_kernel_h() || p.has_kernel_w(), p.kernel_h(), p.kernel_w(), 0,
                               axes, "kernel_size");
  const Ints strides =
      per_axis(p.stride(), p.has_stride_h() || p.has_stride_w(), p.stride_h(), p.stride_w(), 1, axes, "stride");
  const Ints pads = per_axis(p.pad(), p.has_pad_h() || p.has_pad_w(), p.pad_h(), p.pad_w(), 0, axes, "pad");
  const bool ceil = p.round_mode() == PoolingParameter::CEIL && p.ceil_mode();
  // Caffe drops a last window that would start beyond the input, but only looks for one where there is padding.
  const bool padded = std::ranges::any_of(pads, [](std::int64_t pad) { return pad > 0; });
  const std::string_view rounding = !ceil ? "floor" : padded ? "ceil_torch" : "ceil";
  constexpr int kFirst = 1;  // from opset 8 on, MaxPool has a second output
  constexpr int kWithCeilTorch = 14;
  Attributes attributes = {
      {"kernel", kernel}, {"strides", strides}, {"pads_begin", pads}, {"pads_end", pads}, {"rounding_type", rounding}};
  if (!maximum) {
    attributes.emplace_back("exclude-pad", false);
  }
  const std::size_t outputs = maximum && rounding == "ceil_torch" ? 2 : 1;
  const auto values = c.graph.add_many(maximum ? "MaxPool" : "AvgPool", c.name(), {c.bottom()}, outputs, attributes,
                                       rounding == "ceil_torch" ? kWithCeilTorch : kFirst);
  return {values[0]};
}

std::vector<ValueId> inner_product(const LayerContext& c) {
  const InnerProductParameter& p = c.layer.inner_product_param();
  const std::size_t axis = c.axis(p.axis());
  const Shape& shape = c.graph.shape(c.bottom());
  std::int64_t width = 1;
  for (std::size_t i = axis; i < shape.size(); ++i) {
    width = ops::multiply_extents(width, shape[i]);
  }
  const std::int64_t outputs = p.num_output();
  const Shape weight_shape = p.transpose() ? Shape{width, outputs} : Shape{outputs, width};
  if (width < 1 || outputs < 1) {
    fail(ErrorCode::kInvalidModel, "weights of {} for a bottom of {}", to_string(weight_shape), to_string(shape));
  }
  ValueId rows = c.bottom();
  if (axis + 1 != shape.size()) {
    Ints pattern(axis, 0);
    pattern.push_back(-1);
    rows = c.graph.reshape(c.name("flatten"), rows, pattern);
  }
  const ValueId weights = c.constant("weights", c.blob(0, importer::checked_shape(weight_shape, "weights"), "weights"));
  const ValueId product = c.graph.add("MatMul", c.name(), {rows, weights}, {{"transpose_b", !p.transpose()}});
  return {p.bias_term() ? c.add_bias(product, c.blob(1, {outputs}, "bias"), axis, c.name("add_bias")) : product};
}

/// PSPNet's bilinear resizing with aligned corners.
std::vector<ValueId> interp(const LayerContext& c) {
  const InterpParameter& p = c.layer.interp_param();
  const Shape& shape = c.graph.shape(c.bottom());
  ops::check_rank(shape, 4, 4, "bottom");
  if (!is_static(shape)) {
    fail(ErrorCode::kUnsupported, "the bottom {} must be static", to_string(shape));
  }
  if (p.pad_beg() != 0 || p.pad_end() != 0) {
    fail(ErrorCode::kUnsupported, "pad_beg {} and pad_end {}, only 0 is supported", p.pad_beg(), p.pad_end());
  }
  Ints sizes;
  if (c.bottoms.size() > 1) {
    const Shape& wanted = c.graph.shape(c.bottoms[1]);
    ops::check_rank(wanted, 4, 4, "second bottom");
    sizes = {wanted[2], wanted[3]};
  } else if (p.height() > 0 && p.width() > 0) {
    sizes = {p.height(), p.width()};
  } else {
    ops::check_range(p.zoom_factor(), 1, kMost, "zoom_factor");
    ops::check_range(p.shrink_factor(), 1, kMost, "shrink_factor");
    for (const std::size_t axis : {2U, 3U}) {
      const std::int64_t shrunk = (shape[axis] - 1) / p.shrink_factor() + 1;
      sizes.push_back(shrunk + ops::multiply_extents(shrunk - 1, p.zoom_factor() - 1));
    }
  }
  return {c.graph.add("Interpolate", c.name(), {c.bottom(), c.graph.ints(sizes), c.graph.ints({2, 3})},
                      {{"mode", "linear_onnx"},
                       {"coordinate_transformation_mode", "align_corners"},
                       {"shape_calculation_mode", "sizes"}})};
}

std::vector<ValueId> roi_pooling(const LayerContext& c) {
  const ROIPoolingParameter& p = c.layer.roi_pooling_param();
  return {c.graph.add("ROIPooling", c.name(), {c.bottom(0), c.bottom(1)},
                      {{"pooled_h", p.pooled_h()},
                       {"pooled_w", p.pooled_w()},
                       {"spatial_scale", p.spatial_scale()},
                       {"method", "max"}})};
}

}  // namespace

void add_window_layers(Converters& converters) {
  converters["Convolution"] = [](const LayerContext& c) { return std::vector{convolve(c, false, false)}; };
  converters["Deconvolution"] = [](const LayerContext& c) { return std::vector{convolve(c, true, false)}; };
  for (const char* type : {"ConvolutionDepthwise", "DepthwiseConvolution"}) {
    converters[type] = [](const LayerContext& c) { return std::vector{convolve(c, false, true)}; };
  }
  converters["Pooling"] = pooling;
  converters["InnerProduct"] = inner_product;
  converters["Interp"] = interp;
  converters["ROIPooling"] = roi_pooling;
}

}  // namespace fovea::caffe
