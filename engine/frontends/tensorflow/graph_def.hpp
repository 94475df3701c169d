// A TensorFlow graph ready for conversion: functions inlined, dilated convolutions put together again, nodes in order.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/frontends/tensorflow/tensorflow.pb.h"

namespace fovea::tensorflow {

/// A port as a user names it, and the tensor "node:index" behind it.
struct PortName {
  std::string name;
  std::string tensor;
};

struct LoadedGraph {
  std::vector<NodeDef> nodes;
  std::vector<PortName> inputs;   ///< Of the signature; empty for frozen graphs.
  std::vector<PortName> outputs;  ///< Of the signature, or nodes nobody reads.
  bool saved_model = false;
  std::uint64_t bytes = 0;  ///< Size of the file.
};

/// "node:1" → {node, 1}; a function's "node:out:1" too. Control inputs ("^node") give an empty name.
struct TensorName {
  std::string node;
  int index = 0;
};
TensorName parse_tensor_name(const std::string& name);

/// How a file spells its messages.
enum class Encoding : std::uint8_t {
  kBinary,
  kText,  ///< protobuf's text form (.pbtxt).
};

/// Reads a frozen GraphDef or a SavedModel, told apart by content.
/// \throws Error{kInvalidModel, kUnsupported}.
LoadedGraph load_graph(std::span<const std::byte> file, const std::string& name, Encoding encoding = Encoding::kBinary);

/// SpaceToBatchND → convolution → BatchToSpaceND, which is how dilated convolutions were once written, becomes a
/// convolution with dilations and explicit pads.
void fold_dilated_convolutions(std::vector<NodeDef>& nodes);

/// Indices of the nodes the outputs depend on, each after what it reads. Iterative: depth is hostile.
/// \throws Error{kInvalidModel} for a cycle or a missing node.
std::vector<std::size_t> sorted_nodes(const LoadedGraph& graph);

}  // namespace fovea::tensorflow
