// ONNX operators that move data: concatenation, cutting, picking, padding, repeating.
#include <algorithm>

#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {

Values convert_concat(NodeContext& node) {
  return {node.add("Concat", node.inputs(), {{"axis", node.integer("axis", 1)}})};
}

Values convert_split(NodeContext& node) {
  const ValueId x = node.input(0);
  const std::int64_t axis = node.normal_axis(node.integer("axis", 0), node.rank(x));
  const std::size_t count = node.output_count();
  std::vector<std::int64_t> lengths = node.integers("split");
  if (node.has_input(1)) {
    lengths = node.constant_integers(1, "split lengths");
  }
  const std::int64_t extent = node.shape(x)[static_cast<std::size_t>(axis)];
  const auto parts = static_cast<std::int64_t>(std::max<std::size_t>(count, 1));
  if (lengths.empty() && (extent == kDynamic || extent % parts == 0)) {
    return node.add_node("Split", {x, node.integer_scalar(axis)}, {{"num_splits", parts}}, {.outputs = count});
  }
  if (lengths.empty()) {
    // Since opset 18: equal parts, the last one smaller.
    const std::int64_t length = (extent + parts - 1) / parts;
    lengths.assign(count, length);
    lengths.back() = extent - length * (parts - 1);
  }
  return node.add_node("VariadicSplit", {x, node.integer_scalar(axis), node.integer_list(lengths)}, {},
                       {.outputs = count});
}

Values convert_slice(NodeContext& node) {
  const ValueId x = node.input(0);
  if (node.opset() < 10) {
    const std::vector<std::int64_t> starts = node.integers("starts");
    std::vector<std::int64_t> axes = node.integers("axes");
    if (axes.empty()) {
      axes = NodeContext::all_axes(starts.size());
    }
    const std::vector<std::int64_t> steps(starts.size(), 1);
    return {node.add("Slice", {x, node.integer_list(starts), node.integer_list(node.integers("ends")),
                               node.integer_list(steps), node.integer_list(axes)})};
  }
  const ValueId start = node.input(1);
  const std::int64_t count = node.rank(start) == 1 ? node.shape(start)[0] : kDynamic;
  Values inputs = {x, start, node.input(2)};
  if (node.has_input(4)) {
    inputs.push_back(node.input(4));
  } else if (count != kDynamic) {
    inputs.push_back(node.integer_list(std::vector<std::int64_t>(static_cast<std::size_t>(count), 1)));
  } else {
    node.unsupported("has starts of unknown number");
  }
  if (node.has_input(3)) {
    inputs.push_back(node.input(3));
  }
  return {node.add("Slice", inputs)};
}

Values convert_gather(NodeContext& node) {
  return {node.add("Gather", {node.input(0), node.input(1), node.integer_scalar(node.integer("axis", 0))})};
}

Values convert_transpose(NodeContext& node) {
  const ValueId x = node.input(0);
  std::vector<std::int64_t> order = node.integers("perm");
  if (order.empty()) {
    order = NodeContext::all_axes(node.rank(x));
    std::ranges::reverse(order);
  }
  return {order.size() == node.rank(x) ? node.transpose(x, order)
                                       : node.add("Transpose", {x, node.integer_list(order)})};
}

Values convert_pad(NodeContext& node) {
  const ValueId x = node.input(0);
  const std::size_t rank = node.rank(x);
  const std::vector<std::int64_t> pads = node.opset() < 11 ? node.integers("pads") : node.constant_integers(1, "pads");
  std::vector<std::int64_t> axes = NodeContext::all_axes(rank);
  if (const auto given = node.opset() < 11 ? std::nullopt : read_axes(node, 3, rank)) {
    axes = *given;
  }
  if (pads.size() != 2 * axes.size()) {
    node.invalid(fmt::format("has {} pads, expected {}", pads.size(), 2 * axes.size()));
  }
  std::vector<std::int64_t> begin(rank, 0);
  std::vector<std::int64_t> end(rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    begin[static_cast<std::size_t>(axes[i])] = pads[i];
    end[static_cast<std::size_t>(axes[i])] = pads[i + axes.size()];
  }
  const std::string mode = node.text("mode", "constant");
  Values inputs = {x, node.integer_list(begin), node.integer_list(end)};
  if (mode == "constant") {
    inputs.push_back(node.opset() >= 11 && node.has_input(2) ? node.reshape(node.input(2), {})
                                                             : node.scalar(node.data_type(x), node.real("value", 0)));
  } else if (mode != "edge" && mode != "reflect") {
    node.unsupported(fmt::format("has mode '{}', known are constant, edge and reflect", mode));
  }
  return {node.add("Pad", inputs, {{"pad_mode", mode}})};
}

Values convert_tile(NodeContext& node) { return {node.add("Tile", {node.input(0), node.input(1)})}; }

Values convert_expand(NodeContext& node) {
  return {node.add("Broadcast", {node.input(0), node.input(1)}, {{"mode", "bidirectional"}})};
}

Values convert_depth_to_space(NodeContext& node) {
  const bool depth_first = node.text("mode", "DCR") == "CRD";
  return {
      node.add("DepthToSpace", {node.input(0)},
               {{"mode", depth_first ? "depth_first" : "blocks_first"}, {"block_size", node.integer("blocksize", 1)}})};
}

Values convert_space_to_depth(NodeContext& node) {
  return {node.add("SpaceToDepth", {node.input(0)},
                   {{"mode", "blocks_first"}, {"block_size", node.integer("blocksize", 1)}})};
}

}  // namespace fovea::onnx
