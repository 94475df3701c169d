// The form in which a node is written into an IR file of one version: type, opset and attributes as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/frontends/openvino_ir/ir_writer.hpp"
#include "engine/graph/graph.hpp"

namespace fovea::openvino_ir {

struct IrForm {
  std::string type;
  int opset = 1;
  std::vector<std::pair<std::string, std::string>> attributes;
  /// Written as i64 constants that replace all inputs but the first.
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> constants;
};

/// The number the node was read with where the operator's meaning hangs on it, else the newest that every reader of the
/// version knows (v10: opset 7, v11: opset 8), else the operator's oldest. For v10, forms of opset 8 become older ones
/// that mean the same: SoftMax, Gather and GatherND of constant indices that are not negative, NonMaxSuppression, Slice
/// with known bounds. Interpolate of opset 11 and MaxPool of opset 8 stay what they are: their older forms have other
/// inputs and outputs. Lists of windows are complete; pads that automatic padding ignores are 0.
IrForm ir_form(const Graph& graph, const Node& node, IrVersion version);

}  // namespace fovea::openvino_ir
