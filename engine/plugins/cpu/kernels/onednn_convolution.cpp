// Convolution and GroupConvolution by oneDNN, channels last, with bias and as many post-ops as it takes.
#include <algorithm>
#include <array>
#include <map>

#include "engine/ops/op_def.hpp"
#include "engine/ops/spatial.hpp"
#include "engine/plugins/cpu/onednn.hpp"

namespace fovea::cpu {
namespace {

constexpr std::array<std::string_view, 2> kOps = {"Convolution", "GroupConvolution"};
constexpr int kPerChannel = 1 << 1;  // oneDNN's mask of axis 1

/// oneDNN 2.6 takes longer for these than a pass of ours over the finished result (1x1 filters: 1.1 to 1.3 times the
/// time of both). Starting that pass costs a microsecond, which small results do not win back.
bool is_costly(const PostOp& op) { return op.kind == PostOpKind::kSwish || op.kind == PostOpKind::kSigmoid; }
constexpr std::size_t kLeastForOwnPass = 4096;  // elements

/// What one primitive computes: the whole step or a band of it.
struct Part {
  Shape input, output;
  dnnl::memory::dims pads_begin, pads_end;
};

/// A convolution with so many post-ops inside.
struct Attempt {
  dnnl::convolution_forward::primitive_desc desc;
  OneDnnPostOps post_ops;
  int factors_argument = 0;  ///< Not 0: where a quantiser's factors of channels go.
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
    const std::size_t all = context_.node.post_ops.size() - (bias_ ? 1 : 0);
    if (auto plan = plan_bytes(all)) {
      return plan;
    }
    if (context_.bf16 && rank_ == 4) {
      factors_ = {layout_, DataType::kBF16};
      result_ = {layout_, context_.is_result() ? DataType::kF32 : DataType::kBF16};
      if (auto plan = plan_at_most(worth_fusing())) {
        return plan;
      }
    }
    factors_ = result_ = layout_;
    if (auto plan = plan_at_most(worth_fusing())) {
      return plan;
    }
    refusal = "oneDNN has only a reference implementation";
    return std::nullopt;
  }

 private:
  /// Post-ops behind the bias before the first that is better left to a pass of ours.
  [[nodiscard]] std::size_t worth_fusing() const {
    const auto& post_ops = context_.node.post_ops;
    const bool large = element_count(context_.output().shape) >= kLeastForOwnPass;
    const auto costly = large ? std::ranges::find_if(post_ops, is_costly) : post_ops.end();
    return static_cast<std::size_t>(costly - post_ops.begin()) - (bias_ ? 1 : 0);
  }

  /// Products of steps, exact in 32 bits; brought onto the steps of the FakeQuantize behind where there is one.
  std::optional<KernelPlan> plan_bytes(std::size_t all) {
    const Steps& steps = context_.forms[0].steps;
    if (context_.forms[0].stored != DataType::kU8 || rank_ != 4) {
      return std::nullopt;
    }
    const Shape& weights = context_.input(1).shape;
    const bool depthwise = weights.size() == 5 && weights[1] == 1 && weights[2] == 1;
    const auto outputs = static_cast<std::size_t>(whole_.output[1]);
    weight_steps_ =
        steps.scale.size() > 1 && !depthwise ? std::nullopt : steps_of_weights(*context_.constant(1), outputs);
    if (!weight_steps_) {
      return std::nullopt;
    }
    scales_ = weight_steps_->scale;
    for (std::size_t o = 0; o < outputs; ++o) {
      scales_[o] *= steps.scale[steps.scale.size() > 1 ? o : 0];
    }
    factors_ = context_.forms[0];
    factors_.layout = layout_;
    std::optional<KernelPlan> plan;
    if (context_.quantiser != nullptr) {
      quantiser_ = context_.quantiser;
      result_ = Form(layout_, quantiser_->steps);
      plan = plan_with(all);
    }
    if (!plan) {
      quantiser_ = nullptr;
      result_ = layout_;
      plan = plan_at_most(all);
    }
    if (!plan) {
      weight_steps_.reset();
      scales_.clear();
    }
    return plan;
  }

  /// With as many post-ops as oneDNN takes, the others by passes of ours.
  std::optional<KernelPlan> plan_at_most(std::size_t most) {
    std::optional<KernelPlan> plan;
    for (std::size_t limit = most + 1; limit-- > 0 && !plan;) {
      plan = plan_with(limit);
    }
    return plan;
  }

  std::optional<KernelPlan> plan_with(std::size_t limit) {
    if (auto plan = plan_bands(limit)) {
      return plan;
    }
    const auto attempt = try_with(limit, whole_, weights_any());
    if (!attempt) {
      return std::nullopt;
    }
    KernelPlan plan = describe_plan(*attempt);
    std::vector<OneDnnChunk> chunks;
    chunks.push_back(make_chunk(*attempt, dnnl::convolution_forward(attempt->desc), Band(), pack_constants(*attempt)));
    plan.bind = bind_chunks(std::move(chunks), context_.threads);
    return plan;
  }

  void describe_geometry() {
    const bool grouped = context_.node.op->name == "GroupConvolution";
    const Shape& weights = context_.input(1).shape;
    whole_.input = context_.input(0).shape;
    whole_.output = context_.output().shape;
    const Shape spatial(whole_.input.begin() + 2, whole_.input.end());
    const Shape kernel(weights.begin() + (grouped ? 3 : 2), weights.end());
    windows_ = ops::convolution_windows(context_.node.attrs<ops::ConvolutionAttributes>(), spatial, kernel);
    for (const ops::Window& window : windows_) {
      strides_.push_back(window.stride);
      dilations_.push_back(window.dilation - 1);  // oneDNN counts the gaps
      whole_.pads_begin.push_back(window.pad_begin);
      // What the last window really reaches; oneDNN checks that this gives the output's extent.
      whole_.pads_end.push_back((window.output - 1) * window.stride + (window.kernel - 1) * window.dilation + 1 -
                                window.input - window.pad_begin);
    }
  }

  [[nodiscard]] DataType weights_type() const { return weight_steps_ ? DataType::kI8 : factors_.stored; }

  [[nodiscard]] dnnl::memory::desc weights_any() const {
    const dnnl::memory::desc plain = describe(context_.input(1).shape, {Layout::kPlain, weights_type()});
    return {plain.dims(), plain.data_type(), dnnl::memory::format_tag::any};
  }

  /// oneDNN 2.6's depthwise kernel (brdgmm_dw) takes an operand per channel for one per element where the output is a
  /// single pixel, and computes wrong values.
  [[nodiscard]] bool misreads_operands(const Shape& output) const {
    return context_.node.op->name == "GroupConvolution" &&
           element_count(output) == static_cast<std::size_t>(output[0] * output[1]);
  }

  /// nullopt when oneDNN would run its slow reference.
  std::optional<Attempt> try_with(std::size_t limit, const Part& part, const dnnl::memory::desc& weights) {
    Attempt attempt;
    attempt.post_ops =
        onednn_post_ops(context_, bias_ ? 1 : 0, limit, weight_steps_ ? Form(layout_) : result_, part.output);
    if (attempt.post_ops.count < limit || (!attempt.post_ops.operands.empty() && misreads_operands(part.output))) {
      return std::nullopt;
    }
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (weight_steps_) {
      attributes.set_output_scales(kPerChannel, scales_);
      if (factors_.steps.zero != 0) {
        attributes.set_zero_points(DNNL_ARG_SRC, 0, {factors_.steps.zero});
      }
    }
    if (quantiser_ != nullptr) {
      append_quantiser(attempt);
    }
    attributes.set_post_ops(attempt.post_ops.ops);
    const dnnl::memory::desc bias = bias_ ? bias_desc() : dnnl::memory::desc();
    try {
      const dnnl::convolution_forward::desc desc(
          dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, describe(part.input, factors_),
          weights, bias, describe(part.output, result_), strides_, dilations_, part.pads_begin, part.pads_end);
      attempt.desc = {desc, attributes, onednn_engine()};
    } catch (const dnnl::error&) {
      return std::nullopt;  // this combination of post-ops has no implementation at all
    }
    if (is_reference_implementation(attempt.desc.impl_info_str())) {
      return std::nullopt;
    }
    return attempt;
  }

  /// onednn rounds and limits to 0…255 itself when it stores bytes.
  void append_quantiser(Attempt& attempt) const {
    float factor = quantiser_->factor[0];
    if (quantiser_->factor.size() > 1) {
      attempt.factors_argument = DNNL_ARG_ATTR_MULTIPLE_POST_OP(attempt.post_ops.ops.len()) | DNNL_ARG_SRC_1;
      attempt.post_ops.ops.append_binary(dnnl::algorithm::binary_mul, channel_desc());
      factor = 1;
    }
    attempt.post_ops.ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_linear, factor, quantiser_->shift);
    if (quantiser_->most < 255) {
      attempt.post_ops.ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_clip, 0, quantiser_->most);
    }
  }

  [[nodiscard]] dnnl::memory::desc channel_desc() const { return describe({1, whole_.output[1], 1, 1}, Form()); }

  [[nodiscard]] dnnl::memory::desc bias_desc() const {
    return {{context_.output().shape[1]}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a};
  }

  /// The step as bands of rows with one form of weights; nullopt where it is better or only possible in one piece.
  std::optional<KernelPlan> plan_bands(std::size_t limit) {
    if (rank_ != 4) {
      return std::nullopt;
    }
    const double weights_a_pixel = static_cast<double>(element_count(context_.input(1).shape));
    const std::vector<Band> bands =
        divide_rows(windows_[0], whole_.output[0], 2 * weights_a_pixel * static_cast<double>(whole_.output[3]),
                    context_.threads, element_count(context_.input(1).shape) * size_of(weights_type()));
    struct Form {
      Attempt attempt;
      dnnl::convolution_forward primitive;
    };
    std::map<decltype(Band().form()), Form> forms;
    std::optional<KernelPlan> plan;
    dnnl::memory::desc weights = weights_any();
    Constants constants;
    std::vector<OneDnnChunk> chunks;
    for (const Band& band : bands) {
      auto form = forms.find(band.form());
      if (form == forms.end()) {
        const Part part{.input = {1, whole_.input[1], band.in_rows, whole_.input[3]},
                        .output = {1, whole_.output[1], band.out_rows, whole_.output[3]},
                        .pads_begin = {band.pad_begin, whole_.pads_begin[1]},
                        .pads_end = {band.pad_end, whole_.pads_end[1]}};
        auto attempt = try_with(limit, part, weights);
        if (!attempt) {
          return std::nullopt;
        }
        if (!plan) {
          plan = describe_plan(*attempt);
          weights = attempt->desc.weights_desc();
          constants = pack_constants(*attempt);
        }
        plan->scratch_bytes = std::max(
            plan->scratch_bytes, scratch_of_workers(attempt->desc.scratchpad_desc().get_size(), context_.threads));
        form = forms.emplace(band.form(), Form{*attempt, dnnl::convolution_forward(attempt->desc)}).first;
      }
      chunks.push_back(make_chunk(form->second.attempt, form->second.primitive, band, constants));
    }
    if (plan) {
      plan->bind = bind_chunks(std::move(chunks), context_.threads);
    }
    return plan;
  }

  struct Constants {
    dnnl::memory weights, bias, factors;
  };

  [[nodiscard]] Constants pack_constants(const Attempt& attempt) const {
    Constants constants;
    const Tensor& weights = weight_steps_ ? weight_steps_->stored : *context_.constant(1);
    constants.weights = pack(context_, weights, describe(weights.shape(), {Layout::kPlain, weights.type().data_type}),
                             attempt.desc.weights_desc());
    if (bias_) {
      const auto operand = static_cast<std::size_t>(context_.node.post_ops[0].operand);
      Tensor bias = context_.constant(operand)->clone();
      for (std::size_t o = 0; o < scales_.size(); ++o) {
        bias.data<float>()[o] /= scales_[o];  // added to the sums of products, before they are scaled
      }
      constants.bias = pack(context_, bias, bias_desc(), bias_desc());
    }
    if (attempt.factors_argument != 0) {
      const Tensor factors(DataType::kF32, {1, whole_.output[1], 1, 1});
      Tensor filled = factors.clone();
      std::ranges::copy(quantiser_->factor, filled.data<float>().begin());
      constants.factors = pack(context_, filled, channel_desc(), channel_desc());
    }
    return constants;
  }

  /// Everything but `bind`.
  [[nodiscard]] KernelPlan describe_plan(const Attempt& attempt) const {
    KernelPlan plan;
    plan.kernel = fmt::format("onednn_convolution ({})", attempt.desc.impl_info_str());
    plan.inputs.assign(context_.node.inputs.size(), Layout::kPlain);
    plan.inputs[0] = factors_;
    plan.outputs = {result_};
    plan.packed = {1};
    plan.quantises = quantiser_ != nullptr;
    plan.post_ops_done = attempt.post_ops.count + (bias_ ? 1 : 0);
    plan.scratch_bytes = scratch_of_workers(attempt.desc.scratchpad_desc().get_size(), context_.threads);
    for (const OneDnnPostOps::Operand& operand : attempt.post_ops.operands) {
      plan.inputs[static_cast<std::size_t>(operand.input)] = operand.form;
    }
    return plan;
  }

  /// \param band  Default: the whole.
  [[nodiscard]] OneDnnChunk make_chunk(const Attempt& attempt, const dnnl::convolution_forward& primitive,
                                       const Band& band, const Constants& constants) const {
    using Source = OneDnnArgument::Source;
    std::size_t in_bytes = 0;
    std::size_t out_bytes = 0;
    if (band.out_rows > 0) {
      in_bytes = row_offset_bytes(whole_.input, factors_.stored, band.picture, band.in_first);
      out_bytes = row_offset_bytes(whole_.output, result_.stored, band.picture, band.out_first);
    }
    OneDnnChunk chunk{.primitive = primitive, .arguments = {}};
    chunk.arguments = {{DNNL_ARG_SRC, attempt.desc.src_desc(), Source::kInput, 0, {}, in_bytes},
                       {DNNL_ARG_DST, attempt.desc.dst_desc(), Source::kOutput, 0, {}, out_bytes},
                       {DNNL_ARG_SCRATCHPAD, attempt.desc.scratchpad_desc(), Source::kScratch, 0, {}},
                       {DNNL_ARG_WEIGHTS, attempt.desc.weights_desc(), Source::kConstant, 0, constants.weights}};
    if (bias_) {
      chunk.arguments.push_back({DNNL_ARG_BIAS, bias_desc(), Source::kConstant, 0, constants.bias});
    }
    if (attempt.factors_argument != 0) {
      chunk.arguments.push_back({attempt.factors_argument, channel_desc(), Source::kConstant, 0, constants.factors});
    }
    for (const OneDnnPostOps::Operand& operand : attempt.post_ops.operands) {
      chunk.arguments.push_back({operand.argument,
                                 operand.desc,
                                 Source::kInput,
                                 static_cast<std::size_t>(operand.input),
                                 {},
                                 operand.full ? out_bytes : 0});
    }
    return chunk;
  }

  const NodeContext& context_;
  std::size_t rank_;
  Layout layout_;
  bool bias_;
  Part whole_;
  std::vector<ops::Window> windows_;
  dnnl::memory::dims strides_, dilations_;
  Form factors_, result_;                    ///< Of the picture, and of the output.
  std::optional<WeightSteps> weight_steps_;  ///< Set: products of bytes.
  std::vector<float> scales_;                ///< Of sums of such products, by output channel.
  const Quantiser* quantiser_ = nullptr;     ///< Set: the output goes onto its steps.
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
