// ConvolutionBackpropData and GroupConvolutionBackpropData by oneDNN, channels last.
#include <array>

#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/onednn.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 2> kOps = {"ConvolutionBackpropData", "GroupConvolutionBackpropData"};

struct Geometry {
  dnnl::memory::dims strides, dilations, pads_begin, pads_end;
};

Geometry geometry(const NodeContext& context, bool grouped) {
  const Shape& weights = context.input(1).shape;
  const Shape& input = context.input(0).shape;
  const Shape& output = context.output().shape;
  const Shape kernel(weights.begin() + (grouped ? 3 : 2), weights.end());
  const std::vector<std::int64_t> output_shape(output.begin() + 2, output.end());
  const auto& attributes = context.node.attrs<ops::DeconvolutionAttributes>();
  Geometry result;
  for (const ops::Window& window : ops::deconvolution_windows(attributes, Shape(input.begin() + 2, input.end()), kernel,
                                                              context.own_inputs() > 2 ? &output_shape : nullptr)) {
    result.strides.push_back(window.stride);
    result.dilations.push_back(window.dilation - 1);  // oneDNN counts the gaps
    result.pads_begin.push_back(window.pad_begin);
    const std::int64_t full = (window.input - 1) * window.stride + (window.kernel - 1) * window.dilation + 1;
    result.pads_end.push_back(full - window.pad_begin - window.output);
  }
  return result;
}

/// IR has the input channels first, [I,O,…] or [G,I,O,…]; oneDNN the output channels.
dnnl::memory::desc swapped_weights(const Shape& shape, bool grouped) {
  Shape dims = shape;
  Shape strides = row_major_strides(shape);
  const std::size_t first = grouped ? 1 : 0;
  std::swap(dims[first], dims[first + 1]);
  std::swap(strides[first], strides[first + 1]);
  return {dnnl::memory::dims(dims.begin(), dims.end()), dnnl::memory::data_type::f32,
          dnnl::memory::dims(strides.begin(), strides.end())};
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  using Source = OneDnnArgument::Source;
  if (context.output().data_type != DataType::kF32 || context.constant(1) == nullptr) {
    refusal = "needs f32 and constant weights";
    return std::nullopt;
  }
  const bool grouped = context.node.op->name == "GroupConvolutionBackpropData";
  const Geometry windows = geometry(context, grouped);
  const Layout layout = context.output().shape.size() == 4 ? Layout::kChannelsLast : Layout::kPlain;
  const dnnl::memory::desc weights = swapped_weights(context.input(1).shape, grouped);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::deconvolution_forward::primitive_desc desc;
  try {
    const dnnl::memory::desc weights_any(weights.dims(), dnnl::memory::data_type::f32, dnnl::memory::format_tag::any);
    desc = {{dnnl::prop_kind::forward_inference, dnnl::algorithm::deconvolution_direct,
             describe(context.input(0).shape, layout), weights_any, describe(context.output().shape, layout),
             windows.strides, windows.dilations, windows.pads_begin, windows.pads_end},
            attributes,
            onednn_engine()};
  } catch (const dnnl::error& error) {
    refusal = fmt::format("oneDNN: {}", error.what());
    return std::nullopt;
  }
  KernelPlan plan;
  plan.kernel = fmt::format("onednn_deconvolution ({})", desc.impl_info_str());
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.inputs[0] = layout;
  plan.outputs = {layout};
  plan.packed = {1};
  plan.scratch_bytes = scratch_of_workers(desc.scratchpad_desc().get_size(), context.threads);
  const dnnl::memory packed = pack(context, *context.constant(1), weights, desc.weights_desc());
  std::vector<OneDnnChunk> chunks = {{dnnl::deconvolution_forward(desc),
                                      {{DNNL_ARG_SRC, desc.src_desc(), Source::kInput, 0, {}},
                                       {DNNL_ARG_WEIGHTS, desc.weights_desc(), Source::kConstant, 0, packed},
                                       {DNNL_ARG_DST, desc.dst_desc(), Source::kOutput, 0, {}},
                                       {DNNL_ARG_SCRATCHPAD, desc.scratchpad_desc(), Source::kScratch, 0, {}}}}};
  plan.bind = bind_chunks(std::move(chunks), context.threads);
  return plan;
}

}  // namespace

extern const KernelDef onednn_deconvolution_kernel;
const KernelDef onednn_deconvolution_kernel{.name = "onednn_deconvolution", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
