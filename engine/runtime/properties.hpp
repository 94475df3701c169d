// The properties compile_model understands, by OpenVINO's names.
#pragma once

#include <span>
#include <string_view>

#include "engine/runtime/plugin.hpp"

namespace fovea {

struct PropertyDef {
  std::string_view name;
  std::string_view default_value;
  std::string_view summary;  ///< One line for documentation.
  std::string_view allowed;  ///< "LATENCY|THROUGHPUT", or "integer ≥ 0".
};

/// All properties, in documentation order.
std::span<const PropertyDef> all_properties();

/// Checks names and values and adds the defaults.
/// \throws Error{kInvalidArgument} naming property, value and what is allowed; the nearest name for unknown ones.
Properties complete_properties(const Properties& properties);

/// "KEY=VALUE,KEY=VALUE" as in DL Streamer's ie-config.
/// \throws Error{kInvalidArgument} for a part without '='.
Properties parse_properties(std::string_view text);

}  // namespace fovea
