#include "engine/frontends/openvino_ir/ir_writer.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <pugixml.hpp>
#include <set>
#include <sstream>

#include "engine/base/text.hpp"
#include "engine/frontends/openvino_ir/ir_form.hpp"
#include "engine/ops/control_flow.hpp"
#include "engine/ops/op_def.hpp"

namespace fovea {
namespace {

/// Constants below this stay f32: shapes, scalars and limits gain nothing and lose precision.
constexpr std::size_t kMinCompressedElements = 16;
constexpr float kMaxF16 = 65504.0F;

std::string dims_text(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape) {
    text += (text.empty() ? "" : ",") + (extent == kDynamic ? std::string("-1") : std::to_string(extent));
  }
  return text;
}

/// The same with "2..10" for open extents that have bounds.
std::string bounded_dims_text(const Shape& shape, const std::vector<ExtentRange>& ranges) {
  std::string text;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::string extent = shape[i] == kDynamic ? "-1" : std::to_string(shape[i]);
    if (shape[i] == kDynamic && i < ranges.size() && ranges[i] != ExtentRange{}) {
      extent = std::to_string(ranges[i].least) + "..";
      extent += ranges[i].most == kDynamic ? "" : std::to_string(ranges[i].most);
    }
    text += (text.empty() ? "" : ",") + extent;
  }
  return text;
}

/// As IR writes element types in attributes and on ports.
std::string_view element_type(DataType type) { return type == DataType::kBool ? "boolean" : to_string(type); }

std::string precision(DataType type) {
  switch (type) {
    case DataType::kF32:
      return "FP32";
    case DataType::kF16:
      return "FP16";
    case DataType::kF64:
      return "FP64";
    case DataType::kBool:
      return "BOOL";
    default: {
      std::string upper(to_string(type));
      std::ranges::transform(upper, upper.begin(),
                             [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
      return upper;
    }
  }
}

/// "a,b" with commas inside a name escaped.
std::string join_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += text.empty() ? "" : ",";
    for (const char c : name) {
      text += c == ',' ? "\\," : std::string(1, c);
    }
  }
  return text;
}

/// The .bin: constants one after another, equal ones once, aligned for mapping.
class WeightsFile {
 public:
  /// \return Offset of the content.
  std::size_t add(std::span<const std::byte> bytes) {
    constexpr std::size_t kAlignment = 64;
    const XXH64_hash_t hash = XXH3_64bits(bytes.data(), bytes.size());
    const auto [first, last] = places_.equal_range(hash);
    for (auto place = first; place != last; ++place) {
      const auto [offset, size] = place->second;
      if (size == bytes.size() && std::memcmp(content_.data() + offset, bytes.data(), size) == 0) {
        return offset;
      }
    }
    content_.resize((content_.size() + kAlignment - 1) / kAlignment * kAlignment);
    const std::size_t offset = content_.size();
    content_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    places_.emplace(hash, std::pair{offset, bytes.size()});
    return offset;
  }

  [[nodiscard]] const std::string& content() const { return content_; }

 private:
  std::string content_;
  std::multimap<XXH64_hash_t, std::pair<std::size_t, std::size_t>> places_;
};

/// Layers and edges of a graph: the model's, or a body's inside a layer.
class GraphWriter {
 public:
  /// \param net  Where <layers> and <edges> go.
  GraphWriter(const Graph& graph, const IrWriteOptions& options, WeightsFile& weights, pugi::xml_node net)
      : graph_(graph),
        options_(options),
        layers_(net.append_child("layers")),
        edges_(net.append_child("edges")),
        weights_(weights) {}

  void write() {
    for (const GraphPort& port : graph_.inputs) {
      parameter_ids_.push_back(next_layer_);
      write_parameter(port);
    }
    for (const Node& node : graph_.nodes) {
      write_node(node);
    }
    for (const GraphPort& port : graph_.outputs) {
      write_result(port);
      result_ids_.push_back(next_layer_ - 1);
    }
  }

  /// Layer ids of Parameters and Results, in the order of the graph's ports.
  [[nodiscard]] const std::vector<int>& parameter_ids() const { return parameter_ids_; }
  [[nodiscard]] const std::vector<int>& result_ids() const { return result_ids_; }

 private:
  /// Where a value comes out: layer and port id.
  struct Source {
    int layer = 0;
    int port = 0;
  };

  pugi::xml_node add_layer(const std::string& name, std::string_view type, int opset) {
    pugi::xml_node layer = layers_.append_child("layer");
    layer.append_attribute("id") = next_layer_++;
    layer.append_attribute("name") = unique_name(name).c_str();
    layer.append_attribute("type") = std::string(type).c_str();
    layer.append_attribute("version") = fmt::format("opset{}", opset).c_str();
    return layer;
  }

  /// Names of layers are unique in a file; inputs keep their name as users see it, so a node may have the same.
  std::string unique_name(const std::string& name) {
    std::string candidate = name;
    for (int i = 2; !layer_names_.insert(candidate).second; ++i) {
      candidate = fmt::format("{}#{}", name, i);
    }
    return candidate;
  }

  static void add_port(pugi::xml_node list, int id, const TensorType& type, const std::vector<std::string>& names) {
    pugi::xml_node port = list.append_child("port");
    port.append_attribute("id") = id;
    port.append_attribute("precision") = precision(type.data_type).c_str();
    if (!names.empty()) {
      port.append_attribute("names") = join_names(names).c_str();
    }
    if (!has_rank(type.shape)) {
      return;  // known at run time only; readers infer it
    }
    for (const std::int64_t extent : type.shape) {
      port.append_child("dim").text() = static_cast<long long>(extent);
    }
  }

  void add_edge(const Source& from, int to_layer, int to_port) {
    pugi::xml_node edge = edges_.append_child("edge");
    edge.append_attribute("from-layer") = from.layer;
    edge.append_attribute("from-port") = from.port;
    edge.append_attribute("to-layer") = to_layer;
    edge.append_attribute("to-port") = to_port;
  }

  /// Tensor names of a value: those its graph ports carry, so that they are found again after reading.
  [[nodiscard]] std::vector<std::string> tensor_names(ValueId value) const {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
      if (std::ranges::find(names, name) == names.end()) {
        names.push_back(name);
      }
    };
    for (const auto* ports : {&graph_.inputs, &graph_.outputs}) {
      for (const GraphPort& port : *ports) {
        if (port.value == value) {
          add(port.name);
          std::ranges::for_each(port.aliases, add);
        }
      }
    }
    return names;
  }

  void write_parameter(const GraphPort& port) {
    const Value& value = graph_.value(port.value);
    pugi::xml_node layer = add_layer(port.name, "Parameter", 1);
    pugi::xml_node data = layer.append_child("data");
    data.append_attribute("shape") = bounded_dims_text(value.type.shape, port.ranges).c_str();
    data.append_attribute("element_type") = std::string(element_type(value.type.data_type)).c_str();
    add_port(layer.append_child("output"), 0, value.type, tensor_names(port.value));
    if (!port.layout.empty() && options_.version == IrVersion::k11) {
      std::string layout;
      for (const char axis : port.layout) {
        layout += (layout.empty() ? "[" : ",") + std::string(1, axis);
      }
      pugi::xml_node attribute = layer.child("output").child("port").append_child("rt_info").append_child("attribute");
      attribute.append_attribute("name") = "layout";
      attribute.append_attribute("version") = 0;
      attribute.append_attribute("layout") = (layout + "]").c_str();
    }
    sources_[port.value] = {next_layer_ - 1, 0};
  }

  void write_bytes(const std::string& name, std::string_view element, const TensorType& type,
                   std::span<const std::byte> bytes) {
    pugi::xml_node layer = add_layer(name, "Const", 1);
    pugi::xml_node data = layer.append_child("data");
    data.append_attribute("element_type") = std::string(element).c_str();
    data.append_attribute("shape") = dims_text(type.shape).c_str();
    data.append_attribute("offset") = static_cast<unsigned long long>(weights_.add(bytes));
    data.append_attribute("size") = static_cast<unsigned long long>(bytes.size());
    add_port(layer.append_child("output"), 0, type, {});
  }

  void write_constant_layer(const std::string& name, const Tensor& tensor) {
    write_bytes(name, element_type(tensor.data_type()), tensor.type(), tensor.bytes());
  }

  /// Ones and zeros, eight in a byte, as readers want the weights of BinaryConvolution.
  void write_bits(ValueId id) {
    const std::vector<double> values = to_doubles(graph_.constant(id)->view());
    std::vector<std::byte> packed((values.size() + 7) / 8);
    for (std::size_t i = 0; i < values.size(); ++i) {
      packed[i / 8] |= values[i] != 0 ? std::byte{128} >> (i % 8) : std::byte{0};
    }
    write_bytes(graph_.value(id).name, "u1", graph_.value(id).type, packed);
    sources_[id] = {next_layer_ - 1, 0};
  }

  static Tensor compress(const Tensor& tensor) {
    Tensor clamped = tensor.clone();
    for (float& value : clamped.data<float>()) {
      value = std::clamp(value, -kMaxF16, kMaxF16);
    }
    return clamped.cast(DataType::kF16);
  }

  /// Readers keep weights behind such a Convert as they are stored.
  static void mark_decompression(pugi::xml_node convert) {
    pugi::xml_node attribute = convert.append_child("rt_info").append_child("attribute");
    attribute.append_attribute("name") = "decompression";
    attribute.append_attribute("version") = 0;
  }

  void write_constant(ValueId id) {
    const Value& value = graph_.value(id);
    const Tensor& tensor = *value.constant;
    if (options_.weights != WeightPrecision::kF16 || tensor.data_type() != DataType::kF32 ||
        tensor.size() < kMinCompressedElements) {
      write_constant_layer(value.name, tensor);
      sources_[id] = {next_layer_ - 1, 0};
      return;
    }
    write_constant_layer(value.name + "_compressed", compress(tensor));
    const int constant = next_layer_ - 1;
    pugi::xml_node convert = add_layer(value.name, "Convert", 1);
    convert.append_child("data").append_attribute("destination_type") = "f32";
    mark_decompression(convert);
    add_port(convert.append_child("input"), 0, {DataType::kF16, tensor.shape()}, {});
    add_port(convert.append_child("output"), 1, tensor.type(), {});
    add_edge({constant, 0}, next_layer_ - 1, 0);
    sources_[id] = {next_layer_ - 1, 1};
  }

  void write_node(const Node& node) {
    if (!node.post_ops.empty()) {
      fail(ErrorCode::kInvalidArgument,
           "node '{}' has fused post-ops, which IR cannot express; write the model as read", node.name);
    }
    const openvino_ir::IrForm form = openvino_ir::ir_form(graph_, node, options_.version);
    std::vector<ValueId> inputs = node.inputs;
    inputs.resize(form.constants.empty() ? inputs.size() : 1);
    for (const ValueId input : inputs) {
      if (input == kNone) {
        fail(ErrorCode::kInvalidArgument, "node '{}' ({}) leaves an input out, which IR cannot express", node.name,
             node.op->name);
      }
      if (!sources_.contains(input)) {
        const bool bits = node.op->name == "BinaryConvolution" && input == node.inputs[1];
        bits ? write_bits(input) : write_constant(input);
      }
    }
    std::vector<std::pair<Source, TensorType>> sources;
    for (const ValueId input : inputs) {
      sources.emplace_back(sources_.at(input), graph_.value(input).type);
    }
    for (const auto& [name, values] : form.constants) {
      const Tensor tensor = Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
      write_constant_layer(node.name + "/" + name, tensor);
      sources.emplace_back(Source{next_layer_ - 1, 0}, tensor.type());
    }
    pugi::xml_node layer = add_layer(node.name, form.type, form.opset);
    const int id = next_layer_ - 1;
    if (!form.attributes.empty() && !node.op->has_bodies) {
      pugi::xml_node data = layer.append_child("data");
      for (const auto& [name, value] : form.attributes) {
        data.append_attribute(name.c_str()) = value.c_str();
      }
    }
    const Tensor* stored = node.inputs.empty() ? nullptr : graph_.constant(node.inputs[0]);
    const bool decompresses = options_.version == IrVersion::k11 && form.type == "Convert" && stored != nullptr &&
                              stored->data_type() == DataType::kF16 &&
                              graph_.value(node.outputs[0]).type.data_type == DataType::kF32;
    if (decompresses) {
      mark_decompression(layer);
    }
    int port = 0;
    if (!sources.empty()) {
      pugi::xml_node list = layer.append_child("input");
      for (const auto& [source, type] : sources) {
        add_port(list, port, type, {});
        add_edge(source, id, port++);
      }
    }
    pugi::xml_node outputs = layer.append_child("output");
    for (const ValueId output : node.outputs) {
      add_port(outputs, port, graph_.value(output).type, tensor_names(output));
      sources_[output] = {id, port++};
    }
    if (node.op->has_bodies) {
      write_bodies(layer, node);
    }
  }

  void write_bodies(pugi::xml_node layer, const Node& node) {
    if (const auto* loop = std::any_cast<ops::LoopAttributes>(&node.attributes)) {
      write_body(layer, node, loop->body, "", loop);
    } else if (const auto* branches = std::any_cast<ops::IfAttributes>(&node.attributes)) {
      write_body(layer, node, branches->then_body, "then_", nullptr);
      write_body(layer, node, branches->else_body, "else_", nullptr);
    }
  }

  static pugi::xml_node add_port_map(pugi::xml_node map, const char* kind, std::ptrdiff_t external, int internal) {
    pugi::xml_node line = map.append_child(kind);
    line.append_attribute("external_port_id") = static_cast<long long>(external);
    line.append_attribute("internal_layer_id") = internal;
    return line;
  }

  static void add_slicing(pugi::xml_node line, const std::optional<ops::Slicing>& slicing) {
    if (slicing) {
      line.append_attribute("axis") = static_cast<long long>(slicing->axis);
      line.append_attribute("start") = static_cast<long long>(slicing->start);
      line.append_attribute("end") = static_cast<long long>(slicing->end);
      line.append_attribute("stride") = static_cast<long long>(slicing->stride);
      line.append_attribute("part_size") = static_cast<long long>(slicing->part_size);
    }
  }

  /// \param prefix  "" for loops, "then_" and "else_" for the branches of If.
  /// \param loop    nullptr for branches.
  void write_body(pugi::xml_node layer, const Node& node, const ops::Body& body, const std::string& prefix,
                  const ops::LoopAttributes* loop) {
    pugi::xml_node map = layer.append_child((prefix + "port_map").c_str());
    pugi::xml_node back_edges = loop == nullptr ? pugi::xml_node() : layer.append_child("back_edges");
    GraphWriter inner(*body.graph, options_, weights_, layer.append_child((prefix + "body").c_str()));
    inner.write();
    const auto outputs_begin = static_cast<std::ptrdiff_t>(node.inputs.size());
    for (const ops::BodyPort& port : body.inputs) {
      const int parameter = inner.parameter_ids().at(port.inner);
      add_slicing(add_port_map(map, "input", static_cast<std::ptrdiff_t>(port.outer), parameter), port.slicing);
      if (port.after) {
        pugi::xml_node edge = back_edges.append_child("edge");
        edge.append_attribute("from-layer") = inner.result_ids().at(*port.after);
        edge.append_attribute("to-layer") = parameter;
      }
    }
    for (const ops::BodyPort& port : body.outputs) {
      add_slicing(add_port_map(map, "output", outputs_begin + static_cast<std::ptrdiff_t>(port.outer),
                               inner.result_ids().at(port.inner)),
                  port.slicing);
    }
    if (loop != nullptr && loop->counter) {
      add_port_map(map, "input", -1, inner.parameter_ids().at(*loop->counter)).append_attribute("purpose") =
          "current_iteration";
    }
    if (loop != nullptr && loop->condition) {
      add_port_map(map, "output", -1, inner.result_ids().at(*loop->condition)).append_attribute("purpose") =
          "execution_condition";
    }
  }

  void write_result(const GraphPort& port) {
    if (!sources_.contains(port.value)) {
      write_constant(port.value);
    }
    pugi::xml_node layer = add_layer(port.name + "/sink_port_0", "Result", 1);
    layer.attribute("name") = (port.name + "/sink_port_0").c_str();  // Results need not be unique
    add_port(layer.append_child("input"), 0, graph_.value(port.value).type, {});
    add_edge(sources_.at(port.value), next_layer_ - 1, 0);
  }

  const Graph& graph_;
  IrWriteOptions options_;
  pugi::xml_node layers_;
  pugi::xml_node edges_;
  WeightsFile& weights_;
  std::map<ValueId, Source> sources_;
  std::set<std::string> layer_names_;
  std::vector<int> parameter_ids_;
  std::vector<int> result_ids_;
  int next_layer_ = 0;
};

class Writer {
 public:
  Writer(const Model& model, const IrWriteOptions& options) : model_(model), graph_(model.graph), options_(options) {}

  void write(const std::filesystem::path& path) {
    pugi::xml_node net = document_.append_child("net");
    net.append_attribute("name") = graph_.name.empty() ? model_.name.c_str() : graph_.name.c_str();
    net.append_attribute("version") = static_cast<int>(options_.version);
    GraphWriter(graph_, options_, weights_, net).write();
    write_metadata(net);
    save(path);
  }

 private:
  /// Keys come from files of any format; what XML does not allow in names becomes '_'.
  static std::string element_name(std::string name) {
    for (char& c : name) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
      const bool inner = (c >= '0' && c <= '9') || c == '-' || c == '.';
      c = letter || (inner && &c != name.data()) ? c : '_';
    }
    return name.empty() ? "_" : name;
  }

  void write_metadata(pugi::xml_node net) {
    pugi::xml_node root = net.append_child(options_.version == IrVersion::k11 ? "rt_info" : "meta_data");
    for (const auto& [key, value] : model_.metadata) {
      pugi::xml_node node = root;
      for (const std::string& raw : split(key, '/')) {
        const std::string part = element_name(raw);
        const pugi::xml_node existing = node.child(part.c_str());
        node = existing ? existing : node.append_child(part.c_str());
      }
      node.append_attribute("value") = value.c_str();
    }
  }

  void save(const std::filesystem::path& path) {
    std::ostringstream xml;
    document_.save(xml, "\t");
    std::filesystem::path weights_path = path;
    weights_path.replace_extension(".bin");
    for (const auto& [file, content] : {std::pair{path, xml.str()}, std::pair{weights_path, weights_.content()}}) {
      std::ofstream out(file, std::ios::binary);
      out << content;
      if (!out.flush()) {
        fail(ErrorCode::kInvalidArgument, "cannot write '{}'", file.string());
      }
    }
  }

  const Model& model_;
  const Graph& graph_;
  IrWriteOptions options_;
  pugi::xml_document document_;
  WeightsFile weights_;
};

}  // namespace

void write_openvino_ir(const Model& model, const std::filesystem::path& path, const IrWriteOptions& options) {
  if (options.weights == WeightPrecision::kF16 && options.version == IrVersion::k10) {
    fail(ErrorCode::kInvalidArgument, "compressed weights need IR version 11");
  }
  if (options.version == IrVersion::k10) {
    for (const Value& value : model.graph.values) {
      if (!is_static(value.type.shape)) {
        fail(ErrorCode::kInvalidArgument,
             "'{}' is {}: IR version 10 has no open extents; give the inputs fixed shapes or write version 11",
             value.name, to_string(value.type));
      }
    }
  }
  Writer(model, options).write(path);
}

}  // namespace fovea
