// SoftMax by oneDNN along any axis; channels last stays channels last.
#include "engine/ops/softmax.hpp"

#include <array>

#include "engine/plugins/cpu/onednn.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"Softmax"};

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  using Source = OneDnnArgument::Source;
  const Shape& shape = context.output().shape;
  if (context.output().data_type != DataType::kF32 || shape.empty() || !context.node.post_ops.empty()) {
    refusal = "needs f32, rank 1 or more and no post-ops";
    return std::nullopt;
  }
  const Layout layout = shape.size() == 4 ? context.forms[0].layout : Layout::kPlain;
  std::int64_t axis = context.node.attrs<ops::SoftmaxAttributes>().axis;
  axis += axis < 0 ? static_cast<std::int64_t>(shape.size()) : 0;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::memory::desc memory = describe(shape, layout);
  dnnl::softmax_v2_forward::primitive_desc desc;
  try {
    desc = {
        {dnnl::prop_kind::forward_inference, dnnl::algorithm::softmax_accurate, memory, memory, static_cast<int>(axis)},
        attributes,
        onednn_engine()};
  } catch (const dnnl::error& error) {
    refusal = fmt::format("oneDNN: {}", error.what());
    return std::nullopt;
  }
  KernelPlan plan;
  plan.kernel = fmt::format("softmax ({})", desc.impl_info_str());
  plan.inputs = {layout};
  plan.outputs = {layout};
  plan.scratch_bytes = scratch_of_workers(desc.scratchpad_desc().get_size(), context.threads);
  std::vector<OneDnnChunk> chunks = {{dnnl::softmax_v2_forward(desc),
                                      {{DNNL_ARG_SRC, memory, Source::kInput, 0, {}},
                                       {DNNL_ARG_DST, memory, Source::kOutput, 0, {}},
                                       {DNNL_ARG_SCRATCHPAD, desc.scratchpad_desc(), Source::kScratch, 0, {}}}}};
  plan.bind = bind_chunks(std::move(chunks), context.threads);
  return plan;
}

}  // namespace

extern const KernelDef softmax_kernel;
const KernelDef softmax_kernel{.name = "softmax", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
