// Reordering the axes of a constant while a model is read.
#pragma once

#include "engine/frontends/common/graph_builder.hpp"

namespace fovea::importer {

/// A copy with axis i of the result being axis order[i] of the tensor.
/// \param order  A permutation of the axes; the caller has checked the rank.
Tensor permuted(const Tensor& tensor, const Ints& order);

}  // namespace fovea::importer
