// Split and VariadicSplit of any type: parts of each row are copied out. f32 pictures keep their channels-last layout.
#include <array>
#include <cstring>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 2> kOps = {"Split", "VariadicSplit"};

Shape in_memory_order(const Shape& shape, Layout layout) {
  return layout == Layout::kChannelsLast ? Shape{shape[0], shape[2], shape[3], shape[1]} : shape;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const TensorType& input = context.input(0);
  const Tensor* const axis_tensor = context.constant(1);
  if (!context.node.post_ops.empty() || axis_tensor == nullptr) {
    refusal = "has post-ops or an axis that is not constant";
    return std::nullopt;
  }
  const std::size_t axis = ops::normalize_axis(to_ints(axis_tensor->view()).at(0), input.shape.size());
  // Scales of channels would have to be divided as well.
  Form form = context.forms[0].steps.scale.size() > 1 ? Form() : context.forms[0];
  const DataType stored = input.data_type == DataType::kF32 ? form.stored : DataType::kF32;
  const std::size_t element_bytes = size_of(input.data_type == DataType::kF32 ? stored : input.data_type);
  const bool last =
      input.shape.size() == 4 && input.data_type == DataType::kF32 && context.forms[0].layout == Layout::kChannelsLast;
  const Layout layout = last ? Layout::kChannelsLast : Layout::kPlain;
  static constexpr std::array<std::size_t, 4> kPositionInNhwc = {0, 3, 1, 2};
  const std::size_t position = last ? kPositionInNhwc.at(axis) : axis;
  const auto row_bytes = [&](const Shape& shape) {
    const Shape ordered = in_memory_order(shape, layout);
    return element_count(Shape(ordered.begin() + static_cast<std::ptrdiff_t>(position), ordered.end())) * element_bytes;
  };
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < context.node.outputs.size(); ++i) {
    sizes.push_back(row_bytes(context.output(i).shape));
  }
  const std::size_t total = row_bytes(input.shape);
  const auto rows = static_cast<std::int64_t>(total == 0 ? 0 : element_count(input.shape) * element_bytes / total);
  KernelPlan plan;
  plan.kernel = "split";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  form.layout = layout;
  form.stored = stored;
  plan.inputs[0] = form;
  plan.outputs.assign(context.node.outputs.size(), form);
  plan.bind = [sizes, total, rows](const Bindings& bindings) -> BoundStep {
    return [sizes, total, rows, input = bindings.inputs[0], outputs = bindings.outputs](Team& team) {
      const auto row_floats = static_cast<std::int64_t>(total / sizeof(float));
      team.each(rows, row_floats, [&](std::int64_t first, std::int64_t end, int /*worker*/) {
        for (std::int64_t row = first; row < end; ++row) {
          const std::byte* source = input + static_cast<std::size_t>(row) * total;
          for (std::size_t i = 0; i < outputs.size(); ++i) {
            std::memcpy(outputs[i] + static_cast<std::size_t>(row) * sizes[i], source, sizes[i]);
            source += sizes[i];
          }
        }
      });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef split_kernel;
const KernelDef split_kernel{.name = "split", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
