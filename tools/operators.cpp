// `fovea operators`: the operators models may use, as docs/operators.md.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "engine/base/text.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/runtime/core.hpp"
#include "tools/subcommand.hpp"
#ifdef FOVEA_CPU
#include "engine/plugins/cpu/kernel.hpp"
#endif

namespace fovea::tools {
namespace {

/// "1, 8": opsets whose form of the operator is known.
std::string opsets(const OpDef& op) {
  std::string list;
  for (const int version : op.openvino.versions) {
    list += version == 0 ? "" : fmt::format("{}{}", list.empty() ? "" : ", ", version);
  }
  return list;
}

std::string inputs(const OpDef& op) {
  if (op.inputs.most == kVariadic) {
    return fmt::format("{} or more", op.inputs.least);
  }
  return op.inputs.least == op.inputs.most ? fmt::format("{}", op.inputs.least)
                                           : fmt::format("{} to {}", op.inputs.least, op.inputs.most);
}

/// "axis=1, eps=0": attributes with the value they have when a file leaves them out.
std::string attributes(const OpDef& op) {
  if (op.attributes.print == nullptr) {
    return {};
  }
  std::ostringstream text;
  op.attributes.print(text, op.attributes.defaults());
  std::string list;
  for (const std::string& pair : split(text.str(), ' ')) {
    if (!pair.empty()) {
      list += (list.empty() ? "`" : ", `") + (pair.ends_with('=') ? pair.substr(0, pair.size() - 1) : pair) + "`";
    }
  }
  return list;
}

/// True when the CPU computes the operator on two f32 tensors, or on one, with its element-wise kernel.
bool is_elementwise(Core& core, const OpDef& op) {
  const std::string call = op.inputs.least == 1 ? "y = {}(a: f32[2,3])" : "y = {}(a: f32[2,3], b: f32[2,3])";
  if (op.inputs.least > 2) {
    return false;
  }
  try {
    Model model;
    model.graph = parse_graph(fmt::format(fmt::runtime(call), op.name));
    const std::vector<StepInfo> steps = core.compile_model(model, "CPU").steps();
    return std::ranges::any_of(steps, [](const StepInfo& step) { return step.kernel == "elementwise"; });
  } catch (const Error&) {
    return false;  // needs other inputs: no element-wise operator
  }
}

/// Kernels that may compute the operator, best first; without one the reference does.
std::string cpu_kernels(Core& core, const OpDef& op) {
  std::string list;
#ifdef FOVEA_CPU
  for (const cpu::KernelDef* kernel : cpu::all_kernels()) {
    const bool named = std::ranges::find(kernel->ops, op.name) != kernel->ops.end();
    if (named || (kernel->name == "elementwise" && is_elementwise(core, op))) {
      list += (list.empty() ? "" : ", ") + std::string(kernel->name);
    }
  }
#else
  (void)core;
#endif
  return list.empty() ? "reference" : list;
}

int print_page() {
  fmt::print(
      "# Operators\n\n"
      "What models may be made of. This page is printed by `fovea operators`; a test compares them.\n\n"
      "Every operator has a reference implementation, which every device can fall back to. A CPU kernel may still\n"
      "refuse a node (element type, rank, inputs that are not constant); `fovea inspect --why` tells for a model.\n\n"
      "| operator | IR type | opsets | inputs | attributes and defaults | CPU kernels |\n"
      "|---|---|---|---|---|---|\n");
  std::vector<const OpDef*> ops(all_ops().begin(), all_ops().end());
  std::ranges::sort(ops, {}, &OpDef::name);
  Core core;
  for (const OpDef* op : ops) {
    fmt::print("| [{}]({}) | {} | {} | {} | {} | {} |\n", op->name, op->spec, op->openvino.type, opsets(*op),
               inputs(*op), attributes(*op), cpu_kernels(core, *op));
  }
  return 0;
}

std::function<int()> setup(CLI::App& /*app*/) { return print_page; }

}  // namespace

extern const Subcommand operators_subcommand;
const Subcommand operators_subcommand{
    .name = "operators", .summary = "Print the operators models may use, as Markdown", .setup = setup};

}  // namespace fovea::tools
