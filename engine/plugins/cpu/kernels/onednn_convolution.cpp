// Convolution and GroupConvolution by oneDNN, channels last, with bias and as many post-ops as it takes.
#include <algorithm>
#include <array>

#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/onednn.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 2> kOps = {"Convolution", "GroupConvolution"};

/// oneDNN 2.6 takes longer for these than a pass of ours over the finished result (1x1 filters: 1.1 to 1.3 times the
/// time of both). Starting that pass costs a microsecond, which small results do not win back.
bool is_costly(const PostOp& op) { return op.kind == PostOpKind::kSwish || op.kind == PostOpKind::kSigmoid; }
constexpr std::size_t kLeastForOwnPass = 4096;  // elements

/// A convolution with this many post-ops inside, or nullopt when oneDNN would run its slow reference.
struct Attempt {
  dnnl::convolution_forward::primitive_desc desc;
  OneDnnPostOps post_ops;
};

class Planner {
 public:
  explicit Planner(const NodeContext& context)
      : context_(context),
        rank_(context.output().shape.size()),
        layout_(rank_ == 4 ? Layout::kChannelsLast : Layout::kPlain),
        bias_(context.has_bias()) {}

  std::optional<KernelPlan> plan(std::string& refusal) {
    describe_geometry();
    const auto& post_ops = context_.node.post_ops;
    const bool large = element_count(context_.output().shape) >= kLeastForOwnPass;
    const auto costly = large ? std::ranges::find_if(post_ops, is_costly) : post_ops.end();
    const std::size_t all = static_cast<std::size_t>(costly - post_ops.begin()) - (bias_ ? 1 : 0);
    for (std::size_t limit = all + 1; limit-- > 0;) {
      if (auto attempt = try_with(limit)) {
        return make_plan(std::move(*attempt));
      }
    }
    refusal = "oneDNN has only a reference implementation";
    return std::nullopt;
  }

 private:
  void describe_geometry() {
    const bool grouped = context_.node.op->name == "GroupConvolution";
    const Shape& weights = context_.input(1).shape;
    const Shape& input = context_.input(0).shape;
    const Shape spatial(input.begin() + 2, input.end());
    const Shape kernel(weights.begin() + (grouped ? 3 : 2), weights.end());
    for (const ops::Window& window :
         ops::convolution_windows(context_.node.attrs<ops::ConvolutionAttributes>(), spatial, kernel)) {
      strides_.push_back(window.stride);
      dilations_.push_back(window.dilation - 1);  // oneDNN counts the gaps
      pads_begin_.push_back(window.pad_begin);
      // What the last window really reaches; oneDNN checks that this gives the output's extent.
      pads_end_.push_back((window.output - 1) * window.stride + (window.kernel - 1) * window.dilation + 1 -
                          window.input - window.pad_begin);
    }
    weights_any_ = dnnl::memory::desc(dnnl::memory::dims(weights.begin(), weights.end()), dnnl::memory::data_type::f32,
                                      dnnl::memory::format_tag::any);
  }

  /// oneDNN 2.6's depthwise kernel (brdgmm_dw) takes an operand per channel for one per element where the output is a
  /// single pixel, and computes wrong values.
  [[nodiscard]] bool misreads_operands() const {
    const Shape& shape = context_.output().shape;
    return context_.node.op->name == "GroupConvolution" &&
           element_count(shape) == static_cast<std::size_t>(shape[0] * shape[1]);
  }

  std::optional<Attempt> try_with(std::size_t limit) {
    Attempt attempt;
    attempt.post_ops = onednn_post_ops(context_, bias_ ? 1 : 0, limit, layout_);
    if (attempt.post_ops.count < limit || (!attempt.post_ops.operands.empty() && misreads_operands())) {
      return std::nullopt;
    }
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    attributes.set_post_ops(attempt.post_ops.ops);
    const dnnl::memory::desc src = describe(context_.input(0).shape, layout_);
    const dnnl::memory::desc dst = describe(context_.output().shape, layout_);
    const dnnl::memory::desc bias = bias_ ? bias_desc() : dnnl::memory::desc();
    try {
      const dnnl::convolution_forward::desc desc(dnnl::prop_kind::forward_inference,
                                                 dnnl::algorithm::convolution_direct, src, weights_any_, bias, dst,
                                                 strides_, dilations_, pads_begin_, pads_end_);
      attempt.desc = {desc, attributes, onednn_engine()};
    } catch (const dnnl::error&) {
      return std::nullopt;  // this combination of post-ops has no implementation at all
    }
    if (is_reference_implementation(attempt.desc.impl_info_str())) {
      return std::nullopt;
    }
    return attempt;
  }

  [[nodiscard]] dnnl::memory::desc bias_desc() const {
    return {{context_.output().shape[1]}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a};
  }

  KernelPlan make_plan(Attempt attempt) {
    using Source = OneDnnArgument::Source;
    KernelPlan plan;
    plan.kernel = fmt::format("onednn_convolution ({})", attempt.desc.impl_info_str());
    plan.inputs.assign(context_.node.inputs.size(), Layout::kPlain);
    plan.inputs[0] = layout_;
    plan.outputs = {layout_};
    plan.post_ops_done = attempt.post_ops.count + (bias_ ? 1 : 0);
    plan.scratch_bytes = attempt.desc.scratchpad_desc().get_size();

    std::vector<OneDnnArgument> arguments = {
        {DNNL_ARG_SRC, attempt.desc.src_desc(), Source::kInput, 0, {}},
        {DNNL_ARG_DST, attempt.desc.dst_desc(), Source::kOutput, 0, {}},
        {DNNL_ARG_SCRATCHPAD, attempt.desc.scratchpad_desc(), Source::kScratch, 0, {}}};
    const dnnl::memory::desc plain = describe(context_.input(1).shape, Layout::kPlain);
    const dnnl::memory packed = pack(*context_.constant(1), plain, attempt.desc.weights_desc());
    arguments.push_back({DNNL_ARG_WEIGHTS, attempt.desc.weights_desc(), Source::kConstant, 0, packed});
    if (bias_) {
      const auto operand = static_cast<std::size_t>(context_.node.post_ops[0].operand);
      arguments.push_back({DNNL_ARG_BIAS, bias_desc(), Source::kConstant, 0,
                           pack(*context_.constant(operand), bias_desc(), bias_desc())});
    }
    for (const OneDnnPostOps::Operand& operand : attempt.post_ops.operands) {
      plan.inputs[static_cast<std::size_t>(operand.input)] = operand.layout;
      arguments.push_back(
          {operand.argument, operand.desc, Source::kInput, static_cast<std::size_t>(operand.input), {}});
    }
    plan.bind = bind_primitive(dnnl::convolution_forward(attempt.desc), std::move(arguments));
    return plan;
  }

  const NodeContext& context_;
  std::size_t rank_;
  Layout layout_;
  bool bias_;
  dnnl::memory::dims strides_, dilations_, pads_begin_, pads_end_;
  dnnl::memory::desc weights_any_;
};

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  if (context.output().data_type != DataType::kF32) {
    refusal = fmt::format("computes f32, not {}", to_string(context.output().data_type));
    return std::nullopt;
  }
  if (context.constant(1) == nullptr) {
    refusal = "weights are not constant";
    return std::nullopt;
  }
  return Planner(context).plan(refusal);
}

}  // namespace

extern const KernelDef onednn_convolution_kernel;
const KernelDef onednn_convolution_kernel{.name = "onednn_convolution", .ops = kOps, .plan = plan};

}  // namespace fovea::cpu
