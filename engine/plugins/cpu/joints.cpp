#include "engine/plugins/cpu/joints.hpp"

#include <algorithm>

#include "engine/ops/op_def.hpp"

namespace fovea::cpu {
namespace {

NodeContext context_of(const Graph& graph, const Node& node) { return {.graph = graph, .node = node, .forms = {}}; }

bool is_picture(const Graph& graph, ValueId value) {
  const TensorType& type = graph.value(value).type;
  return type.data_type == DataType::kF32 && type.shape.size() == 4;
}

/// The node that computes `value`, if nothing else reads it.
const Node* only_read_here(const Graph& graph, const std::vector<int>& uses, ValueId value) {
  const NodeId producer = graph.value(value).producer;
  return producer == kNone || uses[static_cast<std::size_t>(value)] != 1 ? nullptr : &graph.node(producer);
}

/// Every pixel is read.
bool is_pointwise(const Graph& graph, const Node& node) {
  return strides_of_pointwise(graph, node) == PointwiseStrides() &&
         graph.value(node.inputs[0]).type.shape[2] == graph.value(node.outputs[0]).type.shape[2] &&
         graph.value(node.inputs[0]).type.shape[3] == graph.value(node.outputs[0]).type.shape[3];
}

/// Scaling weights instead of the picture is less work, and exact as often.
bool should_scale_weights(const Graph& graph, const Node& multiply, const Node& convolution) {
  const Shape& out = graph.value(convolution.outputs[0]).type.shape;
  return multiply.op->name == "Multiply" && scaled_input(graph, multiply) && out[0] == 1 && out[1] <= out[2] * out[3];
}

const Node* before_of(const Graph& graph, const std::vector<int>& uses, const Node& node) {
  const Node* const before =
      node.inputs.empty() || node.inputs[0] == kNone ? nullptr : only_read_here(graph, uses, node.inputs[0]);
  if (before == nullptr) {
    return nullptr;
  }
  if (is_pointwise(graph, node) && can_finish(graph, node)) {
    return should_scale_weights(graph, *before, node) ? before : nullptr;
  }
  const bool expands = is_pointwise(graph, *before) && can_finish(graph, *before);
  return expands && depthwise_shape(graph, node, before) ? before : nullptr;
}

bool is_global_mean(const Graph& graph, const Node& node) {
  return node.op->name == "ReduceMean" && node.post_ops.empty() && is_picture(graph, node.inputs[0]) &&
         spans_height_and_width(graph, node);
}

}  // namespace

bool filters_stand_side_by_side(const Graph& graph, const Node& node) {
  const NodeContext context = context_of(graph, node);
  const Shape& in = context.input(0).shape;
  const Shape& out = context.output().shape;
  const Shape& weights = context.input(1).shape;
  if (in.size() != 4 || context.own_inputs() != 2) {
    return false;
  }
  const auto windows = ops::deconvolution_windows(node.attrs<ops::DeconvolutionAttributes>(), {in[2], in[3]},
                                                  {weights[2], weights[3]}, nullptr);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const ops::Window& window = windows[axis];
    if (window.stride != window.kernel || window.dilation != 1 || window.pad_begin != 0 ||
        out[2 + axis] != in[2 + axis] * window.kernel) {
      return false;
    }
  }
  return true;
}

bool spans_height_and_width(const Graph& graph, const Node& node) {
  const Tensor* const axes = graph.constant(node.inputs[1]);
  if (axes == nullptr || graph.value(node.inputs[0]).type.shape.size() != 4) {
    return false;
  }
  std::vector<std::int64_t> values = to_ints(axes->view());
  for (std::int64_t& value : values) {
    value += value < 0 ? 4 : 0;
  }
  std::ranges::sort(values);
  return values == std::vector<std::int64_t>{2, 3};
}

bool can_finish(const Graph& graph, const Node& node) {
  const NodeContext context = context_of(graph, node);
  return covered_post_ops(context, make_finish(context, static_cast<std::size_t>(context.output().shape[1]))) ==
         node.post_ops.size();
}

std::optional<PointwiseStrides> strides_of_pointwise(const Graph& graph, const Node& node) {
  if (node.op->name != "Convolution" || !is_picture(graph, node.outputs[0]) || !graph.is_constant(node.inputs[1])) {
    return std::nullopt;
  }
  const Shape& weights = graph.value(node.inputs[1]).type.shape;
  const Shape& in = graph.value(node.inputs[0]).type.shape;
  const auto windows =
      ops::convolution_windows(node.attrs<ops::ConvolutionAttributes>(), {in[2], in[3]}, {weights[2], weights[3]});
  const auto pads = [](const ops::Window& window) {
    return window.kernel != 1 || window.pad_begin != 0 || (window.output - 1) * window.stride >= window.input;
  };
  if (std::ranges::any_of(windows, pads) || element_count(graph.value(node.outputs[0]).type.shape) == 0) {
    return std::nullopt;
  }
  const auto stride = [](const ops::Window& window) { return window.output == 1 ? 1 : window.stride; };
  return PointwiseStrides{stride(windows[0]), stride(windows[1])};
}

std::optional<DepthwiseShape> depthwise_shape(const Graph& graph, const Node& node, const Node* before) {
  if (node.op->name != "GroupConvolution" || !is_picture(graph, node.outputs[0]) ||
      !graph.is_constant(node.inputs[1]) || !can_finish(graph, node)) {
    return std::nullopt;
  }
  const Shape& weights = graph.value(node.inputs[1]).type.shape;
  const Shape& in = graph.value(node.inputs[0]).type.shape;
  const Shape& out = graph.value(node.outputs[0]).type.shape;
  if (weights.size() != 5 || weights[1] != 1 || weights[2] != 1 || weights[3] * weights[4] > kMostTaps ||
      element_count(out) == 0) {
    return std::nullopt;
  }
  const auto windows =
      ops::convolution_windows(node.attrs<ops::ConvolutionAttributes>(), {in[2], in[3]}, {weights[3], weights[4]});
  return DepthwiseShape{.batch = in[0],
                        .channels = in[1],
                        .depth = before == nullptr ? 0 : graph.value(before->inputs[0]).type.shape[1],
                        .rows = windows[0],
                        .columns = windows[1]};
}

std::optional<std::size_t> scaled_input(const Graph& graph, const Node& node) {
  if (!node.post_ops.empty() || node.inputs.size() != 2 || !is_picture(graph, node.outputs[0])) {
    return std::nullopt;
  }
  const Shape& shape = graph.value(node.outputs[0]).type.shape;
  for (const std::size_t picture : {std::size_t{0}, std::size_t{1}}) {
    const Shape& factors = graph.value(node.inputs[1 - picture]).type.shape;
    if (graph.value(node.inputs[picture]).type.shape == shape && factors == Shape{1, shape[1], 1, 1}) {
      return picture;
    }
  }
  return std::nullopt;
}

std::map<const Node*, Joint> find_joints(const Graph& graph) {
  const std::vector<int> uses = graph.use_counts();
  std::map<const Node*, Joint> joints;
  for (const Node& node : graph.nodes) {
    if (node.op->name == "Convolution" || node.op->name == "GroupConvolution") {
      if (const Node* const before = before_of(graph, uses, node)) {
        joints.erase(before);  // two at a time: what it was to be computed with gets a step of its own
        joints[&node].before = before;
      }
    } else if (is_global_mean(graph, node)) {
      const NodeId producer = graph.value(node.inputs[0]).producer;
      if (producer != kNone && depthwise_shape(graph, graph.node(producer), nullptr)) {
        joints[&graph.node(producer)].mean = &node;
      }
    }
  }
  return joints;
}

}  // namespace fovea::cpu
