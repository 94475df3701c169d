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

namespace {

/// The operator's own inputs: those before the first operand of a post-op.
template <class Input>
std::span<const Input> own_inputs(const Node& node, std::span<const Input> inputs) {
  std::size_t count = inputs.size();
  for (const PostOp& op : node.post_ops) {
    if (op.operand != kNone) {
      count = std::min(count, static_cast<std::size_t>(op.operand));
    }
  }
  return inputs.first(count);
}

/// Extents of 0 must not hide a product that would overflow the arithmetic on strides.
void check_size(const TensorType& type) {
  Shape extents = type.shape;
  std::ranges::replace(extents, 0, 1);
  std::ranges::replace(extents, kDynamic, 1);
  if (byte_size({type.data_type, extents}) > kMaxTensorBytes) {
    fail(ErrorCode::kInvalidModel, "output {} is larger than 2^40 bytes", to_string(type));
  }
}

}  // namespace

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
    const std::span<const InputInfo> own = own_inputs(node, inputs);
    const auto count = static_cast<int>(own.size());
    if (count < node.op->inputs.least || count > node.op->inputs.most) {
      fail(ErrorCode::kInvalidModel, "has {} inputs, expected {} to {}", count, node.op->inputs.least,
           node.op->inputs.most);
    }
    for (int i = 0; i < node.op->inputs.least; ++i) {
      if (static_cast<std::size_t>(i) < node.inputs.size() && node.inputs[static_cast<std::size_t>(i)] == kNone) {
        fail(ErrorCode::kInvalidModel, "input {} is missing", i);
      }
    }
    std::vector<TensorType> types = node.op->infer(node, own);
    std::ranges::for_each(types, check_size);
    return types;
  } catch (const Error& error) {
    throw error.with_context(fmt::format("node '{}' ({})", node.name, node.op->name));
  }
}

void run_reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  try {
    node.op->reference(node, own_inputs(node, inputs), outputs);
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
