// What the recurrent cells and sequences share: attributes, shapes, and the formulas of one time step.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

enum class RecurrentKind : std::uint8_t { kLstm, kGru, kRnn };
enum class RecurrentDirection : std::uint8_t { kForward, kReverse, kBidirectional };

}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::RecurrentDirection> {
  static constexpr std::array kNames = {std::pair{"forward", ops::RecurrentDirection::kForward},
                                        std::pair{"reverse", ops::RecurrentDirection::kReverse},
                                        std::pair{"bidirectional", ops::RecurrentDirection::kBidirectional}};
};
}  // namespace fovea

namespace fovea::ops {

/// Attributes of all six operators; those that an operator does not have keep their defaults.
struct RecurrentSpec {
  std::int64_t hidden_size = 0;
  std::vector<std::string> activations;   ///< "relu", "sigmoid" or "tanh" per role; empty: the operator's own.
  std::vector<double> activations_alpha;  ///< None of the three functions has constants: read, written, not used.
  std::vector<double> activations_beta;
  double clip = 0;                   ///< Sums of gates are limited to [-clip, clip]; 0: not.
  bool linear_before_reset = false;  ///< GRU: the reset gate scales the recurrent product, not the state before it.
  RecurrentDirection direction = RecurrentDirection::kForward;
  std::string weights_format = "fico";  ///< LSTM of opset 1: order of the gates.
  bool input_forget = false;            ///< LSTM of opset 1: couples two gates.

  bool operator==(const RecurrentSpec&) const = default;
};

/// The attributes of one operator, described for files.
template <RecurrentKind kKind, bool kSequence>
struct RecurrentAttributes {
  RecurrentSpec spec;
  int opset = kSequence ? 5 : kKind == RecurrentKind::kLstm ? 4 : 3;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("hidden_size", spec.hidden_size);
    visit("activations", spec.activations);
    visit("activations_alpha", spec.activations_alpha);
    visit("activations_beta", spec.activations_beta);
    visit("clip", spec.clip);
    if constexpr (kKind == RecurrentKind::kGru) {
      visit("linear_before_reset", spec.linear_before_reset);
    }
    if constexpr (kKind == RecurrentKind::kLstm) {
      if (opset == 1) {
        visit("weights_format", spec.weights_format);
        visit("input_forget", spec.input_forget);
      }
    }
    if constexpr (kSequence) {
      visit("direction", spec.direction);
    }
  }
  bool operator==(const RecurrentAttributes&) const = default;
};

/// With N = batch, T = steps, I = input size, H = hidden size, D = 2 when bidirectional, else 1, and G = 4 (LSTM: f, i,
/// c, o), 3 (GRU: z, r, h) or 1 gates. Cells: X [N,I], state [N,H], LSTM's cell state [N,H], W [GH,I], R [GH,H],
/// optional B [GH] → the next states. Sequences: X [N,T,I], states [N,D,H], lengths [N], W [D,GH,I], R [D,GH,H],
/// B [D,GH] → outputs [N,D,T,H], zero beyond a sequence's length, and the last states [N,D,H].
/// GRU with linear_before_reset has a fourth bias of H values: that of the recurrent product of gate h.
std::vector<TensorType> infer_recurrent(RecurrentKind kind, bool sequence, const RecurrentSpec& spec, const Node& node,
                                        std::span<const InputInfo> inputs);

/// Element by element in double precision.
void run_recurrent(RecurrentKind kind, bool sequence, const RecurrentSpec& spec,
                   std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs);

/// The same as functions an OpDef can point to.
template <RecurrentKind kKind, bool kSequence>
std::vector<TensorType> infer_recurrent(const Node& node, std::span<const InputInfo> inputs) {
  return infer_recurrent(kKind, kSequence, node.attrs<RecurrentAttributes<kKind, kSequence>>().spec, node, inputs);
}

template <RecurrentKind kKind, bool kSequence>
void run_recurrent(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  run_recurrent(kKind, kSequence, node.attrs<RecurrentAttributes<kKind, kSequence>>().spec, inputs, outputs);
}

}  // namespace fovea::ops
