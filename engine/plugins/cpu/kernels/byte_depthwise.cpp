// Depthwise GroupConvolution 3x3 and 5x5 between values on steps, in bytes.
#include "engine/plugins/cpu/byte_depthwise.hpp"

#include <array>
#include <memory>

#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"GroupConvolution"};

/// nullopt when the convolution is of another kind.
std::optional<DepthwiseShape> shape_of(const NodeContext& context) {
  const Shape& weights = context.input(1).shape;
  const Shape& in = context.input(0).shape;
  const Shape& out = context.output().shape;
  if (weights.size() != 5 || weights[1] != 1 || weights[2] != 1 || weights[3] != weights[4] ||
      (weights[3] != 3 && weights[3] != 5)) {
    return std::nullopt;
  }
  const auto windows = ops::convolution_windows(context.node.attrs<ops::ConvolutionAttributes>(), {in[2], in[3]},
                                                {weights[3], weights[4]});
  if (windows[0].stride != windows[1].stride || windows[0].dilation != windows[1].dilation || windows[0].stride > 2) {
    return std::nullopt;
  }
  return DepthwiseShape{.channels = in[1],
                        .height = in[2],
                        .width = in[3],
                        .out_height = out[2],
                        .out_width = out[3],
                        .pad_top = windows[0].pad_begin,
                        .pad_left = windows[1].pad_begin,
                        .kernel = weights[3],
                        .stride = windows[0].stride,
                        .dilation = windows[0].dilation,
                        .zero = context.forms[0].steps.zero};
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (context.forms[0].stored != DataType::kU8 || context.constant(1) == nullptr) {
    return std::nullopt;  // nothing to do with bytes
  }
  const auto shape = shape_of(context);
  if (!shape) {
    refusal = "needs one filter of 3x3 or 5x5 for each channel, stride 1 or 2";
    return std::nullopt;
  }
  const auto steps = steps_of_weights(*context.constant(1), static_cast<std::size_t>(shape->channels), true);
  if (!steps) {
    refusal = "weights do not lie on steps";
    return std::nullopt;
  }
  const auto finish =
      make_byte_finish(context, *steps, 255.0 * 254.0 * static_cast<double>(shape->kernel * shape->kernel));
  if (!finish || finish->floats) {
    refusal = "no FakeQuantize follows, or post-ops that are not limits";
    return std::nullopt;
  }
  const auto compiled = std::make_shared<const ByteDepthwise>(
      pack_byte_depthwise(*shape, steps->stored.data<std::int8_t>().data(), rest_of(*steps), *finish));
  KernelPlan plan;
  plan.kernel = "byte_depthwise";
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.packed = {1};
  plan.weight_bytes = compiled->packed.bytes().size();
  plan.inputs[0] = Form(Layout::kChannelsLast, context.forms[0].steps);
  plan.outputs = {Form(Layout::kChannelsLast, context.quantiser->steps)};
  plan.quantises = true;
  plan.post_ops_done = finish->post_ops_done;
  plan.bind = [compiled, batch = context.input(0).shape[0]](const Bindings& bindings) -> BoundStep {
    return [compiled, batch, from = bindings.input<std::uint8_t>(0), to = bindings.output<std::uint8_t>()](Team& team) {
      const DepthwiseShape& s = compiled->shape;
      const std::int64_t row = s.out_width * s.channels;
      team.each(batch * s.out_height, row, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
        for (std::int64_t item = first; item < last; ++item) {
          run_byte_depthwise(*compiled, from + item / s.out_height * s.height * s.width * s.channels,
                             item % s.out_height, to + item * row);
        }
      });
    };
  };
  return plan;
}

}  // namespace

extern const KernelDef byte_depthwise_kernel;
const KernelDef byte_depthwise_kernel{.name = "byte_depthwise", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
