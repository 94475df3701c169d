// Transpose of f32 tensors in either layout, written row by row of the output.
#include <array>

#include "engine/plugins/cpu/iteration.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"Transpose"};

/// Elements between neighbours along each logical axis of a tensor as it lies in memory.
Shape strides_in_memory(const Shape& shape, Layout layout) {
  if (layout == Layout::kPlain || shape.size() != 4) {
    return row_major_strides(shape);
  }
  const std::int64_t c = shape[1];
  const std::int64_t w = shape[3];
  return {shape[2] * w * c, 1, w * c, c};
}

/// Rows [first, last) of the output.
void transpose_rows(const Shape& extents, const Shape& strides, const float* src, float* dst, std::int64_t first,
                    std::int64_t last) {
  const std::int64_t length = extents.back();
  const std::int64_t inner = strides.back();
  for (std::int64_t row = first; row < last; ++row) {
    std::int64_t offset = 0;
    std::int64_t rest = row;
    for (std::size_t i = extents.size() - 1; i-- > 0;) {
      offset += rest % extents[i] * strides[i];
      rest /= extents[i];
    }
    for (std::int64_t i = 0; i < length; ++i) {
      dst[row * length + i] = src[offset + i * inner];
    }
  }
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const Tensor* order = context.constant(1);
  if (context.output().data_type != DataType::kF32 || order == nullptr || order->size() == 0 ||
      !context.node.post_ops.empty()) {
    refusal = "needs f32, a constant order and no post-ops";
    return std::nullopt;
  }
  const Layout layout = context.input(0).shape.size() == 4 ? context.forms[0].layout : Layout::kPlain;
  const Shape source = strides_in_memory(context.input(0).shape, layout);
  Shape strides;
  for (const std::int64_t axis : to_ints(order->view())) {
    strides.push_back(source[static_cast<std::size_t>(axis)]);
  }
  const Shape extents = context.output().shape;
  KernelPlan plan;
  plan.kernel = "transpose";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.inputs[0] = layout;
  plan.outputs = {Layout::kPlain};
  plan.bind = [extents, strides](const Bindings& bindings) -> BoundStep {
    return [extents, strides, src = bindings.input<float>(0), dst = bindings.output<float>()](Team& team) {
      const std::int64_t length = extents.back();
      std::int64_t rows = 1;
      for (std::size_t i = 0; i + 1 < extents.size(); ++i) {
        rows *= extents[i];
      }
      team.each(rows, length, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
        transpose_rows(extents, strides, src, dst, first, last);
      });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef transpose_kernel;
const KernelDef transpose_kernel{.name = "transpose", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
