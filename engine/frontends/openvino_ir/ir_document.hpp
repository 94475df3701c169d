// The XML half of an OpenVINO IR file as plain structs: layers, ports, edges, metadata. Nothing is interpreted yet.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
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

struct IrDocument;

/// A line of a port map: connects a port of a layer with a Parameter or Result of its body.
struct IrPortMap {
  std::int64_t external_port = 0;  ///< Port id of the layer; -1: none.
  std::int64_t internal_layer = 0;
  std::string purpose;                       ///< "current_iteration", "execution_condition", or empty.
  std::map<std::string, std::int64_t> part;  ///< axis, start, end, stride, part_size; empty: the whole tensor.
};

/// A graph inside a TensorIterator, Loop or If.
struct IrBody {
  std::shared_ptr<const IrDocument> graph;
  std::vector<IrPortMap> inputs;
  std::vector<IrPortMap> outputs;
  std::vector<std::pair<std::int64_t, std::int64_t>> back_edges;  ///< Result id → Parameter id of the next round.
};

struct IrLayer {
  std::int64_t id = 0;
  std::string name;
  std::string type;
  std::string version;  ///< "opset8", "extension", or empty.
  std::map<std::string, std::string> data;
  std::vector<IrPort> inputs;
  std::vector<IrPort> outputs;
  std::vector<IrBody> bodies;  ///< One for TensorIterator and Loop; then and else for If.
};

struct IrEdge {
  std::int64_t from_layer = 0;
  std::int64_t from_port = 0;
  std::int64_t to_layer = 0;
  std::int64_t to_port = 0;
};

struct IrDocument {
  std::string name;
  int version = 0;  ///< 10 or 11; 0 for bodies.
  std::vector<IrLayer> layers;
  std::vector<IrEdge> edges;
  std::map<std::string, std::string> metadata;  ///< rt_info and meta_data, flattened with '/'.
};

/// Parses the XML text. \throws Error{kInvalidModel} with line, element, value and expectation;
/// Error{kUnsupported} for another IR version.
IrDocument parse_document(std::string_view xml);

}  // namespace fovea::openvino_ir
