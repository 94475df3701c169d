// The XML half of an OpenVINO IR file as plain structs: layers, ports, edges, metadata. Nothing is interpreted yet.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace fovea::openvino_ir {

struct IrPort {
  std::int64_t id = 0;
  std::string precision;           ///< "FP32"; empty when the file leaves it out (input ports).
  std::vector<std::string> names;  ///< Tensor names.
  std::string layout;              ///< rt_info layout, "[N,C,H,W]", or empty.
};

struct IrLayer {
  std::int64_t id = 0;
  std::string name;
  std::string type;
  std::string version;  ///< "opset8", "extension", or empty.
  std::map<std::string, std::string> data;
  std::vector<IrPort> inputs;
  std::vector<IrPort> outputs;
};

struct IrEdge {
  std::int64_t from_layer = 0;
  std::int64_t from_port = 0;
  std::int64_t to_layer = 0;
  std::int64_t to_port = 0;
};

struct IrDocument {
  std::string name;
  int version = 0;  ///< 10 or 11.
  std::vector<IrLayer> layers;
  std::vector<IrEdge> edges;
  std::map<std::string, std::string> metadata;  ///< rt_info and meta_data, flattened with '/'.
};

/// Parses the XML text. \throws Error{kInvalidModel} with line, element, value and expectation;
/// Error{kUnsupported} for another IR version.
IrDocument parse_document(std::string_view xml);

}  // namespace fovea::openvino_ir
