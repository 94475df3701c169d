// Element-wise operators in f32, also of values stored as bf16, with numpy broadcasting and all post-ops, in the layout
// of their first full-size input.
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
  std::vector<bool> bf16;           ///< Per operand: how it is stored. Only those as large as the output are so.
  bool output_bf16 = false;

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

/// Where operands and the output of one request lie, each as f32 or as bf16.
struct Memory {
  std::vector<const std::byte*> operands;
  std::byte* output = nullptr;
  float* scratch = nullptr;
};

/// Values of an operand for a block.
struct View {
  const std::byte* data = nullptr;
  bool bf16 = false;
  std::int64_t stride = 1;  ///< 1 for bf16.
};

View view_of(const Chain& chain, const Memory& memory, std::size_t k, std::int64_t at, std::int64_t stride) {
  const bool bf16 = chain.bf16[k];
  const auto bytes = static_cast<std::ptrdiff_t>(bf16 ? sizeof(std::uint16_t) : sizeof(float));
  return {memory.operands[k] + at * bytes, bf16, stride};
}

/// x = the view's values.
void load(const View& view, float* x, std::size_t count) {
  if (view.bf16) {
    widen_bf16(reinterpret_cast<const std::uint16_t*>(view.data), x, count);
    return;
  }
  const auto* const source = reinterpret_cast<const float*>(view.data);
  if (source == x) {
    return;  // in place when it applies post-ops to an output
  }
  for (std::size_t i = 0; i < count; ++i) {
    x[i] = source[static_cast<std::int64_t>(i) * view.stride];
  }
}

/// The output's values from `at` on. \param view_at  (operand) → View
template <class ViewAt>
void compute_block(const Chain& chain, std::byte* output, std::int64_t at, std::size_t count, const ViewAt& view_at) {
  alignas(64) std::array<float, kBlock> rounded_later;
  alignas(64) std::array<float, kBlock> widened;
  float* const x = chain.output_bf16 ? rounded_later.data() : reinterpret_cast<float*>(output) + at;
  load(view_at(0), x, count);
  for (const ChainStep& step : chain.steps) {
    const View view = step.operand < 0 ? View() : view_at(static_cast<std::size_t>(step.operand));
    const auto* operand = reinterpret_cast<const float*>(view.data);
    if (view.bf16) {
      load(view, widened.data(), count);
      operand = widened.data();
    }
    apply_block(step.op, x, operand, view.stride, count);
  }
  if (chain.output_bf16) {
    narrow_bf16(x, reinterpret_cast<std::uint16_t*>(output) + at, count);
  }
}

/// Writes out the rows that repeat and are not constant, once a run.
void make_patterns(const Chain& chain, const Memory& memory) {
  for (std::size_t k = 0; k < chain.patterns.size(); ++k) {
    if (chain.patterns[k].kind == Chain::Pattern::Kind::kMadeEachRun) {
      repeat_row(reinterpret_cast<const float*>(memory.operands[k]), chain.rows.inner_stride(k),
                 chain.rows.row_length(), chain.period_block, memory.scratch + chain.patterns[k].scratch);
    }
  }
}

/// Blocks [first, last) of the periodic way.
void apply_periodic(const Chain& chain, const Memory& memory, std::int64_t first, std::int64_t last) {
  const std::int64_t total = chain.rows.rows() * chain.rows.row_length();
  for (std::int64_t block = first; block < last; ++block) {
    const std::int64_t begin = block * chain.period_block;
    const auto count = static_cast<std::size_t>(std::min(chain.period_block, total - begin));
    compute_block(chain, memory.output, begin, count, [&](std::size_t k) -> View {
      const Chain::Pattern& pattern = chain.patterns[k];
      switch (pattern.kind) {
        case Chain::Pattern::Kind::kConstant:
          return {reinterpret_cast<const std::byte*>(pattern.constant.data())};
        case Chain::Pattern::Kind::kMadeEachRun:
          return {reinterpret_cast<const std::byte*>(memory.scratch + pattern.scratch)};
        case Chain::Pattern::Kind::kNone:
          break;
      }
      return view_of(chain, memory, k, begin, 1);
    });
  }
}

/// Blocks [first, last) of all rows.
void apply_rows(const Chain& chain, const Memory& memory, std::int64_t first, std::int64_t last) {
  const std::int64_t length = chain.rows.row_length();
  const std::int64_t blocks = (length + kBlock - 1) / kBlock;
  for (std::int64_t item = first; item < last; ++item) {
    const std::int64_t row = item / blocks;
    const std::int64_t begin = item % blocks * kBlock;
    const auto count = static_cast<std::size_t>(std::min(kBlock, length - begin));
    compute_block(chain, memory.output, row * length + begin, count, [&](std::size_t k) {
      const std::int64_t stride = chain.rows.inner_stride(k);
      return view_of(chain, memory, k, chain.rows.offset(k, row) + begin * stride, stride);
    });
  }
}

void run_chain(const Chain& chain, const Memory& memory, Team& team) {
  const std::int64_t length = chain.rows.row_length();
  if (chain.period_block > 0) {
    make_patterns(chain, memory);
    const std::int64_t blocks = (chain.rows.rows() * length + chain.period_block - 1) / chain.period_block;
    team.each(blocks, chain.period_block, [&](std::int64_t first, std::int64_t last, int /*worker*/) {
      apply_periodic(chain, memory, first, last);
    });
    return;
  }
  team.each(chain.rows.rows() * ((length + kBlock - 1) / kBlock), std::min(kBlock, length),
            [&](std::int64_t first, std::int64_t last, int /*worker*/) { apply_rows(chain, memory, first, last); });
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

bool commutes(const BlockOp& op) { return op.kind != BlockOpKind::kSubtract && op.kind != BlockOpKind::kDivide; }

/// Collects operands and formulas, then makes the plan.
class ChainBuilder {
 public:
  /// \param form  Of the output, and of operands as large as it: f32 or bf16.
  ChainBuilder(const NodeContext& context, const Form& form) : context_(context), form_(form) {
    inputs_.assign(context.node.inputs.size(), Layout::kPlain);
  }

  int add_operand(std::size_t input) {
    const Shape& shape = context_.input(input).shape;
    // Rank 4 operands follow the output's layout; lower ranks are row-major and align with the last axes.
    inputs_[input] = shape.size() == 4 ? form_.layout : Layout::kPlain;
    const bool full = shape == context_.output().shape;
    inputs_[input].stored = full ? form_.stored : DataType::kF32;
    bf16_.push_back(inputs_[input].stored == DataType::kBF16);
    shapes_.push_back({shape, inputs_[input].layout});
    operands_.push_back(input);
    return static_cast<int>(operands_.size()) - 1;
  }

  /// The output of the node itself, for work in place.
  void add_output_as_operand() {
    shapes_.push_back({context_.output().shape, form_.layout});
    bf16_.push_back(form_.stored == DataType::kBF16);
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
    plan.kernel = std::move(name) + (form_.stored == DataType::kBF16 ? " (bf16)" : "");
    plan.inputs = inputs_;
    plan.outputs = {form_};
    plan.post_ops_done = context_.node.post_ops.size();
    auto built = std::make_shared<Chain>(Chain{.rows = RowIteration(context_.output().shape, form_.layout, shapes_),
                                               .steps = std::move(steps_),
                                               .inputs = std::move(operands_),
                                               .bf16 = std::move(bf16_),
                                               .output_bf16 = form_.stored == DataType::kBF16,
                                               .period_block = 0,
                                               .patterns = {}});
    plan.scratch_bytes = find_period(*built) * sizeof(float);
    plan.bind = [chain = std::shared_ptr<const Chain>(std::move(built))](const Bindings& bindings) -> BoundStep {
      Memory memory{
          .operands = {}, .output = bindings.outputs[0], .scratch = reinterpret_cast<float*>(bindings.scratch)};
      for (const std::size_t input : chain->inputs) {
        memory.operands.push_back(input == kOutput ? bindings.outputs[0] : bindings.inputs[input]);
      }
      return [chain, memory = std::move(memory)](Team& team) { run_chain(*chain, memory, team); };
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
  Form form_;
  std::vector<Form> inputs_;
  std::vector<RowIteration::OperandShape> shapes_;
  std::vector<std::size_t> operands_;
  std::vector<bool> bf16_;
  std::vector<ChainStep> steps_;
};

/// The form in which the first full-size input already lies; what the model gives is not rounded.
Form preferred_form(const NodeContext& context) {
  const Shape& shape = context.output().shape;
  for (std::size_t i = 0; i < context.node.inputs.size(); ++i) {
    const ValueId input = context.node.inputs[i];
    if (input != kNone && !context.graph.is_constant(input) && shape.size() == 4 && context.input(i).shape == shape) {
      const bool bf16 = context.forms[i].stored == DataType::kBF16 && !context.is_result();
      return {context.forms[i].layout, bf16 ? DataType::kBF16 : DataType::kF32};
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
  ChainBuilder builder(context, preferred_form(context));
  // What is as large as the output comes first if it may: blocks of it are read as they lie.
  const std::size_t first = binary && commutes(*binary) && context.input(0).shape != context.output().shape ? 1 : 0;
  builder.add_operand(first);
  if (binary) {
    builder.add_step(*binary, builder.add_operand(1 - first));
  } else if (prelu) {
    builder.add_step({.kind = BlockOpKind::kPostOp, .post_op = {.kind = PostOpKind::kPRelu}}, builder.add_operand(1));
  } else {
    builder.add_step({.kind = BlockOpKind::kPostOp, .post_op = *unary}, -1);
  }
  builder.add_post_ops(0);
  return builder.build("elementwise");
}

}  // namespace

KernelPlan plan_post_ops(const NodeContext& context, std::size_t first, const Form& form) {
  ChainBuilder builder(context, form);
  builder.add_output_as_operand();
  builder.add_post_ops(first);
  return builder.build("elementwise (post-ops)");
}

extern const KernelDef elementwise_kernel;
const KernelDef elementwise_kernel{.name = "elementwise", .ops = {}, .plan = plan};

}  // namespace fovea::cpu
