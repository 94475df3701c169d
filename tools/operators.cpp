// `fovea operators`: the operators models may use, by format and device, as docs/operators.md. Everything is asked of
// the lists that importers and plugins work from.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "engine/base/text.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/ops/graph_text.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/runtime/core.hpp"
#include "tools/subcommand.hpp"
#ifdef FOVEA_CPU
#include "engine/plugins/cpu/kernel.hpp"
#endif

namespace fovea::tools {
namespace {

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

/// A name in any format's spelling: "CONV_2D" and "Conv2D" are the same.
std::string plain_name(std::string_view name) {
  std::string plain = to_lower(name);
  std::erase(plain, '_');
  return plain;
}

/// One line of the table: a name, who reads it, and our operator behind it.
struct Row {
  std::string name;                               ///< As we spell it, else as the first format does.
  const OpDef* op = nullptr;                      ///< nullptr: read as several or other operators.
  std::map<std::string_view, std::string> cells;  ///< By format.
};

/// By plain name, which orders the table.
std::map<std::string, Row> collect_rows() {
  std::map<std::string, Row> rows;
  for (const OpDef* op : all_ops()) {
    Row& row = rows[plain_name(op->openvino.type)];
    row.name = op->name;
    row.op = op;
  }
  for (const Frontend* frontend : all_frontends()) {
    for (const FrontendOperator& known : frontend->operators()) {
      Row& row = rows[plain_name(known.name)];
      row.name = row.name.empty() ? known.name : row.name;
      const bool respelled = known.name != row.name;
      std::string text = respelled ? known.name : known.versions.empty() ? "yes" : "";
      text += known.versions.empty() ? "" : (text.empty() ? "" : " ") + known.versions;
      std::string& cell = row.cells[frontend->name];
      cell += (cell.empty() ? "" : "; ") + text;
    }
  }
  return rows;
}

void print_support(Core& core, const std::map<std::string, Row>& rows) {
  fmt::print("| operator |");
  for (const Frontend* frontend : all_frontends()) {
    fmt::print(" {} |", frontend->name);
  }
  fmt::print(" REFERENCE | CPU | GPU |\n|---|");
  for (std::size_t i = 0; i < all_frontends().size(); ++i) {
    fmt::print("---|");
  }
  fmt::print("---|---|---|\n");
  for (const auto& [plain, row] : rows) {
    fmt::print("| {} |", row.op == nullptr ? row.name : fmt::format("[{}]({})", row.name, row.op->spec));
    for (const Frontend* frontend : all_frontends()) {
      const auto cell = row.cells.find(frontend->name);
      fmt::print(" {} |", cell == row.cells.end() ? "" : cell->second);
    }
    if (row.op == nullptr) {
      fmt::print(" as others | as others | – |\n");
    } else {
      fmt::print(" {} | {} | – |\n", row.op->reference == nullptr ? "no" : "yes", cpu_kernels(core, *row.op));
    }
  }
}

void print_attributes() {
  fmt::print("| operator | IR type | inputs | attributes and defaults |\n|---|---|---|---|\n");
  std::vector<const OpDef*> ops(all_ops().begin(), all_ops().end());
  std::ranges::sort(ops, {}, &OpDef::name);
  for (const OpDef* op : ops) {
    fmt::print("| {} | {} | {} | {} |\n", op->name, op->openvino.type, inputs(*op), attributes(*op));
  }
}

int print_page() {
  const std::map<std::string, Row> rows = collect_rows();
  fmt::print(
      "# Operators\n\n"
      "What models may be made of. This page is printed by `fovea operators` from the lists the importers and plugins\n"
      "work from; a test compares them.\n\n"
      "## By format and device\n\n"
      "Names of different formats that differ in case and underscores only share a line; a cell gives the versions "
      "that\n"
      "are read (IR and ONNX: opsets; \"6+\": from 6 on), the format's own spelling where it is another, or yes. "
      "Names\n"
      "with a link are our {} operators. The others are read \"as others\": an importer turns them into one or several "
      "of\n"
      "ours, so that ONNX's Conv runs as Convolution.\n\n"
      "REFERENCE computes every operator, and every device can fall back to it (\"reference\"). A CPU kernel may "
      "still\n"
      "refuse a node (element type, rank, inputs that are not constant); `fovea inspect --why CPU MODEL` tells for a\n"
      "model. No GPU plugin is built yet: its column is empty (–).\n\n",
      all_ops().size());
  Core core;
  print_support(core, rows);
  fmt::print("\n## Inputs and attributes\n\n");
  print_attributes();
  return 0;
}

std::function<int()> setup(CLI::App& /*app*/) { return print_page; }

}  // namespace

extern const Subcommand operators_subcommand;
const Subcommand operators_subcommand{
    .name = "operators", .summary = "Print the operators models may use, as Markdown", .setup = setup};

}  // namespace fovea::tools
