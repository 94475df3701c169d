// Model: a graph as read from a file, with names and metadata.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "engine/graph/graph.hpp"

namespace fovea {

/// A value; copies share constant memory.
struct Model {
  std::string name;
  std::filesystem::path path;                   ///< Empty for models built in memory.
  std::string hash;                             ///< Content hash of the file(s), 16 hex digits; empty in memory.
  Graph graph;                                  ///< Output shapes inferred; Parameter shapes may hold kDynamic.
  std::map<std::string, std::string> metadata;  ///< Flattened: "model_info/model_type" → "ssd".

  /// The port with this name or alias. With an empty name, the only port.
  /// \throws Error{kNotFound} listing the names there are.
  [[nodiscard]] const GraphPort& input(std::string_view name = {}) const;
  [[nodiscard]] const GraphPort& output(std::string_view name = {}) const;

  /// The same model for other input shapes, all shapes inferred anew.
  /// \throws Error{kInvalidModel} when the graph does not accept them.
  [[nodiscard]] Model reshape(const std::map<std::string, Shape>& input_shapes) const;
};

}  // namespace fovea
