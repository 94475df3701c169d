// The order in which nodes of an ONNX graph can be imported.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace fovea::onnx {

namespace proto {
class GraphProto;
class NodeProto;
}  // namespace proto

/// Indices of the nodes that contribute to an output, inputs first. Files should be sorted already; not all are.
/// \throws Error{kInvalidModel} for cycles and for names computed twice.
std::vector<int> sorted_nodes(const proto::GraphProto& graph);

/// Names a node reads: its inputs and what its sub-graphs take from outside.
std::set<std::string> names_read(const proto::NodeProto& node);

}  // namespace fovea::onnx
