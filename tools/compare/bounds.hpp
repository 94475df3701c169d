// How far a device's result for one node may lie from the exact one: derived from the node and its inputs.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/ops/op_def.hpp"

namespace fovea::tools {

/// Absolute bound for each element of the node's first output when every step rounds to f32 (u = 2^-24) in any order.
///
/// Sums of K products: (K+2)·u·Σ|a·b|, the sum computed by the node itself on the magnitudes of its inputs; for 3x3
/// convolutions at least what Winograd's method, which mixes neighbours, is allowed. Functions
/// are polynomials of some ten terms in kernels: 16 roundings. What only moves or picks numbers: 0.
/// \param inputs  f32 (or integer) tensors the node read; kNone inputs have bytes == nullptr.
/// \param result  The exact result.
/// \return nullopt for operators whose error nobody derived here.
std::optional<std::vector<double>> rounding_bounds(const Node& node, std::span<const ConstTensorView> inputs,
                                                   const TensorType& output, std::span<const double> result);

/// By how much the node enlarges an error of its data at most: a Lipschitz constant in the maximum norm.
/// \return infinity where none was derived.
double amplification(const Node& node, std::span<const ConstTensorView> inputs, const TensorType& output);

}  // namespace fovea::tools
