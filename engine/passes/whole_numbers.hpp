// Which convolutions compute with whole numbers only.
#pragma once

#include "engine/graph/graph.hpp"

namespace fovea {

/// True when the data and the constant weights of a convolution are whole numbers: those of a quantised model, in
/// steps. Its sums are then exact up to 2^24, and stay so only if factors around it are not multiplied into the
/// weights. \param convolution  Any operator whose inputs 0 and 1 are data and weights.
bool counts_whole_numbers(const Graph& graph, const Node& convolution);

}  // namespace fovea
