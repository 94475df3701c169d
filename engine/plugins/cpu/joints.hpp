// Neighbours in a graph that one step computes, so that what lies between them is never stored, and what kernels ask
// about nodes.
#pragma once

#include <map>

#include "engine/plugins/cpu/depthwise.hpp"

namespace fovea::cpu {

/// What a node's step computes beside the node.
struct Joint {
  const Node* before = nullptr;  ///< Its result only this node reads: a 1x1 convolution, or a factor for each channel.
  const Node* mean = nullptr;    ///< A mean over height and width of this node's result.
};

/// f32 nodes only: depthwise convolutions with the 1x1 convolution before them and the global mean behind, 1x1
/// convolutions with the Multiply before them. Kernels `depthwise` and `pointwise` take them all.
std::map<const Node*, Joint> find_joints(const Graph& graph);

/// A depthwise convolution that our own kernel computes, else nullopt. \param before  Computed with it, or nullptr.
std::optional<DepthwiseShape> depthwise_shape(const Graph& graph, const Node& node, const Node* before);

struct PointwiseStrides {
  std::int64_t rows = 1, columns = 1;
  bool operator==(const PointwiseStrides&) const = default;
};

/// Of a convolution of single pixels whose weights are constant: 1x1, no padding, f32, rank 4; nullopt for others.
std::optional<PointwiseStrides> strides_of_pointwise(const Graph& graph, const Node& node);

/// Filters of a ConvolutionBackpropData of pictures do not overlap and cover the output, whose size is not an input.
bool filters_stand_side_by_side(const Graph& graph, const Node& node);

/// Axes of a reduction (constant input 1) are exactly height and width of a picture, in any order and spelling.
bool spans_height_and_width(const Graph& graph, const Node& node);

/// Post-ops that `make_finish` covers wholly.
bool can_finish(const Graph& graph, const Node& node);

/// Of a Multiply by a value for each channel: which input is the picture, else nullopt.
std::optional<std::size_t> scaled_input(const Graph& graph, const Node& node);

}  // namespace fovea::cpu
