// The readable form of a graph, for logs, tests and bug reports.
//
//   c = Convolution(x: f32[1,3,8,8], w: f32[4,3,3,3]) pads_begin=1,1 pads_end=1,1 | relu | add(r: f32[1,4,8,8])
//   s, i = TopK(c, k: i64[]{3}) axis=1
//   -> s, i
//
// The first mention of a value that no node computes carries its type: a graph input, or with {…} a constant.
// `_` is an absent input. Without a `->` line, the outputs are all values nobody reads.
#pragma once

#include <string>
#include <string_view>

#include "engine/graph/graph.hpp"

namespace fovea {

/// Constants of more than 16 elements print as {…}.
std::string to_text(const Graph& graph);

/// Parses the form above and infers all types; attributes left out have their defaults.
/// \throws Error{kInvalidModel} "line N: …".
Graph parse_graph(std::string_view text);

}  // namespace fovea
