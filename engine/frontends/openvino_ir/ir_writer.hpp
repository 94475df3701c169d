// Writes a Model as OpenVINO IR version 10 or 11: an .xml and the .bin beside it.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format.html
#pragma once

#include <filesystem>

#include "engine/graph/model.hpp"

namespace fovea {

enum class IrVersion : std::uint8_t { k10 = 10, k11 = 11 };

/// How constants of f32 are stored.
enum class WeightPrecision : std::uint8_t {
  kAsIs,
  kF16,  ///< f16 with a decompressing Convert behind each (v11); values beyond ±65504 are clamped.
};

struct IrWriteOptions {
  IrVersion version = IrVersion::k11;
  WeightPrecision weights = WeightPrecision::kAsIs;
};

/// The same model and options always give the same bytes. Equal constants are stored once.
/// \param path  Of the .xml; the .bin gets the same stem.
/// \throws Error{kInvalidArgument} for a fused graph (post-ops have no IR form), for kF16 or open extents with version
///         10, or when a file cannot be written.
void write_openvino_ir(const Model& model, const std::filesystem::path& path, const IrWriteOptions& options = {});

}  // namespace fovea
