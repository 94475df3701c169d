// What the fusions need to know about channels: which constants hold one number per channel.
#pragma once

#include <optional>
#include <vector>

#include "engine/graph/graph.hpp"

namespace fovea {

/// The value as one number per channel (axis 1) of a tensor of shape `shape`, when it is an f32 constant that
/// broadcasts so: [1,C,1,1], [C,1,1], [1] or a scalar.
std::optional<std::vector<float>> per_channel(const Graph& graph, ValueId value, const Shape& shape);

/// True for Convolution and GroupConvolution.
bool is_convolution(const Node& node);

/// True for the bias of a convolution: a first post-op that adds one constant per channel.
bool has_bias(const Graph& graph, const Node& node);

}  // namespace fovea
