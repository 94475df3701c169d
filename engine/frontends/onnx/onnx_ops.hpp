// The table of ONNX operators that can be imported, made from onnx_ops.inc.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/frontends/onnx/node_context.hpp"

namespace fovea::onnx {

/// Which operator domain an entry belongs to.
enum class Domain : std::uint8_t {
  kOnnx,       ///< "" and "ai.onnx"
  kMicrosoft,  ///< "com.microsoft"
};

/// "ai.onnx" or "com.microsoft".
std::string_view to_string(Domain domain);

/// Turns a node into ours. \return The values of the node's outputs, in order; trailing ones that nobody can want may
/// be missing.
/// \throws Error{kInvalidModel, kUnsupported} beginning with "node 'name' (Op)".
using Converter = std::vector<ValueId> (*)(NodeContext& node);

struct OnnxOp {
  std::string_view name;
  Domain domain = Domain::kOnnx;
  int since = 1;  ///< First and last opset of the operator's domain in which it may occur; 0: no last.
  int until = 0;
  Converter convert = nullptr;
};

/// In the order of onnx_ops.inc.
std::span<const OnnxOp> all_onnx_ops();

/// The operator in this domain ("" is ONNX's), whatever the opset; nullptr when it is not known.
const OnnxOp* find_onnx_op(std::string_view domain, std::string_view name);

}  // namespace fovea::onnx
