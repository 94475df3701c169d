// Reads OpenVINO IR version 10 and 11 (.xml and .bin) into a Model.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format.html

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "engine/base/mapped_file.hpp"
#include "engine/base/text.hpp"
#include "engine/frontends/common/unsupported.hpp"
#include "engine/frontends/content_hash.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/frontends/openvino_ir/ir_bodies.hpp"
#include "engine/frontends/openvino_ir/ir_document.hpp"
#include "engine/ops/shape_inference.hpp"
#include "engine/ops/string_source.hpp"

namespace fovea {
namespace openvino_ir {
namespace {

/// "opset8" → 8; Model Optimizer's "extension" and "experimental" hold operators of opset 6. 0: not understood.
int opset_number(std::string_view version) {
  if (version == "extension" || version == "experimental") {
    return 6;
  }
  if (!version.starts_with("opset")) {
    return 0;
  }
  const std::int64_t number = parse_int(version.substr(5)).value_or(0);
  constexpr std::int64_t kNewest = 1000;  // beyond any opset; keeps the conversion exact
  return number > 0 && number <= kNewest ? static_cast<int>(number) : 0;
}

bool is_type(const IrLayer& layer, std::string_view type) { return to_lower(layer.type) == to_lower(type); }

/// opset 1 did not hold these three; files that say opset1 mean opset 2's.
bool version_is_quirk(std::string_view type) { return type == "MVN" || type == "ROIPooling" || type == "ReorgYolo"; }

/// "" when the layer's operator and version are known, else "Foo-9 (known: 1, 8)".
std::string unsupported_name(const IrLayer& layer) {
  const int opset = opset_number(layer.version);
  const OpDef* op = find_openvino_op(layer.type);
  if (op == nullptr) {
    return fmt::format("{}-{}", layer.type,
                       layer.version.starts_with("opset") ? layer.version.substr(5) : layer.version);
  }
  const auto& versions = op->openvino.versions;
  const bool known = std::ranges::find(versions, opset) != versions.end() && opset > 0;
  if (known || (opset == 1 && version_is_quirk(op->openvino.type))) {
    return {};
  }
  std::string list;
  for (const int version : versions) {
    list += version == 0 ? "" : (list.empty() ? "" : ", ") + std::to_string(version);
  }
  return fmt::format("{} of '{}' (known: {})", layer.type, layer.version, list);
}

/// "2..10", "..10", "2..": what an extent may be. Others are not bounded.
ExtentRange parse_range(const IrLayer& layer, std::string_view extent) {
  const auto dots = extent.find("..");
  if (dots == std::string_view::npos) {
    return {};
  }
  const std::string_view first = trim(extent.substr(0, dots));
  const std::string_view last = trim(extent.substr(dots + 2));
  const auto least = first.empty() ? std::optional<std::int64_t>(0) : parse_int(first);
  const auto most = last.empty() ? std::optional<std::int64_t>(kDynamic) : parse_int(last);
  if (!least || !most || *least < 0 || (*most != kDynamic && *most < *least)) {
    fail(ErrorCode::kInvalidModel, "layer '{}': extent '{}', expected least..most", layer.name, extent.substr(0, 40));
  }
  return {*least, *most};
}

/// "1,3,?,1..10,-1" → extents; ranges and '?' become kDynamic.
/// \param ranges  Not null: receives a range an axis when some are bounded.
Shape parse_shape(const IrLayer& layer, std::string_view text, std::vector<ExtentRange>* ranges = nullptr) {
  Shape shape;
  std::vector<ExtentRange> parsed;
  for (const std::string& extent : split(text, ',')) {
    const auto number = parse_int(extent);
    if (extent == "...") {
      fail(ErrorCode::kUnsupported, "layer '{}': dynamic rank '{}'", layer.name, text);
    }
    parsed.push_back(parse_range(layer, extent));
    if (extent == "?" || extent == "-1" || extent.find("..") != std::string::npos) {
      shape.push_back(kDynamic);
    } else if (number && *number >= 0) {
      shape.push_back(*number);
    } else {
      fail(ErrorCode::kInvalidModel, "layer '{}': shape is '{}', expected extents ≥ 0", layer.name, text.substr(0, 80));
    }
    constexpr std::size_t kMaxRank = 16;
    if (shape.size() > kMaxRank) {
      fail(ErrorCode::kInvalidModel, "layer '{}': shape '{}' has more than {} axes", layer.name, text.substr(0, 80),
           kMaxRank);
    }
  }
  if (ranges != nullptr && text.find("..") != std::string_view::npos) {
    *ranges = parsed;
  }
  // Unknown and empty extents must not hide a product that shape arithmetic cannot hold.
  Shape known = shape;
  std::ranges::replace(known, kDynamic, 1);
  std::ranges::replace(known, 0, 1);
  try {
    element_count(known);
  } catch (const Error& error) {
    throw error.with_context(fmt::format("layer '{}'", layer.name));
  }
  return shape;
}

std::string_view data_attribute(const IrLayer& layer, const std::string& name) {
  const auto found = layer.data.find(name);
  if (found == layer.data.end()) {
    fail(ErrorCode::kInvalidModel, "layer '{}' ({}): attribute {} is missing", layer.name, layer.type, name);
  }
  return found->second;
}

DataType element_type(const IrLayer& layer) {
  const std::string_view name = data_attribute(layer, "element_type");
  const auto type = parse_data_type(name);
  if (!type) {
    fail(ErrorCode::kUnsupported, "layer '{}': element type '{}'", layer.name, name);
  }
  return *type;
}

/// Builds the graph from a parsed document and the weights.
class GraphBuilder {
 public:
  GraphBuilder(const IrDocument& ir, std::shared_ptr<const MappedFile> weights, std::string weights_name)
      : ir_(ir), weights_(std::move(weights)), weights_name_(std::move(weights_name)) {}

  BuiltGraph build() {
    graph_.name = ir_.name;
    index_layers();
    check_operators();
    index_edges();
    for (const std::size_t layer : sorted_layers()) {
      add_layer(ir_.layers[layer]);
    }
    for (const IrLayer& layer : ir_.layers) {
      if (is_type(layer, "Result")) {
        results_[layer.id] = graph_.outputs.size();
        add_result(layer);
      }
    }
    add_written_variables();
    infer_shapes(graph_);
    return {std::move(graph_), std::move(parameters_), std::move(results_)};
  }

 private:
  static constexpr std::uint64_t kExtraCopiedBytes = std::uint64_t{16} << 20U;
  using PortKey = std::pair<std::int64_t, std::int64_t>;  ///< Layer id, port id.

  void index_layers() {
    for (std::size_t i = 0; i < ir_.layers.size(); ++i) {
      layer_index_[ir_.layers[i].id] = i;
    }
    if (std::ranges::none_of(ir_.layers, [](const IrLayer& layer) { return is_type(layer, "Result"); })) {
      fail(ErrorCode::kInvalidModel, "the model has no Result layer");
    }
  }

  /// Names every operator that is not known, all at once.
  void check_operators() {
    importer::UnsupportedReport report("an operator (or this version of one) in engine/ops, named in ops.inc");
    for (const IrLayer& layer : ir_.layers) {
      if (is_type(layer, "Parameter") || is_type(layer, "Const") || is_type(layer, "Result")) {
        continue;
      }
      if (const std::string name = unsupported_name(layer); !name.empty()) {
        report.add(name, layer.name);
      }
    }
    report.throw_if_any();
  }

  const IrLayer& layer_of(std::int64_t id, const IrEdge& edge) const {
    const auto found = layer_index_.find(id);
    if (found == layer_index_.end()) {
      fail(ErrorCode::kInvalidModel, "edge {}:{} → {}:{} refers to layer {}, which does not exist", edge.from_layer,
           edge.from_port, edge.to_layer, edge.to_port, id);
    }
    return ir_.layers[found->second];
  }

  void index_edges() {
    for (const IrEdge& edge : ir_.edges) {
      const IrLayer& from = layer_of(edge.from_layer, edge);
      const IrLayer& to = layer_of(edge.to_layer, edge);
      if (std::ranges::find(from.outputs, edge.from_port, &IrPort::id) == from.outputs.end() ||
          std::ranges::find(to.inputs, edge.to_port, &IrPort::id) == to.inputs.end()) {
        fail(ErrorCode::kInvalidModel, "edge {}:{} → {}:{} refers to a port that '{}' or '{}' does not have",
             edge.from_layer, edge.from_port, edge.to_layer, edge.to_port, from.name, to.name);
      }
      if (!source_of_.emplace(PortKey{edge.to_layer, edge.to_port}, PortKey{edge.from_layer, edge.from_port}).second) {
        fail(ErrorCode::kInvalidModel, "port {} of layer '{}' has two incoming edges", edge.to_port, to.name);
      }
    }
  }

  PortKey source(const IrLayer& layer, const IrPort& port) const {
    const auto found = source_of_.find({layer.id, port.id});
    if (found == source_of_.end()) {
      fail(ErrorCode::kInvalidModel, "port {} of layer '{}' ({}) has no incoming edge", port.id, layer.name,
           layer.type);
    }
    return found->second;
  }

  /// Layers that contribute to a Result or an Assign, inputs first; Parameters always, in file order. Iterative: depth
  /// is hostile.
  std::vector<std::size_t> sorted_layers() const {
    enum class State : std::uint8_t { kNew, kOpen, kDone };
    std::vector<State> state(ir_.layers.size(), State::kNew);
    std::vector<std::size_t> order;
    std::vector<std::pair<std::size_t, std::size_t>> stack;  // layer, next input
    const auto visit = [&](std::size_t root) {
      if (state[root] == State::kNew) {
        state[root] = State::kOpen;
        stack.emplace_back(root, 0);
      }
      while (!stack.empty()) {
        const std::size_t layer = stack.back().first;
        const IrLayer& current = ir_.layers[layer];
        if (stack.back().second == current.inputs.size()) {
          state[layer] = State::kDone;
          order.push_back(layer);
          stack.pop_back();
          continue;
        }
        const IrPort& port = current.inputs[stack.back().second++];
        const std::size_t next = layer_index_.at(source(current, port).first);
        if (state[next] == State::kOpen) {
          fail(ErrorCode::kInvalidModel, "the graph has a cycle through layers '{}' and '{}'", current.name,
               ir_.layers[next].name);
        }
        if (state[next] == State::kNew) {
          state[next] = State::kOpen;
          stack.emplace_back(next, 0);
        }
      }
    };
    for (std::size_t i = 0; i < ir_.layers.size(); ++i) {
      if (is_type(ir_.layers[i], "Parameter")) {
        visit(i);
      }
    }
    for (std::size_t i = 0; i < ir_.layers.size(); ++i) {
      if (is_type(ir_.layers[i], "Result") || is_type(ir_.layers[i], "Assign")) {
        visit(i);
      }
    }
    return order;
  }

  /// Names of values are unique; layer names nearly always are.
  std::string unique_name(const std::string& name) {
    std::string candidate = name;
    // The count goes on where it stopped, or a file of equal names would take quadratic time.
    for (int& i = next_suffix_.try_emplace(name, 2).first->second; !names_.insert(candidate).second; ++i) {
      candidate = fmt::format("{}#{}", name, i);
    }
    return candidate;
  }

  void add_layer(const IrLayer& layer) {
    if (is_type(layer, "Result")) {
      return;
    }
    if (is_type(layer, "Parameter")) {
      add_parameter(layer);
    } else if (is_type(layer, "Const")) {
      value_of_[{layer.id, only_output(layer).id}] = graph_.add_constant(unique_name(layer.name), read_constant(layer));
    } else {
      add_operation(layer);
    }
  }

  static const IrPort& only_output(const IrLayer& layer) {
    if (layer.outputs.size() != 1) {
      fail(ErrorCode::kInvalidModel, "layer '{}' ({}) has {} output ports, expected 1", layer.name, layer.type,
           layer.outputs.size());
    }
    return layer.outputs[0];
  }

  void add_parameter(const IrLayer& layer) {
    const IrPort& port = only_output(layer);
    std::vector<ExtentRange> ranges;
    const Shape shape = parse_shape(layer, data_attribute(layer, "shape"), &ranges);
    parameters_[layer.id] = graph_.inputs.size();
    const ValueId id = graph_.add_input(unique_name(layer.name), {element_type(layer), shape});
    graph_.inputs.back().name = layer.name;
    graph_.inputs.back().ranges = ranges;
    graph_.inputs.back().aliases = port.names;
    std::string layout = port.layout.empty() && layer.data.contains("layout") ? layer.data.at("layout") : port.layout;
    std::erase_if(layout, [](char c) { return c == '[' || c == ']' || c == ','; });
    graph_.inputs.back().layout = layout;
    value_of_[{layer.id, port.id}] = id;
  }

  Tensor read_constant(const IrLayer& layer) {
    const bool bits = to_lower(data_attribute(layer, "element_type")) == "u1";  // eight in a byte, the highest first
    const TensorType type{bits ? DataType::kU8 : element_type(layer),
                          parse_shape(layer, data_attribute(layer, "shape"))};
    const auto offset = parse_int(data_attribute(layer, "offset"));
    const auto size = parse_int(data_attribute(layer, "size"));
    if (!offset || !size || *offset < 0 || *size < 0) {
      fail(ErrorCode::kInvalidModel, "constant '{}': offset '{}' and size '{}', expected numbers ≥ 0", layer.name,
           data_attribute(layer, "offset"), data_attribute(layer, "size"));
    }
    if (!is_static(type.shape)) {
      fail(ErrorCode::kInvalidModel, "constant '{}' has the dynamic shape {}", layer.name, to_string(type.shape));
    }
    const std::size_t needed = bits ? (byte_size(type) + 7) / 8 : byte_size(type);
    if (static_cast<std::uint64_t>(*size) < needed) {
      fail(ErrorCode::kInvalidModel, "constant '{}' of {} needs {} bytes, size is {}", layer.name, to_string(type),
           needed, *size);
    }
    if (weights_ == nullptr) {
      fail(ErrorCode::kNotFound, "the weights file '{}' does not exist", weights_name_);
    }
    const std::span<const std::byte> bytes = weights_->bytes();
    const auto begin = static_cast<std::uint64_t>(*offset);
    if (begin > bytes.size() || needed > bytes.size() - begin) {
      fail(ErrorCode::kInvalidModel, "constant '{}' needs bytes {} to {} of '{}', which has {}", layer.name, begin,
           begin + needed, weights_name_, bytes.size());
    }
    const std::byte* data = bytes.data() + begin;
    if (!bits && reinterpret_cast<std::uintptr_t>(data) % size_of(type.data_type) == 0) {
      return needed == 0 || type.data_type == DataType::kBool
                 ? Tensor(type, data, weights_)
                 : Tensor::deferred(type, type.data_type, bytes.subspan(begin, needed), weights_);
    }
    // Files align nothing, so some are copied; constants that lie over each other could ask for any amount.
    copied_bytes_ += bits ? byte_size(type) : needed;
    const std::uint64_t most = kExtraCopiedBytes + (bits ? 16 : 2) * bytes.size();
    if (copied_bytes_ > most) {
      fail(ErrorCode::kInvalidModel, "constant '{}': unaligned constants take {} bytes up to here, '{}' has {}",
           layer.name, copied_bytes_, weights_name_, bytes.size());
    }
    Tensor copy(type);
    if (bits) {
      const std::span<std::uint8_t> values = copy.data<std::uint8_t>();
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<std::uint8_t>(std::to_integer<unsigned>(data[i / 8]) >> (7 - i % 8) & 1U);
      }
      return copy;
    }
    std::memcpy(copy.mutable_view().bytes, data, needed);
    return copy;
  }

  /// The value behind an output port; a Result may have one in the file, but it stands for nothing.
  ValueId value_from(const PortKey& port) const {
    const auto found = value_of_.find(port);
    if (found == value_of_.end()) {
      fail(ErrorCode::kInvalidModel, "port {} of layer '{}' produces nothing that can be read", port.second,
           ir_.layers[layer_index_.at(port.first)].name);
    }
    return found->second;
  }

  void add_operation(const IrLayer& layer) {
    Node node;
    node.op = find_openvino_op(layer.type);
    node.name = unique_name(layer.name);
    if (layer.outputs.empty() && !is_type(layer, "Assign")) {
      fail(ErrorCode::kInvalidModel, "layer '{}' ({}) has no output port", layer.name, layer.type);
    }
    for (const IrPort& port : layer.inputs) {
      node.inputs.push_back(value_from(source(layer, port)));
    }
    StringSource attributes(fmt::format("node '{}' ({})", layer.name, layer.type), opset_number(layer.version));
    for (const auto& [name, value] : layer.data) {
      attributes.set(name, value);
    }
    if (node.op->attributes.read != nullptr) {
      node.attributes = node.op->attributes.read(attributes);
    }
    read_bodies(
        layer, [this](const IrDocument& body) { return GraphBuilder(body, weights_, weights_name_).build(); },
        node.attributes);
    // The file's element types stand where a type is known at run time only; all others are inferred.
    std::vector<TensorType> types;
    for (const IrPort& port : layer.outputs) {
      types.push_back({parse_data_type(port.precision).value_or(DataType::kF32), {}});
    }
    types.resize(std::max<std::size_t>(types.size(), 1));
    const NodeId id = graph_.add_node(std::move(node), types);
    for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
      const ValueId value = graph_.node(id).outputs[i];
      if (i > 0) {
        graph_.value(value).name = unique_name(graph_.value(value).name);
      }
      value_of_[{layer.id, layer.outputs[i].id}] = value;
    }
  }

  /// What is written into variables is an output, too: it lives, and can be read.
  void add_written_variables() {
    for (const Node& node : graph_.nodes) {
      const ValueId written = node.outputs[0];
      if (node.op->name == "Assign" &&
          std::ranges::find(graph_.outputs, written, &GraphPort::value) == graph_.outputs.end()) {
        graph_.add_output(written, node.name);
      }
    }
  }

  /// An output is named by the producer port's first tensor name, or by the producer layer where there is none (v10).
  void add_result(const IrLayer& layer) {
    if (layer.inputs.size() != 1) {
      fail(ErrorCode::kInvalidModel, "Result '{}' has {} input ports, expected 1", layer.name, layer.inputs.size());
    }
    const PortKey from = source(layer, layer.inputs[0]);
    const IrLayer& producer = ir_.layers[layer_index_.at(from.first)];
    const IrPort& port = *std::ranges::find(producer.outputs, from.second, &IrPort::id);
    std::string layer_name = producer.name;
    if (producer.outputs.size() > 1) {
      layer_name += fmt::format(".{}", &port - producer.outputs.data());
    }
    graph_.add_output(value_from(from), port.names.empty() ? layer_name : port.names.front());
    graph_.outputs.back().aliases = port.names;
    graph_.outputs.back().aliases.push_back(layer_name);
    graph_.outputs.back().aliases.push_back(layer.name);
  }

  const IrDocument& ir_;
  std::shared_ptr<const MappedFile> weights_;
  std::string weights_name_;
  Graph graph_;
  std::map<std::int64_t, std::size_t> layer_index_;
  std::map<PortKey, PortKey> source_of_;
  std::map<PortKey, ValueId> value_of_;
  std::map<std::int64_t, std::size_t> parameters_;  ///< Layer id → index of the graph input.
  std::map<std::int64_t, std::size_t> results_;     ///< Layer id → index of the graph output.
  std::uint64_t copied_bytes_ = 0;                  ///< Of unaligned constants.
  std::set<std::string> names_;
  std::map<std::string, int> next_suffix_;
};

bool recognises(const std::filesystem::path& path, std::span<const std::byte> head) {
  constexpr std::size_t kWindow = 512;  // where OpenVINO's reader looks for the element
  const std::string_view text(reinterpret_cast<const char*>(head.data()), std::min(head.size(), kWindow));
  return text.find("<net") != std::string_view::npos || path.extension() == ".xml";
}

std::vector<FrontendOperator> operators() {
  std::vector<FrontendOperator> list;
  for (const OpDef* op : all_ops()) {
    std::string versions;
    for (const int version : op->openvino.versions) {
      versions += version == 0 ? "" : fmt::format("{}{}", versions.empty() ? "" : ", ", version);
    }
    list.push_back({std::string(op->openvino.type), versions});
  }
  return list;
}

Model read(const std::filesystem::path& path) {
  const auto xml = MappedFile::open(path);
  const IrDocument ir = parse_document({reinterpret_cast<const char*>(xml->bytes().data()), xml->bytes().size()});
  std::filesystem::path weights_path = path;
  weights_path.replace_extension(".bin");
  std::shared_ptr<const MappedFile> weights;
  std::error_code unreadable;  // the constants that need it say what is missing
  if (std::filesystem::exists(weights_path, unreadable)) {
    weights = MappedFile::open(weights_path);
  }
  Model model;
  model.name = path.stem().string();
  model.path = path;
  model.format = fmt::format("OpenVINO IR v{}", ir.version);
  model.hash = content_hash_of({path, weights == nullptr ? std::filesystem::path() : weights_path});
  model.graph = GraphBuilder(ir, weights, weights_path.filename().string()).build().graph;
  model.metadata = ir.metadata;
  verify(model.graph);
  return model;
}

}  // namespace
}  // namespace openvino_ir

namespace frontends {
extern const Frontend openvino_ir;
const Frontend openvino_ir{.name = "OpenVINO IR",
                           .recognises = fovea::openvino_ir::recognises,
                           .read = fovea::openvino_ir::read,
                           .operators = fovea::openvino_ir::operators};
}  // namespace frontends

}  // namespace fovea
