// MaxPool (first output only) and AvgPool by oneDNN, channels last.
#include <array>

#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/onednn.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 2> kOps = {"MaxPool", "AvgPool"};

struct PoolGeometry {
  std::vector<ops::Window> windows;
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
    result.windows.push_back(window);
  }
  return result;
}

struct Pool {
  dnnl::algorithm algorithm;
  Form form;
  PoolGeometry geometry;
};

std::optional<dnnl::pooling_v2_forward::primitive_desc> describe_pool(const Pool& pool, const Shape& input,
                                                                      const Shape& output, std::string& refusal) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::pooling_v2_forward::primitive_desc desc;
  try {
    desc = {{dnnl::prop_kind::forward_inference, pool.algorithm, describe(input, pool.form),
             describe(output, pool.form), pool.geometry.strides, pool.geometry.kernel, pool.geometry.dilations,
             pool.geometry.pads_begin, pool.geometry.pads_end},
            attributes,
            onednn_engine()};
  } catch (const dnnl::error& error) {
    refusal = fmt::format("oneDNN: {}", error.what());
    return std::nullopt;
  }
  if (is_reference_implementation(desc.impl_info_str())) {
    refusal = "oneDNN has only a reference implementation";
    return std::nullopt;
  }
  return desc;
}

OneDnnChunk make_chunk(const dnnl::pooling_v2_forward::primitive_desc& desc, dnnl::pooling_v2_forward primitive,
                       std::size_t in_bytes, std::size_t out_bytes) {
  using Source = OneDnnArgument::Source;
  return {std::move(primitive),
          {{DNNL_ARG_SRC, desc.src_desc(), Source::kInput, 0, {}, in_bytes},
           {DNNL_ARG_DST, desc.dst_desc(), Source::kOutput, 0, {}, out_bytes},
           {DNNL_ARG_SCRATCHPAD, desc.scratchpad_desc(), Source::kScratch, 0, {}}}};
}

/// Replaces the one chunk of the whole by bands of rows, where that is possible and worth it.
void divide(const NodeContext& context, const Pool& pool, std::vector<OneDnnChunk>& chunks, KernelPlan& plan) {
  const Shape& input = context.input(0).shape;
  const Shape& output = context.output().shape;
  // A maximum costs about as much as moving the value: some 8 multiplications.
  const double flops_a_row =
      8.0 * static_cast<double>(output[1] * output[3] * pool.geometry.kernel[0] * pool.geometry.kernel[1]);
  std::vector<OneDnnChunk> parts;
  for (const Band& band : divide_rows(pool.geometry.windows[0], output[0], flops_a_row, context.threads)) {
    Pool part = pool;
    part.geometry.pads_begin[0] = band.pad_begin;
    part.geometry.pads_end[0] = band.pad_end;
    std::string refusal;
    const auto desc =
        describe_pool(part, {1, input[1], band.in_rows, input[3]}, {1, output[1], band.out_rows, output[3]}, refusal);
    if (!desc) {
      return;
    }
    plan.scratch_bytes =
        std::max(plan.scratch_bytes, scratch_of_workers(desc->scratchpad_desc().get_size(), context.threads));
    parts.push_back(make_chunk(*desc, dnnl::pooling_v2_forward(*desc),
                               row_offset_bytes(input, pool.form.stored, band.picture, band.in_first),
                               row_offset_bytes(output, pool.form.stored, band.picture, band.out_first)));
  }
  if (!parts.empty()) {
    chunks = std::move(parts);
  }
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
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
  Form form;
  if (context.output().shape.size() == 4) {
    const bool bytes = context.forms[0].stored == DataType::kU8;
    form = maximum || !bytes ? context.forms[0] : Form();  // an average of steps would be rounded to one
    form.layout = Layout::kChannelsLast;
  }
  const auto whole =
      describe_pool({algorithm, form, *windows}, context.input(0).shape, context.output().shape, refusal);
  if (!whole) {
    return std::nullopt;
  }
  KernelPlan plan;
  plan.kernel = fmt::format("onednn_pooling ({})", whole->impl_info_str());
  plan.inputs = {form};
  plan.outputs.assign(context.node.outputs.size(), Layout::kPlain);
  plan.outputs[0] = form;
  plan.scratch_bytes = scratch_of_workers(whole->scratchpad_desc().get_size(), context.threads);
  std::vector<OneDnnChunk> chunks;
  chunks.push_back(make_chunk(*whole, dnnl::pooling_v2_forward(*whole), 0, 0));
  if (form.layout == Layout::kChannelsLast) {
    divide(context, {algorithm, form, *windows}, chunks, plan);
  }
  plan.bind = bind_chunks(std::move(chunks), context.threads);
  return plan;
}

}  // namespace

extern const KernelDef onednn_pooling_kernel;
const KernelDef onednn_pooling_kernel{.name = "onednn_pooling", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
