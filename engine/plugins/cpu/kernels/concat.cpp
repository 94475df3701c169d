// Concat of any type: rows of each input are copied side by side. f32 pictures keep their channels-last layout.
#include "engine/ops/concat.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"Concat"};

/// Channels last when any input lies so already, stored as all inputs are: none is rounded for the others.
Form common_form(const NodeContext& context) {
  if (context.output().data_type != DataType::kF32) {
    return {};
  }
  const bool picture = context.output().shape.size() == 4;
  const bool last = picture && std::ranges::any_of(context.forms, [](const Form& input) {
                      return input.layout == Layout::kChannelsLast;
                    });
  Form form = context.forms[0];
  const bool alike = form.steps.scale.size() < 2 && std::ranges::all_of(context.forms, [&](const Form& input) {
                       return input.stored == form.stored && input.steps == form.steps;
                     });
  form = alike ? form : Form();
  form.layout = last ? Layout::kChannelsLast : Layout::kPlain;
  return form;
}

Shape in_memory_order(const Shape& shape, Layout layout) {
  return layout == Layout::kChannelsLast ? Shape{shape[0], shape[2], shape[3], shape[1]} : shape;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (!context.node.post_ops.empty()) {
    refusal = "has post-ops";
    return std::nullopt;
  }
  const Form form = common_form(context);
  const Layout layout = form.layout;
  const std::size_t element_bytes =
      size_of(context.output().data_type == DataType::kF32 ? form.stored : context.output().data_type);
  const Shape& output = context.output().shape;
  const auto rank = static_cast<std::int64_t>(output.size());
  std::int64_t axis = context.node.attrs<ops::ConcatAttributes>().axis;
  axis += axis < 0 ? rank : 0;
  static constexpr std::array<std::int64_t, 4> kPositionInNhwc = {0, 3, 1, 2};
  const auto position = static_cast<std::size_t>(
      layout == Layout::kChannelsLast ? kPositionInNhwc.at(static_cast<std::size_t>(axis)) : axis);
  const auto row_bytes = [&](const Shape& shape) {
    const Shape ordered = in_memory_order(shape, layout);
    return element_count(Shape(ordered.begin() + static_cast<std::ptrdiff_t>(position), ordered.end())) * element_bytes;
  };
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < context.node.inputs.size(); ++i) {
    sizes.push_back(row_bytes(context.input(i).shape));
  }
  const std::size_t total = row_bytes(output);
  const auto rows = static_cast<std::int64_t>(total == 0 ? 0 : element_count(output) * element_bytes / total);
  KernelPlan plan;
  plan.kernel = "concat";
  plan.inputs.assign(context.node.inputs.size(), form);
  plan.outputs = {form};
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
