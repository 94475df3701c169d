// Element-wise operators in f32 with numpy broadcasting and all post-ops, in the layout of their first full-size input.
#include <algorithm>
#include <array>
#include <memory>

#include "engine/ops/binary.hpp"
#include "engine/plugins/cpu/block_ops.hpp"
#include "engine/plugins/cpu/iteration.hpp"
#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {
namespace {

constexpr std::int64_t kBlock = 2048;  // floats; 8 KiB stay in the first-level cache over all formulas

/// One formula of the chain and which operand of the iteration it reads (-1: none).
struct ChainStep {
  BlockOp op;
  int operand = -1;
};

/// The whole computation, shared by all requests.
struct Chain {
  RowIteration rows;
  std::vector<ChainStep> steps;
  std::vector<std::size_t> inputs;  ///< Node input of each operand; operand 0 is loaded first.

  /// Not 0: rows are short, and every operand is either as large as the output or repeats with each row. Blocks of this
  /// many elements then hold whole rows, and what repeats is written out to that length.
  std::int64_t period_block = 0;
  struct Pattern {
    enum class Kind : std::uint8_t { kNone, kConstant, kMadeEachRun } kind = Kind::kNone;
    std::vector<float> constant;
    std::int64_t scratch = 0;  ///< kMadeEachRun: where it goes, in floats.
  };
  std::vector<Pattern> patterns;  ///< Per operand; kNone for those as large as the output.
};

/// Writes the operand's row as often as it fits into `count` elements.
void repeat_row(const float* row, std::int64_t stride, std::int64_t length, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < length; ++i) {
    out[i] = row[i * stride];
  }
  for (std::int64_t i = length; i < count; i += length) {
    std::copy_n(out, length, out + i);
  }
}

/// Writes out the rows that repeat and are not constant, once a run.
void make_patterns(const Chain& chain, const std::vector<const float*>& operands, float* scratch) {
  for (std::size_t k = 0; k < chain.patterns.size(); ++k) {
    if (chain.patterns[k].kind == Chain::Pattern::Kind::kMadeEachRun) {
      repeat_row(operands[k], chain.rows.inner_stride(k), chain.rows.row_length(), chain.period_block,
                 scratch + chain.patterns[k].scratch);
    }
  }
}

/// Blocks [first, last) of the periodic way.
void apply_periodic(const Chain& chain, const std::vector<const float*>& operands, float* output, const float* scratch,
                    std::int64_t first, std::int64_t last) {
  const auto pattern_of = [&](std::size_t k) -> const float* {
    const Chain::Pattern& pattern = chain.patterns[k];
    switch (pattern.kind) {
      case Chain::Pattern::Kind::kConstant:
        return pattern.constant.data();
      case Chain::Pattern::Kind::kMadeEachRun:
        return scratch + pattern.scratch;
      case Chain::Pattern::Kind::kNone:
        break;
    }
    return nullptr;
  };
  const std::int64_t total = chain.rows.rows() * chain.rows.row_length();
  for (std::int64_t block = first; block < last; ++block) {
    const std::int64_t begin = block * chain.period_block;
    const auto count = static_cast<std::size_t>(std::min(chain.period_block, total - begin));
    if (operands[0] != output) {  // in place when it applies post-ops to an output
      std::copy_n(operands[0] + begin, count, output + begin);
    }
    for (const ChainStep& step : chain.steps) {
      const float* operand = nullptr;
      if (step.operand >= 0) {
        const auto k = static_cast<std::size_t>(step.operand);
        operand = pattern_of(k);
        operand = operand == nullptr ? operands[k] + begin : operand;
      }
      apply_block(step.op, output + begin, operand, 1, count);
    }
  }
}

/// Blocks [first, last) of all rows.
void apply_rows(const Chain& chain, const std::vector<const float*>& operands, float* output, std::int64_t first,
                std::int64_t last) {
  const std::int64_t length = chain.rows.row_length();
  const std::int64_t blocks = (length + kBlock - 1) / kBlock;
  for (std::int64_t item = first; item < last; ++item) {
    const std::int64_t row = item / blocks;
    const std::int64_t begin = item % blocks * kBlock;
    const auto count = static_cast<std::size_t>(std::min(kBlock, length - begin));
    float* out = output + row * length + begin;
    const std::int64_t stride = chain.rows.inner_stride(0);
    const float* source = operands[0] + chain.rows.offset(0, row) + begin * stride;
    if (source != out) {  // in place when it applies post-ops to an output
      for (std::size_t i = 0; i < count; ++i) {
        out[i] = source[static_cast<std::int64_t>(i) * stride];
      }
    }
    for (const ChainStep& step : chain.steps) {
      if (step.operand < 0) {
        apply_block(step.op, out, nullptr, 0, count);
        continue;
      }
      const auto k = static_cast<std::size_t>(step.operand);
      const std::int64_t inner = chain.rows.inner_stride(k);
      apply_block(step.op, out, operands[k] + chain.rows.offset(k, row) + begin * inner, inner, count);
    }
  }
}

void run_chain(const Chain& chain, const std::vector<const float*>& operands, float* output, float* scratch,
               Team& team) {
  const std::int64_t length = chain.rows.row_length();
  if (chain.period_block > 0) {
    make_patterns(chain, operands, scratch);
    const std::int64_t blocks = (chain.rows.rows() * length + chain.period_block - 1) / chain.period_block;
    team.each(blocks, chain.period_block, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
      apply_periodic(chain, operands, output, scratch, first, last);
    });
    return;
  }
  team.each(
      chain.rows.rows() * ((length + kBlock - 1) / kBlock), std::min(kBlock, length),
      [&](std::int64_t first, std::int64_t last, int /*worker*/) { apply_rows(chain, operands, output, first, last); });
}

std::optional<BlockOp> binary_op(std::string_view name) {
  if (name == "Add") {
    return BlockOp{.kind = BlockOpKind::kPostOp, .post_op = {.kind = PostOpKind::kAdd}};
  }
  if (name == "Multiply") {
    return BlockOp{.kind = BlockOpKind::kPostOp, .post_op = {.kind = PostOpKind::kMultiply}};
  }
  static constexpr std::array kOthers = {
      std::pair{std::string_view("Subtract"), BlockOpKind::kSubtract},
      std::pair{std::string_view("Divide"), BlockOpKind::kDivide},
      std::pair{std::string_view("Maximum"), BlockOpKind::kMaximum},
      std::pair{std::string_view("Minimum"), BlockOpKind::kMinimum},
      std::pair{std::string_view("SquaredDifference"), BlockOpKind::kSquaredDifference}};
  const auto* const found = std::ranges::find(kOthers, name, &std::pair<std::string_view, BlockOpKind>::first);
  return found == kOthers.end() ? std::nullopt : std::optional(BlockOp{.kind = found->second, .post_op = {}});
}

/// Collects operands and formulas, then makes the plan.
class ChainBuilder {
 public:
  ChainBuilder(const NodeContext& context, Layout layout) : context_(context), layout_(layout) {
    inputs_.assign(context.node.inputs.size(), Layout::kPlain);
  }

  int add_operand(std::size_t input) {
    const Shape& shape = context_.input(input).shape;
    // Rank 4 operands follow the output's layout; lower ranks are row-major and align with the last axes.
    inputs_[input] = shape.size() == 4 ? layout_ : Layout::kPlain;
    shapes_.push_back({shape, inputs_[input].layout});
    operands_.push_back(input);
    return static_cast<int>(operands_.size()) - 1;
  }

  /// The output of the node itself, for work in place.
  void add_output_as_operand() {
    shapes_.push_back({context_.output().shape, layout_});
    operands_.push_back(kOutput);
  }

  void add_step(BlockOp op, int operand) { steps_.push_back({op, operand}); }

  void add_post_ops(std::size_t first) {
    for (std::size_t i = first; i < context_.node.post_ops.size(); ++i) {
      const PostOp& op = context_.node.post_ops[i];
      const int operand = op.operand == kNone ? -1 : add_operand(static_cast<std::size_t>(op.operand));
      add_step({.kind = BlockOpKind::kPostOp, .post_op = op}, operand);
    }
  }

  KernelPlan build(std::string name) {
    KernelPlan plan;
    plan.kernel = std::move(name);
    plan.inputs = inputs_;
    plan.outputs = {layout_};
    plan.post_ops_done = context_.node.post_ops.size();
    auto built = std::make_shared<Chain>(Chain{.rows = RowIteration(context_.output().shape, layout_, shapes_),
                                               .steps = std::move(steps_),
                                               .inputs = std::move(operands_),
                                               .period_block = 0,
                                               .patterns = {}});
    plan.scratch_bytes = find_period(*built) * sizeof(float);
    plan.bind = [chain = std::shared_ptr<const Chain>(std::move(built))](const Bindings& bindings) -> BoundStep {
      std::vector<const float*> operands;
      for (const std::size_t input : chain->inputs) {
        operands.push_back(input == kOutput ? bindings.output<float>() : bindings.input<float>(input));
      }
      return [chain, operands, output = bindings.output<float>(), scratch = reinterpret_cast<float*>(bindings.scratch)](
                 Team& team) { run_chain(*chain, operands, output, scratch, team); };
    };
    return plan;
  }

 private:
  static constexpr std::size_t kOutput = ~std::size_t{0};

  /// Sets up the periodic way when rows are short and the operands allow it. \return floats of scratch it needs.
  [[nodiscard]] std::size_t find_period(Chain& chain) const {
    constexpr std::int64_t kShortRow = 512;  // below, the work per row is more than the work per element
    const std::int64_t length = chain.rows.row_length();
    if (length >= kShortRow || chain.rows.rows() < 2) {
      return 0;
    }
    const std::int64_t block = std::max<std::int64_t>(kBlock / length, 1) * length;
    std::vector<Chain::Pattern> patterns(chain.inputs.size());
    std::int64_t scratch = 0;
    for (std::size_t k = 0; k < chain.inputs.size(); ++k) {
      if (shapes_[k].shape == context_.output().shape) {
        continue;
      }
      // The second row reading where the first did means that all rows do.
      if (k == 0 || chain.rows.offset(k, 1) != 0 || chain.rows.offset(k, chain.rows.rows() - 1) != 0) {
        return 0;
      }
      const Tensor* constant = context_.constant(chain.inputs[k]);
      if (constant != nullptr) {
        patterns[k].kind = Chain::Pattern::Kind::kConstant;
        patterns[k].constant.resize(static_cast<std::size_t>(block));
        repeat_row(constant->data<float>().data(), chain.rows.inner_stride(k), length, block,
                   patterns[k].constant.data());
      } else {
        patterns[k] = {.kind = Chain::Pattern::Kind::kMadeEachRun, .constant = {}, .scratch = scratch};
        scratch += block;
      }
    }
    chain.period_block = block;
    chain.patterns = std::move(patterns);
    return static_cast<std::size_t>(scratch);
  }

  const NodeContext& context_;
  Layout layout_;
  std::vector<Form> inputs_;
  std::vector<RowIteration::OperandShape> shapes_;
  std::vector<std::size_t> operands_;
  std::vector<ChainStep> steps_;
};

/// The layout in which a full-size input already lies.
Layout preferred_layout(const NodeContext& context) {
  const Shape& shape = context.output().shape;
  for (std::size_t i = 0; i < context.node.inputs.size(); ++i) {
    const ValueId input = context.node.inputs[i];
    if (input != kNone && !context.graph.is_constant(input) && shape.size() == 4 && context.input(i).shape == shape) {
      return context.forms[i].layout;
    }
  }
  return Layout::kPlain;
}

/// PRelu slopes of shape [C] mean axis 1, unlike numpy's rule; only the single value agrees with both.
bool slope_follows_numpy(const NodeContext& context) {
  const Shape& slope = context.input(1).shape;
  return slope.size() != 1 || slope[0] == 1 || context.output().shape.size() == 2;
}

std::optional<KernelPlan> plan(const NodeContext& context, std::string& refusal) {
  const std::string_view name = context.node.op->name;
  const auto binary = binary_op(name);
  const auto unary = context.node.op->as_post_op != nullptr ? context.node.op->as_post_op(context.node) : std::nullopt;
  const bool prelu = name == "PRelu" && context.own_inputs() == 2 && slope_follows_numpy(context);
  if (!binary && !prelu && (!unary || context.own_inputs() != 1)) {
    return std::nullopt;
  }
  if (binary && !ops::broadcasts_like_numpy(context.node)) {
    refusal = "pdpd broadcasting";
    return std::nullopt;
  }
  for (const ValueId input : context.node.inputs) {
    if (context.graph.value(input).type.data_type != DataType::kF32) {
      refusal = fmt::format("computes f32, not {}", to_string(context.graph.value(input).type.data_type));
      return std::nullopt;
    }
  }
  ChainBuilder builder(context, preferred_layout(context));
  builder.add_operand(0);
  if (binary) {
    builder.add_step(*binary, builder.add_operand(1));
  } else if (prelu) {
    builder.add_step({.kind = BlockOpKind::kPostOp, .post_op = {.kind = PostOpKind::kPRelu}}, builder.add_operand(1));
  } else {
    builder.add_step({.kind = BlockOpKind::kPostOp, .post_op = *unary}, -1);
  }
  builder.add_post_ops(0);
  return builder.build("elementwise");
}

}  // namespace

KernelPlan plan_post_ops(const NodeContext& context, std::size_t first, Layout layout) {
  ChainBuilder builder(context, layout);
  builder.add_output_as_operand();
  builder.add_post_ops(first);
  return builder.build("elementwise (post-ops)");
}

extern const KernelDef elementwise_kernel;
const KernelDef elementwise_kernel{.name = "elementwise", .ops = {}, .plan = plan};

}  // namespace fovea::cpu
