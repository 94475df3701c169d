// Reads an MXNet model: net-symbol.json and the parameters beside it (net-0000.params).
// https://mxnet.apache.org/versions/1.9.1/api/architecture/overview

#include <algorithm>
#include <set>

#include "engine/base/mapped_file.hpp"
#include "engine/frontends/common/unsupported.hpp"
#include "engine/frontends/content_hash.hpp"
#include "engine/frontends/frontend.hpp"
#include "engine/frontends/mxnet/converters.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace mxnet {
namespace {

using Parameters = std::map<std::string, Tensor, std::less<>>;

class SymbolBuilder {
 public:
  SymbolBuilder(const Symbol& symbol, const Parameters& parameters, std::uint64_t bytes)
      : symbol_(symbol), parameters_(parameters) {
    graph_.set_source_bytes(bytes);
  }

  Graph build(const std::string& name) {
    check_operators();
    values_.resize(symbol_.nodes.size());
    for (std::size_t i = 0; i < symbol_.nodes.size(); ++i) {
      const SymbolNode& node = symbol_.nodes[i];
      try {
        values_[i] = node.op == "null" ? add_variable(i) : add_operator(node);
      } catch (const Error& error) {
        throw error.with_context(fmt::format("node '{}' ({})", node.name, node.op));
      }
    }
    for (const SymbolNode::Input& head : symbol_.heads) {
      if (value(head) == kNone) {
        fail(ErrorCode::kInvalidModel, "the head '{}' is a label", symbol_.nodes[head.node].name);
      }
      graph_.output(value(head),
                    symbol_.nodes[head.node].name + (head.output == 0 ? "" : fmt::format(":{}", head.output)));
    }
    return graph_.finish(name);
  }

 private:
  void check_operators() const {
    importer::UnsupportedReport report("a converter in engine/frontends/mxnet");
    for (const SymbolNode& node : symbol_.nodes) {
      if (node.op != "null" && find_converter(node.op) == nullptr) {
        report.add(node.op, node.name);
      }
    }
    report.throw_if_any();
  }

  /// A parameter, an input, or a label, which has no value.
  std::vector<ValueId> add_variable(std::size_t index) {
    const SymbolNode& node = symbol_.nodes[index];
    if (const auto found = parameters_.find(node.name); found != parameters_.end() && !found->second.empty()) {
      return {graph_.constant(node.name, found->second)};
    }
    if (node.name == "label" || node.name.ends_with("_label")) {
      return {kNone};
    }
    constexpr std::size_t kMaxInputs = 1024;  // each is looked for in all nodes
    if (graph_.graph().inputs.size() >= kMaxInputs) {
      fail(ErrorCode::kUnsupported, "the symbol has more than {} inputs", kMaxInputs);
    }
    const Shape shape = input_shape(index);
    constexpr std::size_t kImageRank = 4;
    return {graph_.input(node.name, {DataType::kF32, shape}, shape.size() == kImageRank ? "NCHW" : "")};
  }

  /// The attribute __shape__, or what the first convolution or matrix product that reads it tells.
  Shape input_shape(std::size_t index) const {
    const SymbolNode& node = symbol_.nodes[index];
    importer::GraphBuilder none;  // attributes are read through a context
    if (node.attributes.contains("__shape__")) {
      const importer::Ints dims = NodeContext{node, none, {}}.list("__shape__");
      importer::Ints open = dims;
      std::ranges::replace(open, 0, kDynamic);
      return importer::checked_shape(open, "__shape__", true);
    }
    std::set<std::size_t> same = {index};  // nodes whose channels are the input's
    for (std::size_t i = index + 1; i < symbol_.nodes.size(); ++i) {
      const SymbolNode& reader = symbol_.nodes[i];
      if (reader.inputs.empty() || !same.contains(reader.inputs[0].node)) {
        continue;
      }
      const Shape weights = reader.inputs.size() > 1 ? parameter_shape(reader.inputs[1].node) : Shape();
      const NodeContext context{reader, none, {}};
      if (reader.op == "Convolution" && weights.size() == 4) {
        return {kDynamic, ops::multiply_extents(weights[1], context.integer("num_group", 1)), kDynamic, kDynamic};
      }
      if (reader.op == "FullyConnected" && weights.size() == 2) {
        return {kDynamic, weights[1]};
      }
      if (reader.op == "BatchNorm" && weights.size() == 1) {
        return {kDynamic, weights[0], kDynamic, kDynamic};
      }
      if (reader.op.ends_with("_scalar") || reader.op == "identity" || reader.op == "_copy") {
        same.insert(i);
      }
    }
    fail(ErrorCode::kUnsupported, "is no parameter, and what reads it does not tell its shape");
  }

  Shape parameter_shape(std::size_t index) const {
    const auto found = parameters_.find(symbol_.nodes[index].name);
    return found == parameters_.end() ? Shape() : found->second.shape();
  }

  std::vector<ValueId> add_operator(const SymbolNode& node) {
    NodeContext context{node, graph_, {}};
    for (const SymbolNode::Input& input : node.inputs) {
      context.inputs.push_back(value(input));
    }
    return find_converter(node.op)(context);
  }

  ValueId value(const SymbolNode::Input& input) const {
    const std::vector<ValueId>& outputs = values_[input.node];
    if (input.output >= outputs.size()) {
      fail(ErrorCode::kInvalidModel, "output {} of '{}', which has {}", input.output, symbol_.nodes[input.node].name,
           outputs.size());
    }
    return outputs[input.output];
  }

  const Symbol& symbol_;
  const Parameters& parameters_;
  importer::GraphBuilder graph_;
  std::vector<std::vector<ValueId>> values_;  ///< Outputs by node.
};

bool recognises(const std::filesystem::path& path, std::span<const std::byte> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  return path.extension() == ".json" && text.find("\"nodes\"") != std::string_view::npos;
}

std::vector<FrontendOperator> operators() {
  std::vector<FrontendOperator> list;
  for (const auto& [op, converter] : all_converters()) {
    list.push_back({op, ""});
  }
  return list;
}

Model read(const std::filesystem::path& path) {
  const auto json = MappedFile::open(path);
  const Symbol symbol = read_symbol(json->bytes());
  const std::filesystem::path parameters_path = find_parameters(path);
  Parameters parameters;
  std::shared_ptr<const MappedFile> file;
  if (!parameters_path.empty()) {
    file = MappedFile::open(parameters_path);
    parameters = read_parameters(file->bytes());
  }
  Model model;
  model.name = path.stem().string();
  model.path = path;
  model.format = "MXNet";
  model.hash = content_hash_of({json->path(), file == nullptr ? std::filesystem::path() : file->path()});
  model.graph = SymbolBuilder(symbol, parameters, json->bytes().size() + (file == nullptr ? 0 : file->bytes().size()))
                    .build(model.name);
  return model;
}

}  // namespace
}  // namespace mxnet

namespace frontends {
extern const Frontend mxnet;
const Frontend mxnet{.name = "MXNet",
                     .recognises = fovea::mxnet::recognises,
                     .read = fovea::mxnet::read,
                     .operators = fovea::mxnet::operators};
}  // namespace frontends

}  // namespace fovea
