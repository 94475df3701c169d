// MatMul by oneDNN: [M,K]·[K,N] with batch axes; a constant second factor is packed once.
#include <array>

#include "engine/ops/mat_mul.hpp"
#include "engine/plugins/cpu/onednn.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 1> kOps = {"MatMul"};

/// A factor as oneDNN sees it: rank padded with leading 1s, transposition as swapped strides.
dnnl::memory::desc factor(const Shape& shape, bool transposed, std::size_t rank) {
  Shape dims(rank - shape.size(), 1);
  dims.insert(dims.end(), shape.begin(), shape.end());
  Shape strides = row_major_strides(dims);
  if (transposed) {
    std::swap(dims[rank - 1], dims[rank - 2]);
    std::swap(strides[rank - 1], strides[rank - 2]);
  }
  return {dnnl::memory::dims(dims.begin(), dims.end()), dnnl::memory::data_type::f32,
          dnnl::memory::dims(strides.begin(), strides.end())};
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  using Source = OneDnnArgument::Source;
  const Shape& a = context.input(0).shape;
  const Shape& b = context.input(1).shape;
  const std::size_t rank = std::max(a.size(), b.size());
  if (context.output().data_type != DataType::kF32 || a.size() < 2 || b.size() < 2) {
    refusal = "needs f32 and factors of rank 2 or more";
    return std::nullopt;
  }
  const auto& attributes = context.node.attrs<ops::MatMulAttributes>();
  const dnnl::memory::desc src = factor(a, attributes.transpose_a, rank);
  const dnnl::memory::desc weights = factor(b, attributes.transpose_b, rank);
  const bool constant = context.constant(1) != nullptr;
  const dnnl::memory::desc weights_wanted =
      constant ? dnnl::memory::desc(weights.dims(), dnnl::memory::data_type::f32, dnnl::memory::format_tag::any)
               : weights;
  const OneDnnPostOps post_ops = onednn_post_ops(context, 0, context.node.post_ops.size(), Layout::kPlain);
  dnnl::primitive_attr primitive_attributes;
  primitive_attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  primitive_attributes.set_post_ops(post_ops.ops);
  dnnl::matmul::primitive_desc desc;
  try {
    desc = {
        {src, weights_wanted, describe(context.output().shape, Layout::kPlain)}, primitive_attributes, onednn_engine()};
  } catch (const dnnl::error& error) {
    refusal = fmt::format("oneDNN: {}", error.what());
    return std::nullopt;
  }
  if (is_reference_implementation(desc.impl_info_str())) {
    refusal = "oneDNN has only a reference implementation";
    return std::nullopt;
  }
  KernelPlan plan;
  plan.kernel = fmt::format("onednn_matmul ({})", desc.impl_info_str());
  plan.inputs.assign(context.node.inputs.size(), Layout::kPlain);
  plan.outputs = {Layout::kPlain};
  plan.post_ops_done = post_ops.count;
  plan.scratch_bytes = desc.scratchpad_desc().get_size();
  std::vector<OneDnnArgument> arguments = {{DNNL_ARG_SRC, src, Source::kInput, 0, {}},
                                           {DNNL_ARG_DST, desc.dst_desc(), Source::kOutput, 0, {}},
                                           {DNNL_ARG_SCRATCHPAD, desc.scratchpad_desc(), Source::kScratch, 0, {}}};
  if (constant) {
    arguments.push_back({DNNL_ARG_WEIGHTS, desc.weights_desc(), Source::kConstant, 0,
                         pack(*context.constant(1), weights, desc.weights_desc())});
  } else {
    arguments.push_back({DNNL_ARG_WEIGHTS, weights, Source::kInput, 1, {}});
  }
  for (const OneDnnPostOps::Operand& operand : post_ops.operands) {
    arguments.push_back({operand.argument, operand.desc, Source::kInput, static_cast<std::size_t>(operand.input), {}});
  }
  plan.bind = bind_primitive(dnnl::matmul(desc), std::move(arguments));
  return plan;
}

}  // namespace

extern const KernelDef onednn_matmul_kernel;
const KernelDef onednn_matmul_kernel{.name = "onednn_matmul", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
