// How far an f32 computation of a graph may lie from the exact one: the tolerance of differential tests, derived.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/graph/graph.hpp"

namespace fovea::test {

/// How 3x3 convolutions are computed: Winograd's transforms mix more numbers, of larger magnitudes.
enum class Convolutions : std::uint8_t { kDirect, kWinograd };

/// Absolute error bounds of the graph's outputs when every operation rounds to f32 and inputs lie in [-1,1].
///
/// Forward error analysis with one magnitude M and one error E per value and u = 2^-24: a sum of K products adds
/// (K+2)·u·M, an element-wise step one u·M, and each operation multiplies incoming errors by its Lipschitz constant.
/// \throws Error{kUnsupported} for an operator the analysis does not cover.
std::vector<double> f32_error_bounds(const Graph& graph, Convolutions convolutions = Convolutions::kDirect);

/// Replaces every f32 constant of the graph by reproducible values with magnitudes in [0.25,1).
void randomise_constants(Graph& graph, std::uint32_t seed);

/// Reproducible values in [-1,1), none of them tiny or special.
Tensor random_input(const TensorType& type, std::uint32_t seed);

/// Runs a graph on a device with random inputs; the outputs.
struct RunResult {
  std::vector<Tensor> outputs;
  std::vector<std::string> kernels;           ///< Of all steps, in order.
  std::vector<std::string> outputs_of_steps;  ///< "u8[1,8,4,4] nhwc" of each.
};
RunResult run_on(const std::string& device, const Graph& graph, std::uint32_t seed);

/// Compares outputs of the graph as a device computes it with the reference interpreter's.
/// \return The kernels the device used.
std::vector<std::string> expect_device_agrees(const std::string& device, const Graph& graph, std::uint32_t seed);

/// |actual − expected| ≤ bound for all elements; NaN and infinity must coincide.
void expect_close(const Tensor& actual, const Tensor& expected, double bound, const std::string& name);

}  // namespace fovea::test
