// ONNX matrix products.
#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

/// Element (row, column) of each matrix in the last two axes.
ValueId element(NodeContext& node, ValueId x, std::int64_t row, std::int64_t column) {
  const ValueId line = node.add("Gather", {x, node.integer_scalar(row), node.integer_scalar(-2)});
  return node.add("Gather", {line, node.integer_scalar(column), node.integer_scalar(-1)});
}

/// By the first row's minors; `columns` are those that remain.
ValueId determinant(NodeContext& node, ValueId x, std::int64_t row, const std::vector<std::int64_t>& columns) {
  if (columns.size() == 1) {
    return element(node, x, row, columns[0]);
  }
  ValueId result = kNone;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::vector<std::int64_t> others = columns;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    const ValueId term =
        node.add("Multiply", {element(node, x, row, columns[i]), determinant(node, x, row + 1, others)});
    result = result == kNone ? term : node.add(i % 2 == 0 ? "Add" : "Subtract", {result, term});
  }
  return result;
}

}  // namespace

Values convert_mat_mul(NodeContext& node) { return {node.add("MatMul", {node.input(0), node.input(1)})}; }

Values convert_gemm(NodeContext& node) {
  ValueId result = node.add("MatMul", {node.input(0), node.input(1)},
                            {{"transpose_a", node.flag("transA", false)}, {"transpose_b", node.flag("transB", false)}});
  result = multiply(node, result, node.real("alpha", 1));
  const double beta = node.real("beta", 1);
  if (!node.has_input(2) || beta == 0) {
    return {result};
  }
  return {node.add("Add", {result, multiply(node, node.input(2), beta)})};
}

Values convert_einsum(NodeContext& node) {
  std::string equation = node.text("equation", "");
  std::erase(equation, ' ');
  return {node.add("Einsum", node.inputs(), {{"equation", std::string_view(equation)}})};
}

Values convert_det(NodeContext& node) {
  constexpr std::int64_t kMost = 4;  // minors grow with the factorial
  const ValueId x = node.input(0);
  const Shape shape = node.shape(x);
  if (shape.size() < 2 || shape.back() != shape[shape.size() - 2] || shape.back() < 1 || shape.back() > kMost) {
    node.unsupported(
        fmt::format("has an input of {}, expected square matrices of at most {} rows", to_string(shape), kMost));
  }
  return {determinant(node, x, 0, NodeContext::all_axes(static_cast<std::size_t>(shape.back())))};
}

}  // namespace fovea::onnx
