// Which input of a model takes the picture, and how its axes are meant.
#pragma once

#include "engine/graph/model.hpp"
#include "vision/model_spec.hpp"

namespace fovea {

/// Index into `inputs`: the input the description names, else the only one it does not explain otherwise.
/// \throws Error{kUnsupported} when several remain, Error{kNotFound} when the description names one that is not there.
std::size_t find_picture_input(const std::vector<GraphPort>& inputs, const ModelSpec& spec);

/// NHWC when the file says so, or says nothing and only the last axis can be channels (1 or 3).
TensorLayout picture_layout(const GraphPort& input, const Shape& shape);

}  // namespace fovea
