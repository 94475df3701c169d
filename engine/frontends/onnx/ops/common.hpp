// What converters of several operator families share.
#pragma once

#include <optional>
#include <vector>

#include "engine/frontends/onnx/node_context.hpp"

namespace fovea::onnx {

using Values = std::vector<ValueId>;

/// Axes given as an attribute, or from an opset on as an input, counted from the front for this rank.
/// \return nullopt when neither is there.
/// \throws Error{kUnsupported} when they are computed.
std::optional<std::vector<std::int64_t>> read_axes(const NodeContext& node, std::size_t input, std::size_t rank);

/// The value seen as a matrix [product of the axes before `axis`, product of the others]; itself when it is one.
ValueId flatten_to_matrix(NodeContext& node, ValueId value, std::size_t axis);

/// x times, plus a constant of x's type; x itself for 1 and 0.
ValueId multiply(NodeContext& node, ValueId x, double factor);
ValueId add_number(NodeContext& node, ValueId x, double summand);

}  // namespace fovea::onnx
