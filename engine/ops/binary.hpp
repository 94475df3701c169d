// What binary element-wise operators share: broadcasting, equal element types, formulas on doubles and on integers.
#pragma once

#include <array>
#include <cstdint>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

enum class AutoBroadcast : std::uint8_t {
  kNone,   ///< Shapes must be equal.
  kNumpy,  ///< Aligned at the last axis.
  kPdpd,   ///< The second input is aligned at `axis` of the first.
};

struct BroadcastAttributes {
  AutoBroadcast auto_broadcast = AutoBroadcast::kNumpy;
  std::int64_t axis = -1;  ///< kPdpd only; -1: aligned at the end.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("auto_broadcast", auto_broadcast);
    visit("axis", axis);
  }
  bool operator==(const BroadcastAttributes&) const = default;
};

/// `b` with axes of extent 1 added so that numpy broadcasting against `a` does what the attributes ask for.
/// \throws Error{kInvalidModel} when the shapes do not fit the attributes.
Shape align_for_broadcast(const BroadcastAttributes& attributes, const Shape& a, const Shape& b);

/// False for nodes that align their second input by an axis attribute (pdpd); fusions and kernels that know numpy's
/// rules only leave those alone.
bool broadcasts_like_numpy(const Node& node);

/// Arithmetic: the element type of the inputs, the broadcast shape.
std::vector<TensorType> infer_binary(const Node& node, std::span<const InputInfo> inputs);
std::vector<TensorType> infer_binary(const BroadcastAttributes& attributes, std::span<const InputInfo> inputs);
/// Comparisons and logic: bool, the broadcast shape.
std::vector<TensorType> infer_binary_bool(const Node& node, std::span<const InputInfo> inputs);

using RealBinary = double (*)(double, double);
/// u64 values are seen as the i64 of the same bits.
using IntegerBinary = std::int64_t (*)(std::int64_t, std::int64_t);

/// Applies a formula to every pair; floats in double, everything else in 64-bit integers.
void map_pairs(const Node& node, std::span<const ConstTensorView> inputs, const TensorView& output, RealBinary real,
               IntegerBinary integer);
void map_pairs(const BroadcastAttributes& attributes, std::span<const ConstTensorView> inputs, const TensorView& output,
               RealBinary real, IntegerBinary integer);

/// Two's complement arithmetic that wraps around where plain int64 would be undefined.
inline std::int64_t wrap_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
inline std::int64_t wrap_subtract(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
inline std::int64_t wrap_multiply(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}
/// Quotient toward zero and its remainder; division by zero gives 0 (the specification leaves it open).
inline std::int64_t safe_divide(std::int64_t a, std::int64_t b) {
  return b == 0 ? 0 : b == -1 ? wrap_subtract(0, a) : a / b;
}
inline std::int64_t safe_remainder(std::int64_t a, std::int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }

}  // namespace fovea::ops

namespace fovea {
template <>
struct EnumNames<ops::AutoBroadcast> {
  static constexpr std::array kNames = {
      std::pair{"numpy", ops::AutoBroadcast::kNumpy}, std::pair{"none", ops::AutoBroadcast::kNone},
      std::pair{"explicit", ops::AutoBroadcast::kNone}, std::pair{"pdpd", ops::AutoBroadcast::kPdpd}};
};
}  // namespace fovea
