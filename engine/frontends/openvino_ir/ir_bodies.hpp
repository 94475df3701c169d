// Bodies of TensorIterator, Loop and If between IR's port maps and the operators' attributes.
#pragma once

#include <any>
#include <functional>
#include <map>

#include "engine/frontends/openvino_ir/ir_document.hpp"
#include "engine/graph/graph.hpp"

namespace fovea::openvino_ir {

/// A graph and where its Parameters and Results, by layer id, became inputs and outputs.
struct BuiltGraph {
  Graph graph;
  std::map<std::int64_t, std::size_t> parameters;
  std::map<std::int64_t, std::size_t> results;
};

/// Fills the attributes of an operator with bodies; leaves others as they are.
/// \param build  Builds a body.
/// \throws Error{kInvalidModel} naming the layer when its maps lead nowhere.
void read_bodies(const IrLayer& layer, const std::function<BuiltGraph(const IrDocument&)>& build, std::any& attributes);

}  // namespace fovea::openvino_ir
