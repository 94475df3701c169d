#include "engine/ops/graph_text.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shape_inference.hpp"
#include "engine/ops/string_source.hpp"

namespace fovea {
namespace {

constexpr std::size_t kMaxPrintedElements = 16;

struct PostOpName {
  PostOpKind kind;
  std::string_view name;
  int constants;  ///< How many of alpha, beta the formula uses.
};

constexpr std::array kPostOpNames = {
    PostOpName{PostOpKind::kRelu, "relu", 1},
    PostOpName{PostOpKind::kElu, "elu", 1},
    PostOpName{PostOpKind::kClamp, "clamp", 2},
    PostOpName{PostOpKind::kSigmoid, "sigmoid", 0},
    PostOpName{PostOpKind::kTanh, "tanh", 0},
    PostOpName{PostOpKind::kExp, "exp", 0},
    PostOpName{PostOpKind::kAbs, "abs", 0},
    PostOpName{PostOpKind::kSqrt, "sqrt", 0},
    PostOpName{PostOpKind::kSwish, "swish", 1},
    PostOpName{PostOpKind::kHSwish, "hswish", 0},
    PostOpName{PostOpKind::kHSigmoid, "hsigmoid", 2},
    PostOpName{PostOpKind::kMish, "mish", 0},
    PostOpName{PostOpKind::kSoftPlus, "softplus", 0},
    PostOpName{PostOpKind::kGeluErf, "gelu_erf", 0},
    PostOpName{PostOpKind::kGeluTanh, "gelu_tanh", 0},
    PostOpName{PostOpKind::kLinear, "linear", 2},
    PostOpName{PostOpKind::kAdd, "add", 0},
    PostOpName{PostOpKind::kMultiply, "multiply", 0},
    PostOpName{PostOpKind::kPRelu, "prelu", 0},
};

const PostOpName& name_of(PostOpKind kind) { return *std::ranges::find(kPostOpNames, kind, &PostOpName::kind); }

class Printer {
 public:
  explicit Printer(const Graph& graph) : graph_(graph) {}

  std::string print() {
    for (const Node& node : graph_.nodes) {
      print_node(node);
    }
    out_ << "->";
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      out_ << (i == 0 ? " " : ", ");
      print_value(graph_.outputs[i].value);
    }
    out_ << '\n';
    return out_.str();
  }

 private:
  void print_value(ValueId id) {
    if (id == kNone) {
      out_ << '_';
      return;
    }
    const Value& value = graph_.value(id);
    out_ << value.name;
    if (value.producer != kNone || !declared_.insert(id).second) {
      return;
    }
    out_ << ": " << to_string(value.type);
    if (!value.constant) {
      return;
    }
    if (value.constant->size() > kMaxPrintedElements) {
      out_ << "{…}";
      return;
    }
    out_ << '{';
    const std::vector<double> numbers = to_doubles(value.constant->view());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      out_ << (i == 0 ? "" : ",") << fmt::format("{}", numbers[i]);
    }
    out_ << '}';
  }

  void print_node(const Node& node) {
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      out_ << (i == 0 ? "" : ", ");
      print_value(node.outputs[i]);
    }
    out_ << " = " << node.op->name << '(';
    bool first = true;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (std::ranges::any_of(node.post_ops, [&](const PostOp& op) { return op.operand == static_cast<int>(i); })) {
        continue;
      }
      out_ << (first ? "" : ", ");
      first = false;
      print_value(node.inputs[i]);
    }
    out_ << ')';
    if (node.attributes.has_value()) {
      node.op->attributes.print(out_, node.attributes);
    }
    for (const PostOp& op : node.post_ops) {
      const PostOpName& name = name_of(op.kind);
      out_ << " | " << name.name;
      if (op.operand != kNone) {
        out_ << '(';
        print_value(node.inputs[static_cast<std::size_t>(op.operand)]);
        out_ << ')';
      } else if (name.constants > 0 && !(op.kind == PostOpKind::kRelu && op.alpha == 0)) {
        out_ << (name.constants == 1 ? fmt::format("({})", op.alpha) : fmt::format("({},{})", op.alpha, op.beta));
      }
    }
    out_ << '\n';
  }

  const Graph& graph_;
  std::ostringstream out_;
  std::set<ValueId> declared_;
};

/// Reads the text form, one line at a time.
class Parser {
 public:
  Graph parse(std::string_view text) {
    std::istringstream lines{std::string(text)};
    std::string line;
    for (line_ = 1; std::getline(lines, line); ++line_) {
      rest_ = trim(line);
      if (rest_.empty() || rest_.starts_with('#')) {
        continue;
      }
      try {
        if (accept("->")) {
          parse_outputs();
        } else {
          parse_node();
        }
      } catch (const Error& error) {
        throw error.with_context(fmt::format("line {}", line_));
      }
    }
    infer_shapes(graph_);
    if (graph_.outputs.empty()) {
      const std::vector<int> uses = graph_.use_counts();
      for (std::size_t i = 0; i < graph_.values.size(); ++i) {
        if (uses[i] == 0 && graph_.values[i].producer != kNone) {
          graph_.add_output(static_cast<ValueId>(i), graph_.values[i].name);
        }
      }
    }
    verify(graph_);
    return std::move(graph_);
  }

 private:
  [[noreturn]] void expected(std::string_view what) {
    fail(ErrorCode::kInvalidModel, "expected {} at '{}'", what, rest_.substr(0, 40));
  }

  bool accept(std::string_view token) {
    rest_ = trim(rest_);
    if (!rest_.starts_with(token)) {
      return false;
    }
    rest_ = trim(rest_.substr(token.size()));
    return true;
  }

  void expect(std::string_view token) {
    if (!accept(token)) {
      expected(fmt::format("'{}'", token));
    }
  }

  std::string_view word(std::string_view what, std::string_view stop = " \t,(){}[]:=|") {
    rest_ = trim(rest_);
    const std::string_view result = rest_.substr(0, std::min(rest_.find_first_of(stop), rest_.size()));
    if (result.empty()) {
      expected(what);
    }
    rest_.remove_prefix(result.size());
    return result;
  }

  std::string_view until(char close) {
    const auto end = rest_.find(close);
    if (end == std::string_view::npos) {
      expected(fmt::format("'{}'", close));
    }
    const std::string_view inside = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return inside;
  }

  TensorType parse_type() {
    const std::string_view type_name = word("an element type");
    const auto data_type = parse_data_type(type_name);
    if (!data_type) {
      fail(ErrorCode::kInvalidModel, "'{}' is no element type", type_name);
    }
    expect("[");
    TensorType type{*data_type, {}};
    for (const std::string& extent : split(until(']'), ',')) {
      const auto number = extent == "?" ? std::optional<std::int64_t>(kDynamic) : parse_int(extent);
      if (!number) {
        fail(ErrorCode::kInvalidModel, "'{}' is no extent", extent);
      }
      type.shape.push_back(*number);
    }
    return type;
  }

  ValueId parse_value() {
    const std::string name(word("a value"));
    if (name == "_") {
      return kNone;
    }
    if (const auto known = ids_.find(name); known != ids_.end()) {
      return known->second;
    }
    if (!accept(":")) {
      fail(ErrorCode::kInvalidModel, "value '{}' has no producer and no type", name);
    }
    const TensorType type = parse_type();
    if (!rest_.starts_with('{')) {
      return ids_[name] = graph_.add_input(name, type);
    }
    rest_.remove_prefix(1);
    std::vector<double> numbers;
    for (const std::string& number : split(until('}'), ',')) {
      const auto value = number == "…" ? std::optional(0.0) : parse_double(number);  // …: a large constant, printed
      if (!value) {
        fail(ErrorCode::kInvalidModel, "'{}' is no number", number);
      }
      numbers.push_back(*value);
    }
    Tensor tensor(type);
    if (numbers.size() == 1) {
      numbers.resize(tensor.size(), numbers[0]);  // {0.5} fills any shape
    }
    if (numbers.size() != tensor.size()) {
      fail(ErrorCode::kInvalidModel, "constant '{}' of {} has {} values", name, to_string(type), numbers.size());
    }
    store(tensor.mutable_view(), numbers);
    return ids_[name] = graph_.add_constant(name, tensor);
  }

  void parse_post_op(Node& node) {
    const std::string_view name = word("a post-op");
    const auto* const entry = std::ranges::find(kPostOpNames, name, &PostOpName::name);
    if (entry == kPostOpNames.end()) {
      fail(ErrorCode::kInvalidModel, "unknown post-op '{}'", name);
    }
    PostOp op{.kind = entry->kind};
    const bool binary =
        op.kind == PostOpKind::kAdd || op.kind == PostOpKind::kMultiply || op.kind == PostOpKind::kPRelu;
    if (accept("(")) {
      if (binary) {
        op.operand = static_cast<int>(node.inputs.size());
        node.inputs.push_back(parse_value());
        expect(")");
      } else {
        const std::vector<std::string> numbers = split(until(')'), ',');
        op.alpha = numbers.empty() ? 0 : static_cast<float>(parse_double(numbers[0]).value_or(0));
        op.beta = numbers.size() < 2 ? 0 : static_cast<float>(parse_double(numbers[1]).value_or(0));
      }
    }
    node.post_ops.push_back(op);
  }

  void parse_node() {
    std::vector<std::string> names;
    do {
      names.emplace_back(word("a name"));
    } while (accept(","));
    expect("=");
    const std::string_view op_name = word("an operator");
    Node node;
    node.op = find_op(op_name);
    node.name = names[0];
    if (node.op == nullptr) {
      fail(ErrorCode::kInvalidModel, "unknown operator '{}'", op_name);
    }
    expect("(");
    while (!accept(")")) {
      node.inputs.push_back(parse_value());
      if (!rest_.starts_with(')')) {
        expect(",");
      }
    }
    StringSource source(fmt::format("node '{}' ({})", node.name, op_name), 99);  // 99: the newest meaning
    while (!trim(rest_).empty() && !trim(rest_).starts_with('|')) {
      const std::string_view attribute = word("an attribute");
      expect("=");
      source.set(attribute, rest_.starts_with(' ') || rest_.empty() ? "" : word("a value", " \t|"));
    }
    if (node.op->attributes.read != nullptr) {
      node.attributes = node.op->attributes.read(source);
    }
    while (accept("|")) {
      parse_post_op(node);
    }
    const NodeId id = graph_.add_node(std::move(node), std::vector<TensorType>(names.size()));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const ValueId output = graph_.node(id).outputs[i];
      graph_.value(output).name = names[i];
      if (!ids_.emplace(names[i], output).second) {
        fail(ErrorCode::kInvalidModel, "'{}' is computed twice", names[i]);
      }
    }
  }

  void parse_outputs() {
    do {
      const ValueId id = parse_value();
      graph_.add_output(id, graph_.value(id).name);
    } while (accept(","));
  }

  Graph graph_;
  std::map<std::string, ValueId, std::less<>> ids_;
  std::string_view rest_;
  int line_ = 0;
};

}  // namespace

std::string to_text(const Graph& graph) { return Printer(graph).print(); }

Graph parse_graph(std::string_view text) { return Parser().parse(text); }

}  // namespace fovea
