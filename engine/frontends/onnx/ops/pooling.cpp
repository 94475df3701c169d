// ONNX poolings.
#include <algorithm>
#include <cmath>

#include "engine/base/text.hpp"
#include "engine/frontends/onnx/ops/common.hpp"
#include "engine/frontends/onnx/ops/windows.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::onnx {
namespace {

std::vector<std::int64_t> list_or(const NodeContext& node, std::string_view name, std::size_t count,
                                  std::int64_t fallback) {
  std::vector<std::int64_t> list = node.integers(name);
  if (list.empty()) {
    list.assign(count, fallback);
  }
  if (list.size() != count) {
    node.invalid(fmt::format("has {} values in {}, expected {}", list.size(), name, count));
  }
  for (const std::int64_t value : list) {
    ops::check_range(value, -ops::kMaxAttribute, ops::kMaxAttribute, fmt::format("{} {}", node.where(), name));
  }
  return list;
}

std::vector<Attribute> pool_attributes(const NodeContext& node, const WindowAttributes& windows) {
  return {
      {"kernel", windows.kernel},         {"strides", windows.strides},
      {"pads_begin", windows.pads_begin}, {"pads_end", windows.pads_end},
      {"auto_pad", windows.auto_pad},     {"rounding_type", node.flag("ceil_mode", false) ? "ceil_torch" : "floor"}};
}

std::vector<std::int64_t> spatial_axes(const NodeContext& node, ValueId x) {
  if (node.rank(x) < 2) {
    node.invalid(fmt::format("has data {}, expected rank 2 or more", to_string(node.shape(x))));
  }
  return NodeContext::all_axes(node.rank(x), 2);
}

bool dilated(const WindowAttributes& windows) {
  return std::ranges::any_of(windows.dilations, [](std::int64_t d) { return d != 1; });
}

/// Row-major positions in the last two axes as column-major ones: (p / W, p % W) → (p % W)·H + p / W, per plane.
ValueId column_major(NodeContext& node, ValueId places, const Shape& data) {
  if (data.size() != 4 || !is_static(data)) {
    node.unsupported("asks for column-major indices of other than 4 known axes");
  }
  const auto number = [&](std::int64_t value) { return node.integer_scalar(value); };
  const std::int64_t height = data[2];
  const std::int64_t width = data[3];
  const ValueId in_plane = node.add("FloorMod", {places, number(height * width)});
  const ValueId plane = node.add("Subtract", {places, in_plane});
  const ValueId column = node.add("FloorMod", {in_plane, number(width)});
  const ValueId row = node.add("Divide", {in_plane, number(width)});
  const ValueId turned = node.add("Add", {node.add("Multiply", {column, number(height)}), row});
  return node.add("Add", {plane, turned});
}

}  // namespace

WindowAttributes read_windows(const NodeContext& node, const Shape& kernel) {
  WindowAttributes windows;
  windows.kernel = kernel.empty() ? node.integers("kernel_shape") : kernel;
  const std::size_t axes = windows.kernel.size();
  for (const std::int64_t extent : windows.kernel) {
    ops::check_range(extent, 0, ops::kMaxAttribute, node.where() + " kernel extent");
  }
  windows.strides = list_or(node, "strides", axes, 1);
  windows.dilations = list_or(node, "dilations", axes, 1);
  const std::vector<std::int64_t> pads = list_or(node, "pads", 2 * axes, 0);
  windows.pads_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(axes));
  windows.pads_end.assign(pads.begin() + static_cast<std::ptrdiff_t>(axes), pads.end());
  windows.auto_pad = to_lower(node.text("auto_pad", "NOTSET"));
  if (windows.auto_pad == "notset" || windows.auto_pad.empty()) {
    windows.auto_pad = "explicit";
  }
  return windows;
}

Values convert_max_pool(NodeContext& node) {
  const WindowAttributes windows = read_windows(node);
  std::vector<Attribute> attributes = pool_attributes(node, windows);
  const ValueId x = node.input(0);
  // The older form, which more readers of IR know, has neither dilations nor indices.
  if (!node.wants_output(1) && !dilated(windows)) {
    return node.add_node("MaxPool", {x}, attributes, {.outputs = 1, .version = 1});
  }
  attributes.emplace_back("dilations", windows.dilations);
  attributes.emplace_back("index_element_type", DataType::kI64);
  attributes.emplace_back("axis", std::int64_t{0});
  Values results = node.add_node("MaxPool", {x}, attributes, {.outputs = 2, .version = 8});
  if (node.wants_output(1) && node.integer("storage_order", 0) == 1) {
    results[1] = column_major(node, results[1], node.shape(x));
  }
  return results;
}

Values convert_average_pool(NodeContext& node) {
  const WindowAttributes windows = read_windows(node);
  std::vector<Attribute> attributes = pool_attributes(node, windows);
  if (dilated(windows)) {
    attributes.emplace_back("dilations", windows.dilations);
  }
  attributes.emplace_back("exclude-pad", !node.flag("count_include_pad", false));
  return {node.add("AvgPool", {node.input(0)}, attributes)};
}

Values convert_lp_pool(NodeContext& node) {
  const WindowAttributes windows = read_windows(node);
  std::vector<Attribute> attributes = pool_attributes(node, windows);
  attributes.emplace_back("exclude-pad", false);
  const double p = static_cast<double>(node.integer("p", 2));
  const ValueId x = node.input(0);
  const DataType type = node.data_type(x);
  double count = 1;
  for (const std::int64_t extent : windows.kernel) {
    count *= static_cast<double>(extent);
  }
  const ValueId powers = node.add("Power", {node.add("Abs", {x}), node.scalar(type, p)});
  const ValueId sums = multiply(node, node.add("AvgPool", {powers}, attributes), count);
  return {node.add("Power", {sums, node.scalar(type, 1 / p)})};
}

Values convert_global_average_pool(NodeContext& node) {
  const ValueId x = node.input(0);
  return {node.add("ReduceMean", {x, node.integer_list(spatial_axes(node, x))}, {{"keep_dims", true}})};
}

Values convert_global_max_pool(NodeContext& node) {
  const ValueId x = node.input(0);
  return {node.add("ReduceMax", {x, node.integer_list(spatial_axes(node, x))}, {{"keep_dims", true}})};
}

Values convert_global_lp_pool(NodeContext& node) {
  const double p = static_cast<double>(node.integer("p", 2));
  const ValueId x = node.input(0);
  const DataType type = node.data_type(x);
  const ValueId powers = node.add("Power", {node.add("Abs", {x}), node.scalar(type, p)});
  const ValueId sums = node.add("ReduceSum", {powers, node.integer_list(spatial_axes(node, x))}, {{"keep_dims", true}});
  return {node.add("Power", {sums, node.scalar(type, 1 / p)})};
}

}  // namespace fovea::onnx
