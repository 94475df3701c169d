// What our own convolutions do to their results while these are still in registers: a bias, then post-ops in order.
#pragma once

#include <vector>

#include "engine/plugins/cpu/kernel.hpp"

namespace fovea::cpu {

/// One post-op and where its operand comes from.
struct FinishStep {
  PostOp op;
  enum class Operand : std::uint8_t {
    kNone,
    kSingle,      ///< One value for all.
    kPerChannel,  ///< One value for each channel.
    kFull,        ///< As large as the output, channels last.
  } operand = Operand::kNone;
  std::size_t input = 0;  ///< Index into the node's inputs.
};

struct Finish {
  std::vector<float> bias;  ///< One value a channel, padded with zeros.
  std::vector<FinishStep> steps;
};

/// Where the operand of a step lies in one request.
struct FinishOperand {
  const float* data = nullptr;  ///< nullptr for steps without.
  std::int64_t stride = 0;      ///< Floats from pixel to pixel of a full operand.
};

/// The bias and as many post-ops of the node as fit.
/// \param padded_channels  Length of the bias: channels rounded up to whole vectors.
Finish make_finish(const NodeContext& context, std::size_t padded_channels);

/// How many of the node's post-ops `finish` covers.
std::size_t covered_post_ops(const NodeContext& context, const Finish& finish);

/// The operand of each step in one request.
std::vector<FinishOperand> finish_operands(const Finish& finish, const Bindings& bindings);

/// Operands come `by` inputs later: behind those of a node that is computed before this one, in one step.
void shift_inputs(Finish& finish, std::size_t by);

/// Asks for the layouts that `finish` reads operands in.
void want_operand_layouts(const Finish& finish, KernelPlan& plan);

}  // namespace fovea::cpu
