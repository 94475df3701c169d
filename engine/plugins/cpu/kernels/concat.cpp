// Concat of any type: rows of each input are copied side by side. f32 pictures keep their channels-last layout.
#include "engine/ops/concat.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"Concat"};

/// Channels last when any input lies so already.
Layout common_layout(const NodeContext& context) {
  const bool last = context.output().shape.size() == 4 && context.output().data_type == DataType::kF32 &&
                    std::ranges::find(context.layouts, Layout::kChannelsLast) != context.layouts.end();
  return last ? Layout::kChannelsLast : Layout::kPlain;
}

Shape in_memory_order(const Shape& shape, Layout layout) {
  return layout == Layout::kChannelsLast ? Shape{shape[0], shape[2], shape[3], shape[1]} : shape;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (!context.node.post_ops.empty()) {
    refusal = "has post-ops";
    return std::nullopt;
  }
  const Layout layout = common_layout(context);
  const Shape& output = context.output().shape;
  const auto rank = static_cast<std::int64_t>(output.size());
  std::int64_t axis = context.node.attrs<ops::ConcatAttributes>().axis;
  axis += axis < 0 ? rank : 0;
  static constexpr std::array<std::int64_t, 4> kPositionInNhwc = {0, 3, 1, 2};
  const auto position = static_cast<std::size_t>(
      layout == Layout::kChannelsLast ? kPositionInNhwc.at(static_cast<std::size_t>(axis)) : axis);
  const auto row_bytes = [&](const Shape& shape) {
    const Shape ordered = in_memory_order(shape, layout);
    return element_count(Shape(ordered.begin() + static_cast<std::ptrdiff_t>(position), ordered.end())) *
           size_of(context.output().data_type);
  };
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < context.node.inputs.size(); ++i) {
    sizes.push_back(row_bytes(context.input(i).shape));
  }
  const std::size_t total = row_bytes(output);
  const auto rows = static_cast<std::int64_t>(total == 0 ? 0 : byte_size(context.output()) / total);
  KernelPlan plan;
  plan.kernel = "concat";
  plan.inputs.assign(context.node.inputs.size(), layout);
  plan.outputs = {layout};
  plan.bind = [sizes, total, rows](const Bindings& bindings) -> BoundStep {
    return [sizes, total, rows, inputs = bindings.inputs, output = bindings.outputs[0]](Team& team) {
      team.each(rows, static_cast<std::int64_t>(total / sizeof(float)),
                [&](std::int64_t first, std::int64_t last, int /*worker*/) {
                  for (std::int64_t row = first; row < last; ++row) {
                    std::byte* target = output + static_cast<std::size_t>(row) * total;
                    for (std::size_t i = 0; i < inputs.size(); ++i) {
                      std::memcpy(target, inputs[i] + static_cast<std::size_t>(row) * sizes[i], sizes[i]);
                      target += sizes[i];
                    }
                  }
                });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef concat_kernel;
const KernelDef concat_kernel{.name = "concat", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
