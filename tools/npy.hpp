// NumPy's .npy files as tensors. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <filesystem>

#include "engine/graph/tensor.hpp"

namespace fovea {

/// Reads versions 1 to 3, little-endian, C order.
/// \throws Error{kNotFound, kInvalidArgument, kUnsupported} naming the file.
Tensor read_npy(const std::filesystem::path& path);

/// Writes version 1. bf16 is written as f32, which NumPy knows.
/// \throws Error{kInvalidArgument} when the file cannot be written.
void write_npy(const std::filesystem::path& path, const ConstTensorView& tensor);

}  // namespace fovea
