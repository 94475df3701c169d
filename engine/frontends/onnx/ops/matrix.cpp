// ONNX matrix products.
#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {

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

}  // namespace fovea::onnx
