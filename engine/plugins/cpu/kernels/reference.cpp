// The last resort: the operator's reference kernel. Correct for every operator and type; allocates while it runs.
#include "engine/ops/op_def.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

std::optional<KernelPlan> plan(const NodeContext& context, std::string& /*refusal*/) {
  KernelPlan plan;
  plan.kernel = "reference";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.outputs.assign(context.node.outputs.size(), Layout::kPlain);
  plan.post_ops_done = context.node.post_ops.size();
  std::vector<TensorType> inputs;
  for (const ValueId input : context.node.inputs) {
    inputs.push_back(input == kNone ? TensorType{} : context.graph.value(input).type);
  }
  std::vector<TensorType> outputs;
  for (const ValueId output : context.node.outputs) {
    outputs.push_back(context.graph.value(output).type);
  }
  plan.bind = [node = context.node, inputs, outputs](const Bindings& bindings) -> BoundStep {
    std::vector<ConstTensorView> input_views;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      input_views.push_back({inputs[i], bindings.inputs[i]});
    }
    std::vector<TensorView> output_views;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      output_views.push_back({outputs[i], bindings.outputs[i]});
    }
    return [node, input_views, output_views](Team& /*team*/) { run_reference(node, input_views, output_views); };
  };
  return plan;
}

}  // namespace

extern const KernelDef reference_kernel;
const KernelDef reference_kernel{.name = "reference", .ops = {}, .plan = plan};

}  // namespace fovea::cpu
