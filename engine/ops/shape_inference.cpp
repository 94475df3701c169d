#include "engine/ops/shape_inference.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "engine/graph/model.hpp"

namespace fovea {
namespace {

/// Largest result that is evaluated for shape inference. Shapes, axes, ranges and prior boxes of real models are far
/// below; weights (Convert of compressed constants) stay out, they are folded later and once.
constexpr std::size_t kMaxShapeElements = 4096;
/// Of all of them: a chain of thousands of nodes must not pile up.
constexpr std::uint64_t kMaxEvaluatedBytes = std::uint64_t{32} << 20U;

/// Operators whose outputs may be others in the next run: never computed ahead of time.
constexpr std::array<std::string_view, 3> kDiffersByRun = {"Assign", "RandomUniform", "ReadValue"};

}  // namespace

std::optional<std::vector<Tensor>> try_evaluate(const Graph& graph, const Node& node,
                                                const std::function<const Tensor*(ValueId)>& known) {
  std::vector<Tensor> contents;
  for (const ValueId input : node.inputs) {
    const Tensor* content = input == kNone ? nullptr : known(input);
    const bool shape_will_do = input != kNone && node.op->reads_shapes_only && is_static(graph.value(input).type.shape);
    if (content == nullptr && input != kNone && !shape_will_do) {
      return std::nullopt;
    }
    contents.push_back(content == nullptr ? Tensor() : *content);
  }
  std::vector<TensorType> types;
  for (const ValueId output : node.outputs) {
    types.push_back(graph.value(output).type);
    if (!is_static(types.back().shape) && node.op->compute == nullptr) {
      return std::nullopt;
    }
  }
  if (node.op->has_bodies || std::ranges::find(kDiffersByRun, node.op->name) != kDiffersByRun.end()) {
    return std::nullopt;
  }
  std::vector<ConstTensorView> views;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    if (contents[i].empty()) {
      views.push_back(node.inputs[i] == kNone ? ConstTensorView{}
                                              : ConstTensorView{graph.value(node.inputs[i]).type, nullptr});
      continue;
    }
    contents[i] = contents[i].loaded();
    views.push_back(contents[i].view());
  }
  return evaluate(node, views, types);
}

const Tensor* ShapeInference::known(ValueId id) const {
  if (const Tensor* constant = graph_.constant(id)) {
    return constant;
  }
  const auto found = evaluated_.find(id);
  return found == evaluated_.end() ? nullptr : &found->second;
}

std::vector<TensorType> ShapeInference::types_of(const Node& node) const {
  std::vector<InputInfo> infos;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const bool own =
        std::ranges::none_of(node.post_ops, [&](const PostOp& op) { return op.operand == static_cast<int>(i); });
    const ValueId input = node.inputs[i];
    if (own) {
      infos.push_back(input == kNone ? InputInfo{} : InputInfo{graph_.value(input).type, known(input)});
    }
  }
  std::vector<TensorType> types = infer_types(node, infos);
  if (types.size() < node.outputs.size()) {
    fail(ErrorCode::kInvalidModel, "node '{}' ({}): has {} outputs, expected at most {}", node.name, node.op->name,
         node.outputs.size(), types.size());
  }
  return types;
}

void ShapeInference::infer(const Node& node) {
  std::vector<TensorType> types;
  const bool ranks_known = std::ranges::all_of(
      node.inputs, [&](ValueId input) { return input == kNone || has_rank(graph_.value(input).type.shape); });
  try {
    if (!ranks_known) {
      throw NotKnownYet(
          fmt::format("node '{}' ({}): an input's rank is known at run time only", node.name, node.op->name));
    }
    types = types_of(node);
  } catch (const NotKnownYet&) {
    if (unknown_ == UnknownTypes::kRefuse) {
      throw;
    }
    for (const ValueId output : node.outputs) {
      types.push_back({graph_.value(output).type.data_type, {kUnknownRank}});
    }
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    graph_.value(node.outputs[i]).type = types[i];
  }
  evaluate_small(node);
}

void ShapeInference::evaluate_small(const Node& node) {
  const auto small = [](const TensorType& type) {
    return is_static(type.shape) && element_count(type.shape) <= kMaxShapeElements;
  };
  if (node.op->compute == nullptr &&
      !std::ranges::all_of(node.outputs, [&](ValueId output) { return small(graph_.value(output).type); })) {
    return;
  }
  auto results = try_evaluate(graph_, node, [&](ValueId id) { return known(id); });
  for (std::size_t i = 0; results && i < node.outputs.size(); ++i) {
    const TensorType type = (*results)[i].type();
    graph_.value(node.outputs[i]).type = type;  // computed sizes are known now
    if (small(type)) {
      evaluated_bytes_ += byte_size(type);
      evaluated_[node.outputs[i]] = std::move((*results)[i]);
    }
    if (evaluated_bytes_ > kMaxEvaluatedBytes) {
      fail(ErrorCode::kUnsupported, "node '{}' ({}): more than {} bytes of values are known from shapes and constants",
           node.name, node.op->name, kMaxEvaluatedBytes);
    }
  }
}

bool has_run_time_shapes(const Graph& graph) {
  return std::ranges::any_of(graph.values, [](const Value& value) { return !is_static(value.type.shape); });
}

void infer_shapes(Graph& graph) {
  ShapeInference inference(graph, UnknownTypes::kDefer);
  for (const Node& node : graph.nodes) {
    inference.infer(node);
  }
}

void reshape(Graph& graph, const std::map<std::string, Shape>& input_shapes) {
  for (const auto& [name, shape] : input_shapes) {
    graph.value(graph.inputs[find_port(graph.inputs, name, "input")].value).type.shape = shape;
  }
  infer_shapes(graph);
}

}  // namespace fovea
