// ByteTable: chains of element-wise nodes between values on steps, as one look-up for each element.
#include <algorithm>
#include <array>
#include <memory>

#include "engine/plugins/cpu/byte_ops.hpp"
#include "engine/plugins/cpu/byte_tables.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"ByteTable"};
constexpr std::int64_t kBlock = 4096;

std::optional<KernelPlan> plan(const NodeContext& context, std::string& /*refusal*/) {
  const auto attributes = std::make_shared<const ByteTable>(context.node.attrs<ByteTable>());
  const Layout layout = context.output().shape.size() == 4 ? context.forms[0].layout : Layout::kPlain;
  // Where a kernel without bytes computed the input, it is brought onto its steps again.
  const bool bytes = context.forms[0].stored == DataType::kU8 && context.forms[0].steps == attributes->input.steps;
  KernelPlan plan;
  plan.kernel = bytes ? "byte_table" : "byte_table (of f32)";
  plan.inputs = {bytes ? Form(layout, attributes->input.steps) : Form(layout)};
  plan.outputs = {Form(layout, attributes->steps)};
  const auto total = static_cast<std::int64_t>(element_count(context.output().shape));
  plan.bind = [attributes, bytes, total](const Bindings& bindings) -> BoundStep {
    return [=, input = bindings.inputs[0], output = bindings.output<std::uint8_t>()](Team& team) {
      team.each((total + kBlock - 1) / kBlock, kBlock / 2, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
        const std::int64_t begin = first * kBlock;
        const auto count = static_cast<std::size_t>(std::min(last * kBlock, total) - begin);
        const std::uint8_t* from = reinterpret_cast<const std::uint8_t*>(input) + begin;
        if (!bytes) {
          const Quantiser& steps = attributes->input;
          quantise_floats(reinterpret_cast<const float*>(input) + begin, steps.factor[0], steps.shift, steps.most,
                          output + begin, count);
          from = output + begin;
        }
        map_bytes(attributes->table, from, output + begin, count);
      });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef byte_table_kernel;
const KernelDef byte_table_kernel{.name = "byte_table", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
