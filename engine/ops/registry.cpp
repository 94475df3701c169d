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

/// The results of an operator that computes its sizes, as declared.
std::vector<Tensor> compute(const Node& node, std::span<const ConstTensorView> inputs,
                            std::span<const TensorType> types) {
  std::vector<Tensor> results = node.op->compute(node, own_inputs(node, inputs));
  if (results.size() < types.size()) {
    fail(ErrorCode::kInternal, "computed {} outputs of {}", results.size(), types.size());
  }
  results.resize(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (results[i].data_type() != types[i].data_type || !shape_fits(types[i].shape, results[i].shape())) {
      fail(ErrorCode::kInvalidArgument, "output {} is {}, expected {}", i, to_string(results[i].type()),
           to_string(types[i]));
    }
  }
  return results;
}

/// Extents of 0 must not hide a product that would overflow the arithmetic on strides.
void check_size(const TensorType& type) {
  Shape extents = type.shape;
  std::ranges::replace(extents, 0, 1);
  std::ranges::replace_if(
      extents, [](std::int64_t extent) { return extent < 0; }, 1);
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
  } catch (const NotKnownYet& error) {
    throw NotKnownYet(fmt::format("node '{}' ({}): {}", node.name, node.op->name, error.what()));
  } catch (const Error& error) {
    throw error.with_context(fmt::format("node '{}' ({})", node.name, node.op->name));
  }
}

void run_reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  try {
    if (node.op->reference != nullptr) {
      node.op->reference(node, own_inputs(node, inputs), outputs);
    } else {
      std::vector<TensorType> types;
      for (const TensorView& output : outputs) {
        types.push_back(output.type);
      }
      const std::vector<Tensor> results = compute(node, inputs, types);
      for (std::size_t i = 0; i < results.size(); ++i) {
        std::ranges::copy(results[i].bytes(), outputs[i].bytes);
      }
    }
    apply_post_ops(node, inputs, outputs[0]);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("node '{}' ({})", node.name, node.op->name));
  }
}

std::vector<Tensor> evaluate(const Node& node, std::span<const ConstTensorView> inputs,
                             std::span<const TensorType> types) {
  if (node.op->compute != nullptr && node.post_ops.empty()) {
    try {
      return compute(node, inputs, types);
    } catch (const Error& error) {
      throw error.with_context(fmt::format("node '{}' ({})", node.name, node.op->name));
    }
  }
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

std::vector<Tensor> evaluate_at_run_time(const Node& node, std::span<const Tensor* const> inputs) {
  std::vector<InputInfo> infos;
  std::vector<ConstTensorView> views;
  for (const Tensor* input : inputs) {
    infos.push_back(input == nullptr ? InputInfo{} : InputInfo{input->type(), input});
    views.push_back(input == nullptr ? ConstTensorView{} : input->view());
  }
  std::vector<TensorType> types = infer_types(node, infos);
  types.resize(std::min(types.size(), node.outputs.size()));
  for (const TensorType& type : types) {
    if (is_static(type.shape) && byte_size(type) > kMaxRunTimeBytes) {
      fail(ErrorCode::kUnsupported, "node '{}' ({}): the data asks for an output of {}, expected at most 2^32 bytes",
           node.name, node.op->name, to_string(type));
    }
  }
  return evaluate(node, views, types);
}

}  // namespace fovea
