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
  std::string format;                           ///< "OpenVINO IR v11".
  std::string hash;                             ///< Content hash of the file(s), 16 hex digits; empty in memory.
  Graph graph;                                  ///< Output shapes inferred; input shapes may hold kDynamic.
  std::map<std::string, std::string> metadata;  ///< Flattened: "model_info/model_type" → "ssd".
};

/// Index of the port with this name or alias. With an empty name, the only port.
/// \param what  "input" or "output", for the message.
/// \throws Error{kNotFound} listing the names there are.
std::size_t find_port(const std::vector<GraphPort>& ports, std::string_view name, std::string_view what);

}  // namespace fovea
