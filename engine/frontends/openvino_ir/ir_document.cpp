#include "engine/frontends/openvino_ir/ir_document.hpp"

#include <algorithm>
#include <pugixml.hpp>
#include <set>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"

namespace fovea::openvino_ir {
namespace {

// Far above any real file (the largest of the Open Model Zoo has some 5,000 layers), low enough to bound memory.
constexpr std::size_t kMaxLayers = 1'000'000;
// Elements and attributes: each takes some hundred bytes, whatever its size in the file. 15,000 layers have as many.
constexpr std::ptrdiff_t kMaxMarkup = 500'000;
constexpr std::size_t kMaxXmlBytes = std::size_t{64} << 20U;
constexpr std::size_t kMaxPorts = 100'000;
constexpr int kMaxMetadataDepth = 32;
constexpr int kMaxBodyDepth = 4;  // types of bodies are inferred several times by each level around them
constexpr std::size_t kMaxMetadataBytes = std::size_t{16} << 20U;  // keys repeat their path and could multiply a file

class DocumentReader {
 public:
  explicit DocumentReader(std::string_view xml) : xml_(xml) {}

  IrDocument read() {
    check_size();
    const pugi::xml_parse_result result = document_.load_buffer(xml_.data(), xml_.size());
    if (!result) {
      fail(ErrorCode::kInvalidModel, "line {}: malformed XML: {}", line_at(result.offset), result.description());
    }
    const pugi::xml_node net = document_.child("net");
    if (!net) {
      fail(ErrorCode::kInvalidModel, "no <net> element at the top");
    }
    IrDocument ir;
    ir.name = net.attribute("name").value();
    const std::int64_t version = integer(net, "version");
    if (version != 10 && version != 11) {
      fail(ErrorCode::kUnsupported, "IR version {}, expected 10 or 11", version);
    }
    ir.version = static_cast<int>(version);
    read_graph(net, 0, ir);
    for (const char* section : {"rt_info", "meta_data", "quantization_parameters"}) {
      read_metadata(net.child(section), "", 0, ir.metadata);
    }
    return ir;
  }

 private:
  void read_graph(const pugi::xml_node& net, int depth, IrDocument& ir) {
    std::set<std::int64_t> ids;
    for (const pugi::xml_node layer : required_child(net, "layers").children("layer")) {
      ir.layers.push_back(read_layer(layer, depth));
      if (!ids.insert(ir.layers.back().id).second) {
        fail(ErrorCode::kInvalidModel, "line {}: layer id {} occurs twice (second: '{}')",
             line_at(layer.offset_debug()), ir.layers.back().id, ir.layers.back().name);
      }
      if (++layers_ > kMaxLayers) {
        fail(ErrorCode::kInvalidModel, "more than {} layers", kMaxLayers);
      }
    }
    for (const pugi::xml_node edge : required_child(net, "edges").children("edge")) {
      ir.edges.push_back({.from_layer = integer(edge, "from-layer"),
                          .from_port = integer(edge, "from-port"),
                          .to_layer = integer(edge, "to-layer"),
                          .to_port = integer(edge, "to-port")});
    }
  }

  std::vector<IrPortMap> read_port_map(const pugi::xml_node& map, const char* kind) {
    std::vector<IrPortMap> lines;
    for (const pugi::xml_node line : map.children(kind)) {
      IrPortMap read{.external_port = integer(line, "external_port_id"),
                     .internal_layer = integer(line, "internal_layer_id"),
                     .purpose = line.attribute("purpose").value(),
                     .part = {}};
      if (line.attribute("axis")) {
        for (const char* name : {"axis", "start", "end", "stride", "part_size"}) {
          if (line.attribute(name)) {
            read.part[name] = integer(line, name);
          }
        }
      }
      lines.push_back(std::move(read));
    }
    return lines;
  }

  /// \param prefix  "" for TensorIterator and Loop, "then_" and "else_" for If.
  IrBody read_body(const pugi::xml_node& layer, const std::string& prefix, int depth) {
    if (depth >= kMaxBodyDepth) {
      fail(ErrorCode::kUnsupported, "line {}: bodies are nested more than {} deep", line_at(layer.offset_debug()),
           kMaxBodyDepth);
    }
    IrBody body;
    auto graph = std::make_shared<IrDocument>();
    read_graph(required_child(layer, (prefix + "body").c_str()), depth + 1, *graph);
    body.graph = std::move(graph);
    const pugi::xml_node map = layer.child((prefix + "port_map").c_str());
    body.inputs = read_port_map(map, "input");
    body.outputs = read_port_map(map, "output");
    for (const pugi::xml_node edge : layer.child("back_edges").children("edge")) {
      body.back_edges.emplace_back(integer(edge, "from-layer"), integer(edge, "to-layer"));
    }
    return body;
  }

  void check_size() const {
    std::ptrdiff_t markup = std::ranges::count(xml_, '=');
    for (std::size_t at = xml_.find('<'); at != std::string_view::npos; at = xml_.find('<', at + 1)) {
      markup += at + 1 < xml_.size() && xml_[at + 1] != '/' ? 1 : 0;
    }
    if (xml_.size() > kMaxXmlBytes || markup > kMaxMarkup) {
      fail(ErrorCode::kInvalidModel,
           "the XML has {} bytes with {} elements and attributes, expected at most {} bytes and {}", xml_.size(),
           markup, kMaxXmlBytes, kMaxMarkup);
    }
  }

  [[nodiscard]] std::ptrdiff_t line_at(std::ptrdiff_t offset) const {
    const auto end = xml_.begin() + std::clamp<std::ptrdiff_t>(offset, 0, static_cast<std::ptrdiff_t>(xml_.size()));
    return 1 + std::count(xml_.begin(), end, '\n');
  }

  std::int64_t integer(const pugi::xml_node& node, const char* attribute) {
    const pugi::xml_attribute found = node.attribute(attribute);
    const auto value = parse_int(found.value());
    if (!found || !value) {
      fail(ErrorCode::kInvalidModel, "line {}: <{}> has {}='{}', expected an integer", line_at(node.offset_debug()),
           node.name(), attribute, std::string_view(found.value()).substr(0, 40));
    }
    return *value;
  }

  pugi::xml_node required_child(const pugi::xml_node& node, const char* name) {
    const pugi::xml_node child = node.child(name);
    if (!child) {
      fail(ErrorCode::kInvalidModel, "line {}: <{}> has no <{}>", line_at(node.offset_debug()), node.name(), name);
    }
    return child;
  }

  /// "a,b\,c" → {"a", "b,c"}.
  static std::vector<std::string> split_names(std::string_view text) {
    std::vector<std::string> names;
    std::string current;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ',') {
        current += text[++i];
      } else if (text[i] == ',') {
        names.push_back(std::move(current));
        current.clear();
      } else {
        current += text[i];
      }
    }
    if (!current.empty()) {
      names.push_back(std::move(current));
    }
    return names;
  }

  std::vector<IrPort> read_ports(const pugi::xml_node& list) {
    std::vector<IrPort> ports;
    for (const pugi::xml_node port : list.children("port")) {
      IrPort read{.id = integer(port, "id"),
                  .precision = port.attribute("precision").value(),
                  .names = split_names(port.attribute("names").value()),
                  .layout = {}};
      for (const pugi::xml_node attribute : port.child("rt_info").children("attribute")) {
        if (std::string_view(attribute.attribute("name").value()) == "layout") {
          read.layout = attribute.attribute("layout").value();
        }
      }
      ports.push_back(std::move(read));
      if (ports.size() > kMaxPorts) {
        fail(ErrorCode::kInvalidModel, "line {}: more than {} ports", line_at(port.offset_debug()), kMaxPorts);
      }
    }
    return ports;
  }

  IrLayer read_layer(const pugi::xml_node& node, int depth) {
    IrLayer layer;
    layer.id = integer(node, "id");
    layer.name = node.attribute("name").value();
    layer.type = node.attribute("type").value();
    layer.version = node.attribute("version").value();
    if (layer.type.empty()) {
      fail(ErrorCode::kInvalidModel, "line {}: layer '{}' has no type", line_at(node.offset_debug()), layer.name);
    }
    for (const pugi::xml_attribute attribute : node.child("data").attributes()) {
      layer.data.emplace(attribute.name(), attribute.value());
    }
    layer.inputs = read_ports(node.child("input"));
    layer.outputs = read_ports(node.child("output"));
    for (const char* prefix : {"", "then_", "else_"}) {
      if (node.child((std::string(prefix) + "body").c_str())) {
        layer.bodies.push_back(read_body(node, prefix, depth));
      }
    }
    return layer;
  }

  /// `<a><b value="x"/></a>` → "a/b" = "x"; `<info name="b" value="x"/>` counts as `<b value="x"/>`.
  void read_metadata(const pugi::xml_node& node, const std::string& prefix, int depth,
                     std::map<std::string, std::string>& out) {
    if (depth > kMaxMetadataDepth) {
      return;
    }
    for (const pugi::xml_node child : node.children()) {
      const std::string_view tag = child.name();
      const std::string key = prefix + std::string(tag == "info" ? child.attribute("name").value() : tag);
      const pugi::xml_attribute value = child.attribute("value");
      metadata_bytes_ += key.size() + std::string_view(value.value()).size();
      if (metadata_bytes_ > kMaxMetadataBytes) {
        fail(ErrorCode::kInvalidModel, "line {}: more than {} bytes of metadata", line_at(child.offset_debug()),
             kMaxMetadataBytes);
      }
      if (value) {
        out.emplace(key, value.value());
      }
      read_metadata(child, key + "/", depth + 1, out);
    }
  }

  std::string_view xml_;
  pugi::xml_document document_;
  std::size_t metadata_bytes_ = 0;
  std::size_t layers_ = 0;  ///< Those of bodies included.
};

}  // namespace

IrDocument parse_document(std::string_view xml) { return DocumentReader(xml).read(); }

}  // namespace fovea::openvino_ir
