#include "engine/frontends/openvino_ir/ir_bodies.hpp"

#include <algorithm>

#include "engine/ops/control_flow.hpp"

namespace fovea::openvino_ir {
namespace {

/// Files refer to ports by id; some writers count outputs from 0 instead.
std::size_t port_index(const IrLayer& layer, const std::vector<IrPort>& ports, std::int64_t id) {
  const auto found = std::ranges::find(ports, id, &IrPort::id);
  if (found != ports.end()) {
    return static_cast<std::size_t>(found - ports.begin());
  }
  if (id < 0 || id >= static_cast<std::int64_t>(ports.size())) {
    fail(ErrorCode::kInvalidModel, "layer '{}' ({}): a port map refers to port {}, which does not exist", layer.name,
         layer.type, id);
  }
  return static_cast<std::size_t>(id);
}

std::size_t inner_index(const IrLayer& layer, const std::map<std::int64_t, std::size_t>& ports, std::int64_t id,
                        std::string_view kind) {
  const auto found = ports.find(id);
  if (found == ports.end()) {
    fail(ErrorCode::kInvalidModel, "layer '{}' ({}): its body has no {} with id {}", layer.name, layer.type, kind, id);
  }
  return found->second;
}

std::optional<ops::Slicing> slicing_of(const IrPortMap& line) {
  if (line.part.empty()) {
    return std::nullopt;
  }
  ops::Slicing slicing;
  const auto read = [&](const char* name, std::int64_t& value) {
    const auto found = line.part.find(name);
    value = found == line.part.end() ? value : found->second;
  };
  read("axis", slicing.axis);
  read("start", slicing.start);
  read("end", slicing.end);
  read("stride", slicing.stride);
  read("part_size", slicing.part_size);
  return slicing;
}

/// Lines without an outer port: the counter and the condition of a Loop.
struct Purposes {
  std::optional<std::size_t> counter;
  std::optional<std::size_t> condition;
};

ops::Body convert(const IrLayer& layer, const IrBody& source, BuiltGraph built, Purposes& purposes) {
  ops::Body body;
  for (const IrPortMap& line : source.inputs) {
    const std::size_t inner = inner_index(layer, built.parameters, line.internal_layer, "Parameter");
    if (line.purpose == "current_iteration") {
      purposes.counter = inner;
    } else {
      body.inputs.push_back({.inner = inner,
                             .outer = port_index(layer, layer.inputs, line.external_port),
                             .slicing = slicing_of(line),
                             .after = {}});
    }
  }
  for (const IrPortMap& line : source.outputs) {
    const std::size_t inner = inner_index(layer, built.results, line.internal_layer, "Result");
    if (line.purpose == "execution_condition") {
      purposes.condition = inner;
    }
    if (line.external_port >= 0) {
      body.outputs.push_back({.inner = inner,
                              .outer = port_index(layer, layer.outputs, line.external_port),
                              .slicing = slicing_of(line),
                              .after = {}});
    }
  }
  for (const auto& [from, to] : source.back_edges) {
    const std::size_t parameter = inner_index(layer, built.parameters, to, "Parameter");
    const auto input = std::ranges::find(body.inputs, parameter, &ops::BodyPort::inner);
    if (input == body.inputs.end() || input->slicing) {
      fail(ErrorCode::kInvalidModel, "layer '{}' ({}): a back edge leads to layer {}, which has no first value",
           layer.name, layer.type, to);
    }
    input->after = inner_index(layer, built.results, from, "Result");
  }
  if (std::ranges::any_of(built.graph.nodes, [](const Node& node) { return node.op->name == "Assign"; })) {
    fail(ErrorCode::kUnsupported, "layer '{}' ({}): its body writes variables", layer.name, layer.type);
  }
  body.graph = std::make_shared<const Graph>(std::move(built.graph));
  return body;
}

}  // namespace

void read_bodies(const IrLayer& layer, const std::function<BuiltGraph(const IrDocument&)>& build,
                 std::any& attributes) {
  std::vector<ops::Body*> bodies;
  auto* loop = std::any_cast<ops::LoopAttributes>(&attributes);
  if (loop != nullptr) {
    bodies = ops::bodies_of(*loop);
  } else if (auto* branches = std::any_cast<ops::IfAttributes>(&attributes)) {
    bodies = ops::bodies_of(*branches);
  }
  if (bodies.size() != layer.bodies.size() && !bodies.empty()) {
    fail(ErrorCode::kInvalidModel, "layer '{}' ({}) has {} bodies, expected {}", layer.name, layer.type,
         layer.bodies.size(), bodies.size());
  }
  Purposes purposes;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    try {
      *bodies[i] = convert(layer, layer.bodies[i], build(*layer.bodies[i].graph), purposes);
    } catch (const Error& error) {
      throw error.with_context(fmt::format("body of layer '{}' ({})", layer.name, layer.type));
    }
  }
  if (loop != nullptr) {
    loop->counter = purposes.counter;
    loop->condition = purposes.condition;
  }
}

}  // namespace fovea::openvino_ir
