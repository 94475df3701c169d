// A Caffe network read from its two files: layers in order, old forms brought up to date, weights beside them.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/frontends/caffe/caffe.pb.h"
#include "engine/graph/tensor.hpp"

namespace fovea::caffe {

/// Blobs of one layer as f32 tensors.
using Weights = std::map<std::string, std::vector<Tensor>, std::less<>>;

/// Parses a prototxt. Layers of old networks (V1) take today's form; layers that do not take part in inference go.
/// \throws Error{kInvalidModel} with line and column, or naming the layer.
NetParameter read_network(std::span<const std::byte> prototxt, const std::string& file);

/// The caffemodel that belongs to a prototxt: the same stem, or the only one in its folder. Empty: there is none.
/// \throws Error{kNotFound} when several could be meant.
std::filesystem::path find_weights(const std::filesystem::path& prototxt);

/// Weights by layer name.
/// \throws Error{kInvalidModel} naming the layer whose blob's shape and content disagree.
Weights read_weights(std::span<const std::byte> caffemodel, const std::string& file);

}  // namespace fovea::caffe
