// What shape inference of many operators shares: axes, optional and constant inputs, extents that may be dynamic.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

/// Largest stride, pad, kernel, repeat count, … a model may ask for: sums and products of two fit 64 bits.
inline constexpr std::int64_t kMaxAttribute = std::int64_t{1} << 30U;

/// The node was given this (optional) input.
bool has_input(const Node& node, std::span<const InputInfo> inputs, std::size_t index);
bool has_input(std::span<const ConstTensorView> inputs, std::size_t index);

/// `axis` counted from the front. \throws Error{kInvalidModel} unless it is in [-rank, rank).
std::size_t normalize_axis(std::int64_t axis, std::size_t rank, std::string_view what = "axis");

/// Each axis counted from the front, in the order given. \throws Error{kInvalidModel} also for repeated axes.
std::vector<std::size_t> normalize_axes(std::span<const std::int64_t> axes, std::size_t rank,
                                        std::string_view what = "axes");

/// Values of an integer input of rank 0 or 1.
/// \throws NotKnownYet when they are not known at compile time.
std::vector<std::int64_t> constant_ints(const InputInfo& input, std::string_view what);
/// The value of an input with exactly one integer.
std::int64_t constant_int(const InputInfo& input, std::string_view what);
/// For an input that is the shape of the output: its rank with all extents open when the values are not known yet, but
/// how many they are; else empty.
Shape open_shape(const InputInfo& pattern);
/// Values of a numeric input known at compile time.
std::vector<double> constant_doubles(const InputInfo& input, std::string_view what);

/// \throws Error{kInvalidModel} unless `value` is in [least, most].
void check_range(std::int64_t value, std::int64_t least, std::int64_t most, std::string_view what);
/// \throws Error{kInvalidModel} unless the rank is in [least, most].
void check_rank(const Shape& shape, std::size_t least, std::size_t most, std::string_view what);
/// \throws NotKnownYet for a shape with dynamic extents, asking for the model to be reshaped.
void check_static(const Shape& shape, std::string_view what);
/// \throws Error{kInvalidModel} unless the inputs have one element type.
void check_same_type(const InputInfo& a, const InputInfo& b);
/// \throws Error{kInvalidModel} unless the element type is i32 or i64.
void check_index_type(DataType type, std::string_view what);

/// Sum and product of extents; kDynamic when one of them is.
/// \throws Error{kInvalidModel} above 2^40.
std::int64_t add_extents(std::int64_t a, std::int64_t b);
std::int64_t multiply_extents(std::int64_t a, std::int64_t b);

/// Both extents can be the same one (a dynamic one can be anything).
inline bool extents_agree(std::int64_t a, std::int64_t b) { return a == b || a == kDynamic || b == kDynamic; }

/// Either list of `count` values, or empty, which stands for `count` times `fallback`.
/// \throws Error{kInvalidModel} for another length or a value outside [least, kMaxAttribute].
std::vector<std::int64_t> checked_list(const std::vector<std::int64_t>& values, std::size_t count,
                                       std::int64_t fallback, std::int64_t least, std::string_view what);

/// A static shape seen as three axes: those before `axis`, `axis` itself, those after it.
struct AxisView {
  std::size_t outer = 1;
  std::size_t extent = 1;
  std::size_t inner = 1;
};
AxisView view_axis(const Shape& shape, std::size_t axis);

/// Product of extents [begin, end) of a static shape.
std::size_t count_between(const Shape& shape, std::size_t begin, std::size_t end);

/// Infers output types equal to the first input's: for operators that keep type and shape.
std::vector<TensorType> infer_same(const Node& node, std::span<const InputInfo> inputs);

}  // namespace fovea::ops
