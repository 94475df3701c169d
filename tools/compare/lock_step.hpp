// Two devices, or two models, side by side: node for node on the same inputs, with the error each node may have.
#pragma once

#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "engine/runtime/core.hpp"

namespace fovea::tools {

/// Inputs of a model by port index, each of the port's type.
using ModelInputs = std::vector<Tensor>;

/// Reproducible inputs: floats in [-1,1), integers 0…9.
/// \throws Error{kInvalidModel} for a dynamic input shape.
ModelInputs random_inputs(const Graph& graph, std::uint32_t seed);

/// How one node (or tensor) of two sides compares.
struct NodeComparison {
  std::string node;
  std::string op;
  std::string type;  ///< Of the output with the largest error.
  double error = 0;  ///< Largest |a − b|; infinity where only one side is finite.
  double bound = 0;  ///< What was allowed at that element; infinity: no bound is known.
  double size = 0;   ///< Largest magnitude of the output.
  bool exceeded = false;
  /// Two models only: exceeded, but everything computed from it agrees again. The models may order their steps
  /// otherwise (a normalisation inside the convolution or behind it), or these inputs do not show the difference.
  bool healed = false;
  std::string not_run;  ///< Why a device did not run the node; empty when both did.
};

struct DeviceComparison {
  std::vector<NodeComparison> nodes;            ///< In the order of the graph, after constants are folded.
  /// Index into nodes of the first exceeded that is not healed, else of the first exceeded; nodes.size(): none.
  std::size_t first_exceeded = 0;
  std::map<std::string, double> output_errors;  ///< Whole models: largest error of each output, for people; empty when
                                                ///< a device cannot run the whole.
};

/// Runs every node on both devices with the same inputs, those that the first device computed (or, where it cannot, the
/// second). An error belongs to its node, therefore, and its bound is that of one node.
/// \param relative  Not 0: the bound is this share of the output's largest magnitude instead of the derived one.
/// \param reproducer  Not empty: the first node that exceeds its bound is written there, see write_reproducer.
/// \throws Error{kUnsupported} when neither device runs a node.
DeviceComparison compare_devices(Core& core, const Model& model, const std::string& a, const std::string& b,
                                 const ModelInputs& inputs, double relative,
                                 const std::filesystem::path& reproducer = {});

/// Runs both models node by node on the device and compares values of the same name and shape, and the outputs. Bounds
/// grow along the first model's graph by each node's amplification; twice, since the second may have rounded constants.
DeviceComparison compare_models(Core& core, const Model& a, const Model& b, const std::string& device_a,
                                const std::string& device_b, const ModelInputs& inputs, double relative);

/// Writes `node` with constants as `reproducer.xml/.bin`, its inputs as `<name>.npy` and what both sides made of it as
/// `expected.npy` and `actual.npy`.
/// \throws Error{kInvalidArgument} when IR cannot express the node or a file cannot be written.
void write_reproducer(const std::filesystem::path& directory, const Model& single, const std::vector<Tensor>& inputs,
                      const Tensor& expected, const Tensor& actual);

}  // namespace fovea::tools
