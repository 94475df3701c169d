// Runs one operator from attributes written as text and compares its outputs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/tensor.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea::test {

/// One application of an operator, all inputs constant unless `computed` names them.
struct OpCase {
  std::string op;
  std::string attributes;                  ///< "strides=2,2 auto_pad=same_upper": name=value pairs as in a model file.
  std::vector<Tensor> inputs;              ///< Tensor() stands for an absent input.
  int opset = 0;                           ///< 0: the newest the operator has.
  std::vector<std::size_t> computed = {};  ///< Inputs whose values shape inference must not see.
};

/// The node as a reader would make it.
Node make_node(const OpCase& op_case);

/// Infers and runs the reference.
std::vector<Tensor> run(const OpCase& op_case);

/// Output types only.
std::vector<TensorType> infer(const OpCase& op_case);
/// Output types for input types (extents may be dynamic); none of the values is known.
std::vector<TensorType> infer(const OpCase& op_case, const std::vector<TensorType>& types);

/// Runs and compares the first outputs with as many expectations: type, shape and values.
/// Floats may differ by four units in the last place of their type: references compute in double and round once, and
/// expectations are written as decimal numbers.
void expect_outputs(const OpCase& op_case, const std::vector<Tensor>& expected);

/// Shape inference fails with this code and a message that contains `text`.
void expect_refused(const OpCase& op_case, ErrorCode code, std::string_view text);
void expect_invalid(const OpCase& op_case, std::string_view text);

/// Compares two tensors as expect_outputs does; prints the first ten differing elements.
/// \param tolerance  Relative to the larger of 1 and the expected magnitude; 0: as expect_outputs.
void expect_equal(const Tensor& actual, const Tensor& expected, double tolerance = 0);

/// Short forms for the usual element types.
Tensor f32(Shape shape, const std::vector<float>& values);
Tensor i64(Shape shape, const std::vector<std::int64_t>& values);
Tensor i64(const std::vector<std::int64_t>& values);  ///< Rank 1.
Tensor boolean(Shape shape, const std::vector<bool>& values);
/// first, first+step, …
Tensor ramp(Shape shape, float first = 0, float step = 1);
/// Reproducible values in [-1,1) that look random.
Tensor noise(Shape shape, std::uint32_t seed = 1);

}  // namespace fovea::test
