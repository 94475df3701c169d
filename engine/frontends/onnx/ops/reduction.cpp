// ONNX reductions.
#include <map>

#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

/// Axes of a reduction; nullopt: none, the data passes through.
std::optional<std::vector<std::int64_t>> reduced_axes(const NodeContext& node) {
  const std::size_t rank = node.rank(node.input(0));
  const auto axes = read_axes(node, 1, rank);
  if (axes && !axes->empty()) {
    return axes;
  }
  if (node.flag("noop_with_empty_axes", false)) {
    return std::nullopt;
  }
  return NodeContext::all_axes(rank);
}

ValueId reduce(NodeContext& node, std::string_view op, ValueId x, const std::vector<std::int64_t>& axes, bool keep) {
  return node.add(op, {x, node.integer_list(axes)}, {{"keep_dims", keep}});
}

/// log(sum(exp(x))) without overflow: the largest element is taken out before.
ValueId log_sum_exp(NodeContext& node, ValueId x, const std::vector<std::int64_t>& axes, bool keep) {
  const ValueId largest = reduce(node, "ReduceMax", x, axes, true);
  const ValueId powers = node.add("Exp", {node.add("Subtract", {x, largest})});
  const ValueId logarithm = node.add("Log", {reduce(node, "ReduceSum", powers, axes, keep)});
  return node.add("Add", {logarithm, keep ? largest : node.squeeze(largest, axes)});
}

}  // namespace

Values convert_reduce(NodeContext& node) {
  static const std::map<std::string_view, std::string_view> kNames = {
      {"ReduceL1", "ReduceL1"},     {"ReduceL2", "ReduceL2"},      {"ReduceMax", "ReduceMax"},
      {"ReduceMean", "ReduceMean"}, {"ReduceMin", "ReduceMin"},    {"ReduceProd", "ReduceProd"},
      {"ReduceSum", "ReduceSum"},   {"ReduceLogSum", "ReduceSum"}, {"ReduceSumSquare", "ReduceSum"},
  };
  ValueId x = node.input(0);
  const bool keep = node.flag("keepdims", true);
  const auto axes = reduced_axes(node);
  if (!axes) {
    return {x};
  }
  if (node.op_type() == "ReduceLogSumExp") {
    return {log_sum_exp(node, x, *axes, keep)};
  }
  if (node.op_type() == "ReduceSumSquare") {
    x = node.add("Multiply", {x, x});
  }
  const ValueId result = reduce(node, kNames.at(node.op_type()), x, *axes, keep);
  return {node.op_type() == "ReduceLogSum" ? node.add("Log", {result}) : result};
}

Values convert_arg_extreme(NodeContext& node) {
  const ValueId x = node.input(0);
  const std::int64_t axis = node.normal_axis(node.integer("axis", 0), node.rank(x));
  const std::int64_t extent = node.shape(x)[static_cast<std::size_t>(axis)];
  const bool last = node.flag("select_last_index", false);
  if (last && extent == kDynamic) {
    node.unsupported("has select_last_index=1 along an axis of unknown extent");
  }
  // The last of equal ones is the first one seen from the end.
  const ValueId data = !last ? x
                             : node.add("Slice", {x, node.integer_list({-1}), node.integer_list({-extent - 1}),
                                                  node.integer_list({-1}), node.integer_list({axis})});
  const Values best = node.add_node(
      "TopK", {data, node.integer_scalar(1)},
      {{"axis", axis}, {"mode", node.op_type() == "ArgMax" ? "max" : "min"}, {"index_element_type", DataType::kI64}},
      {.outputs = 2});
  const ValueId place = !last ? best[1] : node.add("Subtract", {node.integer_scalar(extent - 1), best[1]});
  return {node.flag("keepdims", true) ? place : node.squeeze(place, {axis})};
}

}  // namespace fovea::onnx
