#include "tools/convert/preprocessing.hpp"

#include <algorithm>

#include "engine/graph/model.hpp"
#include "engine/ops/shape_inference.hpp"
#include "engine/passes/edit.hpp"
#include "tools/convert/arguments.hpp"

namespace fovea::tools {
namespace {

/// The axis of the channels: where the layout says, else the last one of a picture that can only be channels last,
/// else 1.
std::size_t channel_axis(const GraphPort& port, const Shape& shape) {
  if (const std::size_t c = port.layout.find('C'); c != std::string::npos && c < shape.size()) {
    return c;
  }
  const auto picture = [](std::int64_t extent) { return extent == 1 || extent == 3; };
  return port.layout.empty() && shape.size() == 4 && !picture(shape[1]) && picture(shape[3]) ? 3 : 1;
}

/// What reads the input reads the node behind it instead.
ValueId put_behind_input(Graph& graph, const GraphPort& port, ValueId previous, std::string_view op,
                         const std::string& name, std::vector<ValueId> operands, TensorType type) {
  operands.insert(operands.begin(), previous);
  const ValueId result = append_node(graph, op, port.name + "/" + name, {}, std::move(type));
  graph.replace_uses(previous, result);
  graph.nodes.back().inputs = std::move(operands);
  return result;
}

struct PerInput {
  std::size_t port = 0;
  std::vector<double> values;
};

/// The values of `--mean-values` for each input they are meant for: by name, or in the order of the inputs.
std::vector<PerInput> values_by_input(const Graph& graph, std::string_view text, std::string_view option) {
  std::vector<PerInput> result;
  const std::vector<PortArgument> arguments =
      text.empty() ? std::vector<PortArgument>() : parse_port_arguments(text, option);
  for (const PortArgument& argument : arguments) {
    std::size_t port = result.size();
    if (!argument.name.empty() && argument.list) {
      port = find_port(graph.inputs, argument.name, "input");
    }
    // `--scale-values 255` is a value without brackets.
    const std::vector<double> values =
        numbers_of(argument.list ? *argument.list : std::vector<std::string>{argument.name}, option);
    if (port >= graph.inputs.size()) {
      fail(ErrorCode::kInvalidArgument, "{}: {} lists for {} inputs", option, arguments.size(), graph.inputs.size());
    }
    result.push_back({port, values});
  }
  return result;
}

/// [1,C,1,1], [1,1,1,C] or the like.
Tensor along_channels(const GraphPort& port, const TensorType& type, const std::vector<double>& values,
                      std::string_view option) {
  const std::size_t axis = channel_axis(port, type.shape);
  if (!is_float(type.data_type) || type.shape.size() < 2) {
    fail(ErrorCode::kInvalidArgument, "{}: input '{}' is {}, expected floating-point numbers with channels", option,
         port.name, to_string(type));
  }
  const std::int64_t channels = type.shape[axis];
  if (values.size() != 1 && static_cast<std::int64_t>(values.size()) != channels) {
    fail(ErrorCode::kInvalidArgument, "{}: {} values for input '{}' of {}, whose axis {} has {} channels", option,
         values.size(), port.name, to_string(type), axis, channels == kDynamic ? "?" : std::to_string(channels));
  }
  Shape shape(type.shape.size(), 1);
  shape[axis] = static_cast<std::int64_t>(values.size());
  return Tensor::of(shape, values).cast(type.data_type);
}

class Channels {
 public:
  Channels(Graph& graph, std::vector<std::string>& changes) : graph_(graph), changes_(changes), last_() {
    for (const GraphPort& port : graph.inputs) {
      last_.push_back(port.value);
    }
  }

  void reverse() {
    bool any = false;
    for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
      const GraphPort& port = graph_.inputs[i];
      const TensorType type = graph_.value(port.value).type;
      const std::size_t axis = channel_axis(port, type.shape);
      if (type.shape.size() < 3 || type.shape[axis] != 3) {
        continue;
      }
      const ValueId order =
          add_named_constant(graph_, port.name + "/channel_order", Tensor::of<std::int64_t>({3}, {2, 1, 0}));
      const ValueId along =
          add_named_constant(graph_, port.name + "/channel_axis", Tensor::scalar(static_cast<std::int64_t>(axis)));
      add(i, "Gather", "reverse_channels", "channel reversal", {order, along});
      any = true;
    }
    if (!any) {
      fail(ErrorCode::kInvalidArgument, "--reverse-input-channels: no input has 3 channels");
    }
  }

  void subtract(const std::vector<PerInput>& means) {
    for (const PerInput& mean : means) {
      std::vector<double> negative = mean.values;
      std::ranges::transform(negative, negative.begin(), std::negate<>());
      add(mean.port, "Add", "mean", "mean", {constant(mean.port, negative, "--mean-values", "/mean_values")});
    }
  }

  void divide(const std::vector<PerInput>& scales) {
    for (const PerInput& scale : scales) {
      std::vector<double> inverse;
      for (const double value : scale.values) {
        if (value == 0) {
          fail(ErrorCode::kInvalidArgument, "--scale-values: 0 for input '{}'; inputs are divided by them",
               graph_.inputs[scale.port].name);
        }
        inverse.push_back(1 / value);
      }
      add(scale.port, "Multiply", "scale", "scale", {constant(scale.port, inverse, "--scale-values", "/scale_values")});
    }
  }

  std::vector<AddedNode> finish() {
    restore_order(graph_);
    return std::move(added_);
  }

 private:
  ValueId constant(std::size_t port, const std::vector<double>& values, std::string_view option,
                   const std::string& name) {
    const GraphPort& input = graph_.inputs[port];
    Tensor tensor = along_channels(input, graph_.value(input.value).type, values, option);
    return add_named_constant(graph_, input.name + name, std::move(tensor));
  }

  void add(std::size_t port, std::string_view op, const std::string& name, const std::string& what,
           std::vector<ValueId> operands) {
    const GraphPort& input = graph_.inputs[port];
    last_[port] =
        put_behind_input(graph_, input, last_[port], op, name, std::move(operands), graph_.value(input.value).type);
    added_.push_back({input.name, graph_.value(last_[port]).name, std::string(op), what});
    changes_.push_back(fmt::format("input '{}': {} added", input.name, what));
  }

  Graph& graph_;
  std::vector<std::string>& changes_;
  std::vector<ValueId> last_;  ///< What stands behind each input so far.
  std::vector<AddedNode> added_;
};

ValueId order_constant(Graph& graph, const std::string& name, std::string_view from, std::string_view to) {
  std::vector<std::int64_t> order;
  for (const char axis : to) {
    order.push_back(static_cast<std::int64_t>(from.find(axis)));
  }
  return add_named_constant(graph, name + "/layout", Tensor::of({static_cast<std::int64_t>(order.size())}, order));
}

Shape reordered(const Shape& shape, std::string_view from, std::string_view to) {
  Shape result;
  for (const char axis : to) {
    result.push_back(shape[from.find(axis)]);
  }
  return result;
}

void check_rank(const LayoutArgument& layout, const GraphPort& port, const Shape& shape) {
  if (shape.size() != layout.from.size()) {
    fail(ErrorCode::kInvalidArgument, "--layout: '{}' for '{}' of {}, which has {} axes", layout.from, port.name,
         to_string(shape), shape.size());
  }
}

void change_input(Graph& graph, GraphPort& port, const LayoutArgument& layout) {
  const TensorType inside = graph.value(port.value).type;
  graph.value(port.value).type.shape = reordered(inside.shape, layout.from, layout.to);
  const ValueId order = order_constant(graph, port.name, layout.to, layout.from);
  put_behind_input(graph, port, port.value, "Transpose", "layout", {order}, inside);
}

void change_output(Graph& graph, GraphPort& port, const LayoutArgument& layout) {
  TensorType outside = graph.value(port.value).type;
  outside.shape = reordered(outside.shape, layout.from, layout.to);
  const ValueId order = order_constant(graph, port.name, layout.from, layout.to);
  port.value = append_node(graph, "Transpose", port.name + "/layout", {port.value, order}, outside);
}

}  // namespace

void apply_layouts(Graph& graph, std::string_view text, std::vector<std::string>& changes) {
  for (const LayoutArgument& layout : parse_layouts(text)) {
    const bool is_output_name = !layout.name.empty() && std::ranges::any_of(graph.outputs, [&](const GraphPort& port) {
      return port.name == layout.name || std::ranges::find(port.aliases, layout.name) != port.aliases.end();
    });
    auto& ports = is_output_name ? graph.outputs : graph.inputs;
    GraphPort& port = ports[find_port(ports, layout.name, is_output_name ? "output" : "input")];
    check_rank(layout, port, graph.value(port.value).type.shape);
    if (layout.from != layout.to) {
      (is_output_name ? change_output : change_input)(graph, port, layout);
      changes.push_back(fmt::format("{} '{}': layout {} instead of {}", is_output_name ? "output" : "input", port.name,
                                    layout.to, layout.from));
    }
    port.layout = layout.to;
  }
  restore_order(graph);
}

std::vector<AddedNode> apply_channels(Graph& graph, std::string_view means, std::string_view scales, bool reverse,
                                      std::vector<std::string>& changes) {
  Channels channels(graph, changes);
  const std::vector<PerInput> mean = values_by_input(graph, means, "--mean-values");
  const std::vector<PerInput> scale = values_by_input(graph, scales, "--scale-values");
  if (reverse) {
    channels.reverse();
  }
  channels.subtract(mean);
  channels.divide(scale);
  return channels.finish();
}

}  // namespace fovea::tools
