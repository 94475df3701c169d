// MatMul: matrix product over the last two axes, the axes before them broadcast; a vector is a row on the left and a
// column on the right, and its axis of extent 1 is dropped from the result.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/matrix/matmul-1.html

#include "engine/ops/mat_mul.hpp"

#include <algorithm>

#include "engine/ops/elementwise.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

/// An input as a stack of matrices, after promotion of vectors and transposition.
struct Matrices {
  Shape batch;
  std::int64_t rows = 1;
  std::int64_t columns = 1;
  bool vector = false;
  bool transposed = false;  ///< Stored as [columns, rows].
};

Matrices split_matrices(const Shape& shape, bool transpose, bool left) {
  check_rank(shape, 1, 16, left ? "the left input" : "the right input");
  if (shape.size() == 1) {
    return {.batch = {}, .rows = left ? 1 : shape[0], .columns = left ? shape[0] : 1, .vector = true};
  }
  Matrices result{.batch = Shape(shape.begin(), shape.end() - 2),
                  .rows = shape[shape.size() - 2],
                  .columns = shape.back(),
                  .transposed = transpose};
  if (transpose) {
    std::swap(result.rows, result.columns);
  }
  return result;
}

/// Element (row, column) of the matrix that starts at `base`.
std::size_t position(const Matrices& matrices, std::int64_t row, std::int64_t column) {
  return static_cast<std::size_t>(matrices.transposed ? column * matrices.rows + row : row * matrices.columns + column);
}

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<MatMulAttributes>();
  check_same_type(inputs[0], inputs[1]);
  const Matrices a = split_matrices(inputs[0].type.shape, attributes.transpose_a, true);
  const Matrices b = split_matrices(inputs[1].type.shape, attributes.transpose_b, false);
  if (!extents_agree(a.columns, b.rows)) {
    fail(ErrorCode::kInvalidModel, "{} has {} columns and {} has {} rows, expected as many",
         to_string(inputs[0].type.shape), a.columns, to_string(inputs[1].type.shape), b.rows);
  }
  Shape shape = broadcast_shapes(a.batch, b.batch);
  if (!a.vector) {
    shape.push_back(a.rows);
  }
  if (!b.vector) {
    shape.push_back(b.columns);
  }
  return {{inputs[0].type.data_type, std::move(shape)}};
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<MatMulAttributes>();
  const Matrices a = split_matrices(inputs[0].shape(), attributes.transpose_a, true);
  const Matrices b = split_matrices(inputs[1].shape(), attributes.transpose_b, false);
  const Shape batch = broadcast_shapes(a.batch, b.batch);
  const Broadcast a_index(a.batch, batch);
  const Broadcast b_index(b.batch, batch);
  const std::vector<double> x = to_doubles(inputs[0]);
  const std::vector<double> y = to_doubles(inputs[1]);
  std::vector<double> result(element_count(outputs[0].shape()), 0.0);
  const std::int64_t depth = a.columns;
  std::vector<double> right(static_cast<std::size_t>(depth * b.columns));  // one matrix, never transposed
  for (std::size_t i = 0; i < element_count(batch); ++i) {
    const double* left = x.data() + a_index(i) * static_cast<std::size_t>(a.rows * depth);
    const double* source = y.data() + b_index(i) * right.size();
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t column = 0; column < b.columns; ++column) {
        right[static_cast<std::size_t>(k * b.columns + column)] = source[position(b, k, column)];
      }
    }
    double* sums = result.data() + i * static_cast<std::size_t>(a.rows * b.columns);
    for (std::int64_t row = 0; row < a.rows; ++row, sums += b.columns) {
      for (std::int64_t k = 0; k < depth; ++k) {
        const double factor = left[position(a, row, k)];
        const double* values = right.data() + k * b.columns;
        for (std::int64_t column = 0; column < b.columns; ++column) {
          sums[column] += factor * values[column];
        }
      }
    }
  }
  store(outputs[0], result);
}

}  // namespace

extern const OpDef mat_mul;
const OpDef mat_mul{
    .name = "MatMul",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/matrix/"
        "matmul-1.html",
    .inputs = {2, 2},
    .openvino = {.type = "MatMul", .versions = {1}},
    .attributes = attributes_of<MatMulAttributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
