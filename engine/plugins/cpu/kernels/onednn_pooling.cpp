// MaxPool (first output only) and AvgPool by oneDNN, channels last.
#include <array>

#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/onednn.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 2> kOps = {"MaxPool", "AvgPool"};

struct PoolGeometry {
  dnnl::memory::dims kernel, strides, dilations, pads_begin, pads_end;
};

std::optional<PoolGeometry> geometry(const NodeContext& context, const ops::PoolAttributes& attributes,
                                     std::string& refusal) {
  PoolGeometry result;
  const Shape& input = context.input(0).shape;
  for (const ops::Window& window : ops::pool_windows(attributes, Shape(input.begin() + 2, input.end()))) {
    const std::int64_t reach = (window.output - 1) * window.stride + (window.kernel - 1) * window.dilation + 1;
    const std::int64_t pad_end = reach - window.input - window.pad_begin;
    // Ceil rounding makes windows reach beyond the declared padding. A maximum ignores that; an average that counts
    // padding would divide by cells that do not exist.
    if (context.node.op->name == "AvgPool" && !attributes.exclude_pad && pad_end > window.pad_end) {
      refusal = "a window of the average reaches beyond the padding";
      return std::nullopt;
    }
    if (pad_end >= (window.kernel - 1) * window.dilation + 1 ||
        window.pad_begin >= (window.kernel - 1) * window.dilation + 1) {
      refusal = "a window lies in the padding";
      return std::nullopt;
    }
    result.kernel.push_back(window.kernel);
    result.strides.push_back(window.stride);
    result.dilations.push_back(window.dilation - 1);  // oneDNN counts the gaps
    result.pads_begin.push_back(window.pad_begin);
    result.pads_end.push_back(pad_end);
  }
  return result;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  using Source = OneDnnArgument::Source;
  if (context.output().data_type != DataType::kF32) {
    refusal = fmt::format("computes f32, not {}", to_string(context.output().data_type));
    return std::nullopt;
  }
  if (context.node.outputs.size() > 1 &&
      context.graph.use_counts()[static_cast<std::size_t>(context.node.outputs[1])] > 0) {
    refusal = "the indices are used";
    return std::nullopt;
  }
  const auto& attributes = context.node.attrs<ops::PoolAttributes>();
  const bool maximum = context.node.op->name == "MaxPool";
  const dnnl::algorithm algorithm = maximum                  ? dnnl::algorithm::pooling_max
                                    : attributes.exclude_pad ? dnnl::algorithm::pooling_avg_exclude_padding
                                                             : dnnl::algorithm::pooling_avg_include_padding;
  const auto windows = geometry(context, attributes, refusal);
  if (!windows) {
    return std::nullopt;
  }
  const Layout layout = context.output().shape.size() == 4 ? Layout::kChannelsLast : Layout::kPlain;
  dnnl::primitive_attr primitive_attributes;
  primitive_attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::pooling_v2_forward::primitive_desc desc;
  try {
    desc = {{dnnl::prop_kind::forward_inference, algorithm, describe(context.input(0).shape, layout),
             describe(context.output().shape, layout), windows->strides, windows->kernel, windows->dilations,
             windows->pads_begin, windows->pads_end},
            primitive_attributes,
            onednn_engine()};
  } catch (const dnnl::error& error) {
    refusal = fmt::format("oneDNN: {}", error.what());
    return std::nullopt;
  }
  if (is_reference_implementation(desc.impl_info_str())) {
    refusal = "oneDNN has only a reference implementation";
    return std::nullopt;
  }
  KernelPlan plan;
  plan.kernel = fmt::format("onednn_pooling ({})", desc.impl_info_str());
  plan.inputs = {layout};
  plan.outputs.assign(context.node.outputs.size(), Layout::kPlain);
  plan.outputs[0] = layout;
  plan.scratch_bytes = desc.scratchpad_desc().get_size();
  plan.bind = bind_primitive(dnnl::pooling_v2_forward(desc),
                             {{DNNL_ARG_SRC, desc.src_desc(), Source::kInput, 0, {}},
                              {DNNL_ARG_DST, desc.dst_desc(), Source::kOutput, 0, {}},
                              {DNNL_ARG_SCRATCHPAD, desc.scratchpad_desc(), Source::kScratch, 0, {}}});
  return plan;
}

}  // namespace

extern const KernelDef onednn_pooling_kernel;
const KernelDef onednn_pooling_kernel{.name = "onednn_pooling", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
