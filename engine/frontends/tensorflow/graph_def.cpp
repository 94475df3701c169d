#include "engine/frontends/tensorflow/graph_def.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "engine/base/text.hpp"
#include "engine/frontends/common/protobuf.hpp"
#include "engine/frontends/tensorflow/tensors.hpp"

namespace fovea::tensorflow {
namespace {

/// More than any real model; a few nested functions could otherwise unfold without end.
constexpr std::size_t kMaxNodes = 200'000;
constexpr int kMaxCallDepth = 32;
constexpr std::size_t kMaxShownName = 200;
/// Bodies of functions are copied for each call.
constexpr std::uint64_t kMaxCopiedBytes = std::uint64_t{48} << 20U;

/// Unfolds calls of functions into plain nodes.
class Inliner {
 public:
  explicit Inliner(const FunctionDefLibrary& library) {
    for (const FunctionDef& function : library.function()) {
      functions_[function.signature().name()] = &function;
    }
  }

  /// \param nodes  Moved from.
  std::vector<NodeDef> run(google::protobuf::RepeatedPtrField<NodeDef>& nodes) {
    for (NodeDef& node : nodes) {
      add(std::move(node), "", {}, 0);
    }
    for (NodeDef& node : result_) {
      for (std::string& input : *node.mutable_input()) {
        input = resolved(input);
      }
    }
    return std::move(result_);
  }

  /// The tensor behind an output of an unfolded call.
  [[nodiscard]] std::string resolved(std::string tensor) const {
    constexpr int kMaxHops = 1000;  // calls that hand an argument on
    for (int hop = 0; hop < kMaxHops; ++hop) {
      const TensorName name = parse_tensor_name(tensor);
      const auto found = calls_.find(fmt::format("{}:{}", name.node, name.index));
      if (found == calls_.end()) {
        return tensor;
      }
      tensor = found->second;
    }
    fail(ErrorCode::kInvalidModel, "tensor '{}' goes through too many calls", tensor);
  }

 private:
  using Arguments = std::map<std::string, std::string>;  ///< Function argument → tensor outside.

  static std::string inner(const std::string& input, const std::string& prefix, const Arguments& arguments) {
    if (input.starts_with('^')) {
      return input;
    }
    const TensorName name = parse_tensor_name(input);
    if (const auto found = arguments.find(name.node); found != arguments.end()) {
      return found->second;
    }
    return fmt::format("{}{}:{}", prefix, name.node, name.index);
  }

  /// A node of a function under the names of one call.
  NodeDef renamed(const NodeDef& node, const std::string& prefix, const Arguments& arguments) {
    NodeDef copy = node;
    copy.set_name(prefix + node.name());
    for (std::string& input : *copy.mutable_input()) {
      input = inner(input, prefix, arguments);
    }
    copied_bytes_ += copy.SpaceUsedLong();
    if (copied_bytes_ > kMaxCopiedBytes) {
      fail(ErrorCode::kUnsupported, "node '{}': the bodies of called functions take more than {} bytes",
           copy.name().substr(0, kMaxShownName), kMaxCopiedBytes);
    }
    return copy;
  }

  void add(NodeDef copy, const std::string& prefix, const Arguments& arguments, int depth) {
    if (result_.size() > kMaxNodes) {
      fail(ErrorCode::kUnsupported, "the graph unfolds to more than {} nodes", kMaxNodes);
    }
    if (!prefix.empty()) {
      copy = renamed(copy, prefix, arguments);
    }
    const auto function = copy.op() == "PartitionedCall" || copy.op() == "StatefulPartitionedCall"
                              ? functions_.find(copy.attr().contains("f") ? copy.attr().at("f").func().name() : "")
                              : functions_.find(copy.op());
    if (function == functions_.end()) {
      result_.push_back(std::move(copy));
      return;
    }
    if (depth >= kMaxCallDepth) {
      fail(ErrorCode::kUnsupported, "functions call each other more than {} deep, at node '{}'", kMaxCallDepth,
           copy.name().substr(0, kMaxShownName));
    }
    unfold(copy, *function->second, depth);
  }

  void unfold(const NodeDef& call, const FunctionDef& function, int depth) {
    if (++unfolded_ > kMaxNodes) {  // calls of empty functions add no nodes
      fail(ErrorCode::kUnsupported, "the graph unfolds to more than {} calls", kMaxNodes);
    }
    Arguments arguments;
    for (int i = 0; i < function.signature().input_arg_size(); ++i) {
      if (i >= call.input_size()) {
        fail(ErrorCode::kInvalidModel, "node '{}' calls '{}' with {} of {} arguments", call.name(),
             function.signature().name(), call.input_size(), function.signature().input_arg_size());
      }
      arguments[function.signature().input_arg(i).name()] = call.input(i);
    }
    const std::string prefix = call.name() + "/";
    for (const NodeDef& node : function.node_def()) {
      add(node, prefix, arguments, depth + 1);
    }
    for (int i = 0; i < function.signature().output_arg_size(); ++i) {
      const auto found = function.ret().find(function.signature().output_arg(i).name());
      if (found != function.ret().end()) {
        calls_[fmt::format("{}:{}", call.name(), i)] = inner(found->second, prefix, arguments);
      }
    }
  }

  std::map<std::string, const FunctionDef*> functions_;
  std::vector<NodeDef> result_;
  std::map<std::string, std::string> calls_;  ///< Output of a call → tensor inside.
  std::size_t unfolded_ = 0;
  std::uint64_t copied_bytes_ = 0;
};

/// The signature to serve: "serving_default", or the first that is not of the loader.
const SignatureDef* serving_signature(const MetaGraphDef& meta) {
  if (const auto found = meta.signature_def().find("serving_default"); found != meta.signature_def().end()) {
    return &found->second;
  }
  for (const auto& [key, signature] : meta.signature_def()) {
    if (!key.starts_with("__")) {
      return &signature;
    }
  }
  return nullptr;
}

MetaGraphDef& serving_graph(SavedModel& model) {
  for (MetaGraphDef& meta : *model.mutable_meta_graphs()) {
    const auto& tags = meta.meta_info_def().tags();
    if (std::ranges::find(tags, "serve") != tags.end()) {
      return meta;
    }
  }
  if (model.meta_graphs().empty()) {
    fail(ErrorCode::kInvalidModel, "the SavedModel has no graph");
  }
  return *model.mutable_meta_graphs(0);
}

/// Map order is not fixed: ports come sorted by name.
std::vector<PortName> sorted_ports(const google::protobuf::Map<std::string, TensorInfo>& infos) {
  std::vector<PortName> ports;
  for (const auto& [name, info] : infos) {
    ports.push_back({name, info.name()});
  }
  std::ranges::sort(ports, {}, &PortName::name);
  return ports;
}

/// Nodes nobody reads, without those that compute nothing.
std::vector<PortName> sinks(const std::vector<NodeDef>& nodes) {
  std::set<std::string> read;
  for (const NodeDef& node : nodes) {
    for (const std::string& input : node.input()) {
      read.insert(parse_tensor_name(input).node);
    }
  }
  static const std::set<std::string> kNoResult = {"Const", "NoOp", "Placeholder", "Assert", "SaveV2", "RestoreV2"};
  std::vector<PortName> ports;
  for (const NodeDef& node : nodes) {
    if (!read.contains(node.name()) && !kNoResult.contains(node.op())) {
      ports.push_back({node.name(), node.name() + ":0"});
    }
  }
  return ports;
}

/// The integers of a Const node.
std::optional<std::vector<std::int64_t>> const_ints(const NodeDef* node) {
  if (node == nullptr || node->op() != "Const" || !node->attr().contains("value")) {
    return std::nullopt;
  }
  const TensorProto& value = node->attr().at("value").tensor();
  const std::string where = fmt::format("node '{}'", node->name());
  constexpr std::size_t kMostValues = 16;  // of blocks, pads and crops
  return element_count(to_shape(value.tensor_shape(), where)) > kMostValues
             ? std::nullopt
             : std::optional(to_ints(to_tensor(value, where).view()));
}

AttrValue int_list(const std::vector<std::int64_t>& values) {
  AttrValue attribute;
  for (const std::int64_t value : values) {
    attribute.mutable_list()->add_i(value);
  }
  return attribute;
}

std::string_view as_text(std::span<const std::byte> file) {
  return {reinterpret_cast<const char*>(file.data()), file.size()};
}

/// A SavedModel begins with its schema version, or without one with its graphs; a GraphDef with anything else.
bool is_saved_model(std::span<const std::byte> file, Encoding encoding) {
  constexpr std::byte kSchemaVersion{0x08};  // the field's number and kind
  if (encoding == Encoding::kBinary) {
    return !file.empty() && file[0] == kSchemaVersion;
  }
  const std::string_view text = trim(as_text(file));
  return text.starts_with("saved_model_schema_version") || text.starts_with("meta_graphs");
}

void parse(google::protobuf::Message& message, std::span<const std::byte> file, const std::string& name,
           Encoding encoding) {
  if (encoding == Encoding::kBinary) {
    importer::parse_binary(message, file, name);
    return;
  }
  // What writers add and nothing here reads.
  static constexpr std::array<std::string_view, 6> kQuiet = {"device", "versions", "experimental_debug_info",
                                                             "type",   "shape",    "meta_graph_version"};
  importer::parse_text(message, as_text(file), name, kQuiet);
}

}  // namespace

TensorName parse_tensor_name(const std::string& name) {
  if (name.starts_with('^')) {
    return {};
  }
  const std::size_t first = name.find(':');
  if (first == std::string::npos) {
    return {name, 0};
  }
  const std::size_t last = name.rfind(':');
  const std::int64_t index = parse_int(std::string_view(name).substr(last + 1)).value_or(0);
  constexpr std::int64_t kMostOutputs = 4096;
  if (index < 0 || index > kMostOutputs) {
    fail(ErrorCode::kInvalidModel, "tensor name '{}', expected an output up to {}", name, kMostOutputs);
  }
  return {name.substr(0, first), static_cast<int>(index)};
}

LoadedGraph load_graph(std::span<const std::byte> file, const std::string& name, Encoding encoding) {
  LoadedGraph graph;
  graph.bytes = file.size();
  graph.saved_model = is_saved_model(file, encoding);
  if (!graph.saved_model) {
    GraphDef definition;
    parse(definition, file, name, encoding);
    graph.nodes = Inliner(definition.library()).run(*definition.mutable_node());
    graph.outputs = sinks(graph.nodes);
    return graph;
  }
  SavedModel model;
  parse(model, file, name, encoding);
  MetaGraphDef& meta = serving_graph(model);
  const SignatureDef* signature = serving_signature(meta);
  if (signature == nullptr) {
    fail(ErrorCode::kInvalidModel, "{}: the SavedModel has no signature", name);
  }
  Inliner inliner(meta.graph_def().library());
  graph.nodes = inliner.run(*meta.mutable_graph_def()->mutable_node());
  graph.inputs = sorted_ports(signature->inputs());
  graph.outputs = sorted_ports(signature->outputs());
  for (PortName& port : graph.outputs) {
    port.tensor = inliner.resolved(port.tensor);
  }
  return graph;
}

void fold_dilated_convolutions(std::vector<NodeDef>& nodes) {
  std::map<std::string, NodeDef*> by_name;
  std::map<std::string, int> readers;
  for (NodeDef& node : nodes) {
    by_name[node.name()] = &node;
    for (const std::string& input : node.input()) {
      ++readers[parse_tensor_name(input).node];
    }
  }
  const auto input = [&](const NodeDef& node, int i) -> NodeDef* {
    const auto found = i < node.input_size() ? by_name.find(parse_tensor_name(node.input(i)).node) : by_name.end();
    return found == by_name.end() ? nullptr : found->second;
  };
  for (NodeDef& last : nodes) {
    NodeDef* const convolution = last.op() == "BatchToSpaceND" ? input(last, 0) : nullptr;
    if (convolution == nullptr || readers[convolution->name()] != 1 ||
        (convolution->op() != "Conv2D" && convolution->op() != "DepthwiseConv2dNative")) {
      continue;
    }
    NodeDef* const first = input(*convolution, 0);
    if (first == nullptr || first->op() != "SpaceToBatchND") {
      continue;
    }
    const auto block = const_ints(input(*first, 1));
    const auto pads = const_ints(input(*first, 2));
    const auto crops = const_ints(input(last, 2));
    const auto& attr = convolution->attr();
    const bool valid = attr.contains("padding") && attr.at("padding").s() == "VALID";
    const bool plain_strides =
        !attr.contains("strides") || std::ranges::all_of(attr.at("strides").list().i(), [](auto i) { return i == 1; });
    constexpr std::size_t kTwoAxes = 2;
    if (!block || !pads || !crops || block->size() != kTwoAxes || pads->size() != 2 * kTwoAxes ||
        crops->size() != 2 * kTwoAxes || const_ints(input(last, 1)) != block || !valid || !plain_strides) {
      continue;
    }
    // What is cropped behind the convolution need not be computed: less padding gives the same.
    std::vector<std::int64_t> left(4, 0);
    for (std::size_t i = 0; i < left.size(); ++i) {
      left[i] = (*pads)[i] - (*crops)[i];
    }
    if (std::ranges::any_of(left, [](std::int64_t pad) { return pad < 0; })) {
      continue;
    }
    auto& attributes = *convolution->mutable_attr();
    attributes["padding"].set_s("EXPLICIT");
    attributes["explicit_paddings"] = int_list({0, 0, left[0], left[1], left[2], left[3], 0, 0});
    attributes["dilations"] = int_list({1, (*block)[0], (*block)[1], 1});
    *convolution->mutable_input(0) = first->input(0);
    last.set_op("Identity");
    last.mutable_input()->DeleteSubrange(1, last.input_size() - 1);
  }
}

std::vector<std::size_t> sorted_nodes(const LoadedGraph& graph) {
  enum class State : std::uint8_t { kNew, kOpen, kDone };
  std::map<std::string, std::size_t, std::less<>> by_name;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    by_name[graph.nodes[i].name()] = i;
  }
  const auto find = [&](const std::string& tensor, std::string_view reader) {
    const auto found = by_name.find(parse_tensor_name(tensor).node);
    if (found == by_name.end()) {
      fail(ErrorCode::kInvalidModel, "'{}' reads '{}', which does not exist", reader, tensor);
    }
    return found->second;
  };
  std::vector<State> state(graph.nodes.size(), State::kNew);
  std::vector<std::size_t> order;
  std::vector<std::pair<std::size_t, int>> stack;  // node, next input
  for (const PortName& output : graph.outputs) {
    const std::size_t root = find(output.tensor, output.name);
    if (state[root] == State::kNew) {
      state[root] = State::kOpen;
      stack.emplace_back(root, 0);
    }
    while (!stack.empty()) {
      const std::size_t at = stack.back().first;
      const NodeDef& node = graph.nodes[at];
      if (stack.back().second == node.input_size()) {
        state[at] = State::kDone;
        order.push_back(at);
        stack.pop_back();
        continue;
      }
      const std::string& name = node.input(stack.back().second++);
      if (name.starts_with('^')) {
        continue;
      }
      const std::size_t next = find(name, node.name());
      if (state[next] == State::kOpen) {
        fail(ErrorCode::kInvalidModel, "the graph has a cycle through nodes '{}' and '{}'", node.name(),
             graph.nodes[next].name());
      }
      if (state[next] == State::kNew) {
        state[next] = State::kOpen;
        stack.emplace_back(next, 0);
      }
    }
  }
  return order;
}

}  // namespace fovea::tensorflow
