// Nodes that only give memory another shape: Reshape, Squeeze, Unsqueeze, and transpositions that move nothing.
#include <array>

#include "engine/ops/op_def.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 4> kOps = {"Reshape", "Squeeze", "Unsqueeze", "Transpose"};

/// The transposition turns the input, as it lies in memory, into row-major order without moving an element.
bool transposes_nothing(const NodeContext& context) {
  const Tensor* order = context.constant(1);
  const Shape& shape = context.input(0).shape;
  if (order == nullptr || order->size() != shape.size()) {
    return false;
  }
  const std::vector<std::int64_t> axes = to_ints(order->view());
  const bool channels_last = context.forms[0].layout == Layout::kChannelsLast;
  static constexpr std::array<std::int64_t, 4> kNhwc = {0, 2, 3, 1};
  std::vector<std::int64_t> memory_order;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t axis = channels_last ? kNhwc.at(i) : static_cast<std::int64_t>(i);
    if (shape[static_cast<std::size_t>(axis)] != 1) {
      memory_order.push_back(axis);
    }
  }
  std::vector<std::int64_t> wanted_order;
  for (const std::int64_t axis : axes) {
    if (shape[static_cast<std::size_t>(axis)] != 1) {
      wanted_order.push_back(axis);
    }
  }
  return memory_order == wanted_order;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const bool transpose = context.node.op->name == "Transpose";
  if (transpose && !transposes_nothing(context)) {
    refusal = "elements move";
    return std::nullopt;
  }
  if (!context.node.post_ops.empty()) {
    refusal = "has post-ops";
    return std::nullopt;
  }
  KernelPlan plan;
  plan.kernel = "view";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  Form form = context.forms[0];
  form.layout = transpose ? form.layout : Layout::kPlain;
  // Scales of channels would not know theirs again.
  form = form.steps.scale.size() > 1 ? Form(form.layout) : form;
  plan.inputs[0] = form;
  form.layout = Layout::kPlain;
  plan.outputs = {form};
  plan.alias = 0;
  return plan;
}

}  // namespace

extern const KernelDef view_kernel;
const KernelDef view_kernel{.name = "view", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
