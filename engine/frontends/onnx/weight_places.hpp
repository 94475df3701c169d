// Large tensors of an ONNX file are left where they are: the messages that are parsed say where their bytes lie.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace fovea::onnx {

/// The model message without the raw data of large tensors, whose places in `model` stand in TensorProto.raw_place.
/// What is small, or has another form, is copied as it is.
/// \return nullopt for bytes that are no such message: the parser says what is wrong with them.
std::optional<std::string> without_weights(std::span<const std::byte> model);

}  // namespace fovea::onnx
