// Graphs and outlines of models as bytes, for files of compiled models; constants are kept elsewhere.
#pragma once

#include <functional>
#include <optional>

#include "engine/base/byte_stream.hpp"
#include "engine/graph/model.hpp"

namespace fovea {

/// Writes all of a graph; `constant` writes what finds a constant's content again.
/// \return false for a graph whose attributes have no exact text form (bodies of loops): what was written is useless.
bool write_graph(ByteWriter& out, const Graph& graph, const std::function<void(const Tensor&)>& constant);

/// \param constant  Reads what write_graph's `constant` wrote.
/// \throws Error{kInvalidModel} for bytes that are no legal graph of operators known here.
Graph read_graph(ByteReader& in, const std::function<Tensor(const TensorType&)>& constant);

/// Everything but nodes, constants and the path.
void write_outline(ByteWriter& out, const Model& outline);
Model read_outline(ByteReader& in);

}  // namespace fovea
