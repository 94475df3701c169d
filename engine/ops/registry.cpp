// The list of operators (ops.inc) as data, look-up by name, and the calls every user of an operator goes through.
#include <algorithm>
#include <array>
#include <map>

#include "engine/ops/elementwise.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea {
namespace ops {
#define FOVEA_OP(name) extern const OpDef name;  // NOLINT(bugprone-macro-parentheses): a declared name
#include "engine/ops/ops.inc"
#undef FOVEA_OP
}  // namespace ops

std::span<const OpDef* const> all_ops() {
#define FOVEA_OP(name) &ops::name,
  static constexpr std::array kAll = {
#include "engine/ops/ops.inc"
  };
#undef FOVEA_OP
  return kAll;
}

const OpDef* find_op(std::string_view name) {
  static const auto kByName = [] {
    std::map<std::string_view, const OpDef*> map;
    for (const OpDef* op : all_ops()) {
      map.emplace(op->name, op);
    }
    return map;
  }();
  const auto found = kByName.find(name);
  return found == kByName.end() ? nullptr : found->second;
}

const OpDef* find_openvino_op(std::string_view type) {
  static const auto kByType = [] {
    std::map<std::string, const OpDef*, std::less<>> map;
    for (const OpDef* op : all_ops()) {
      if (!op->openvino.type.empty()) {
        map.emplace(to_lower(op->openvino.type), op);
      }
    }
    return map;
  }();
  const auto found = kByType.find(to_lower(type));
  return found == kByType.end() ? nullptr : found->second;
}

std::vector<TensorType> infer_types(const Node& node, std::span<const InputInfo> inputs) {
  try {
    const auto count = static_cast<int>(inputs.size());
    if (count < node.op->inputs.least || count > node.op->inputs.most) {
      fail(ErrorCode::kInvalidModel, "has {} inputs, expected {} to {}", count, node.op->inputs.least,
           node.op->inputs.most);
    }
    std::vector<TensorType> types = node.op->infer(node, inputs);
    for (const TensorType& type : types) {
      if (is_static(type.shape) && byte_size(type) > kMaxTensorBytes) {
        fail(ErrorCode::kInvalidModel, "output {} is larger than 2^40 bytes", to_string(type));
      }
    }
    return types;
  } catch (const Error& error) {
    throw error.with_context(fmt::format("node '{}' ({})", node.name, node.op->name));
  }
}

void run_reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  try {
    node.op->reference(node, inputs, outputs);
    apply_post_ops(node, inputs, outputs[0]);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("node '{}' ({})", node.name, node.op->name));
  }
}

std::vector<Tensor> evaluate(const Node& node, std::span<const ConstTensorView> inputs,
                             std::span<const TensorType> types) {
  std::vector<Tensor> results;
  std::vector<TensorView> views;
  for (const TensorType& type : types) {
    results.emplace_back(type);
  }
  for (Tensor& result : results) {
    views.push_back(result.mutable_view());
  }
  run_reference(node, inputs, views);
  return results;
}

}  // namespace fovea
