#include "engine/plugins/cpu/compiler.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "engine/ops/op_def.hpp"
#include "engine/runtime/memory_plan.hpp"

namespace fovea::cpu {

#define FOVEA_CPU_KERNEL(name) extern const KernelDef name##_kernel;
#include "engine/plugins/cpu/cpu_kernels.inc"
#undef FOVEA_CPU_KERNEL

std::span<const KernelDef* const> all_kernels() {
#define FOVEA_CPU_KERNEL(name) &name##_kernel,
  static constexpr std::array kAll = {
#include "engine/plugins/cpu/cpu_kernels.inc"
  };
#undef FOVEA_CPU_KERNEL
  return kAll;
}

bool layouts_coincide(const Shape& shape) {
  return shape.size() != 4 || shape[1] == 1 || (shape[2] == 1 && shape[3] == 1);
}

bool is_per_channel(const Shape& operand, const Shape& output) {
  if (element_count(operand) == 1) {
    return true;
  }
  if (operand.size() > output.size() || element_count(operand) != static_cast<std::size_t>(output[1])) {
    return false;
  }
  const std::size_t lead = output.size() - operand.size();
  return lead <= 1 && operand[1 - lead] == output[1];
}

std::size_t NodeContext::own_inputs() const {
  const auto operands = std::ranges::count_if(node.post_ops, [](const PostOp& op) { return op.operand != kNone; });
  return node.inputs.size() - static_cast<std::size_t>(operands);
}

bool NodeContext::has_bias() const {
  const auto& post_ops = node.post_ops;
  if (post_ops.empty() || post_ops[0].kind != PostOpKind::kAdd) {
    return false;
  }
  const Tensor* operand = constant(static_cast<std::size_t>(post_ops[0].operand));
  const Shape& shape = output().shape;
  if (operand == nullptr || operand->shape().size() > shape.size() || operand->shape().size() + 1 < shape.size()) {
    return false;
  }
  // [C,1,1] or [1,C,1,1]; the size alone would also take a row of C elements for a bias.
  Shape bias(operand->shape().size(), 1);
  bias[bias.size() + 1 - shape.size()] = shape[1];
  return operand->shape() == bias;
}

namespace {

std::string_view layout_name(Layout layout, const Shape& shape) {
  return layout == Layout::kChannelsLast ? "nhwc" : shape.size() == 4 ? "nchw" : "plain";
}

class Compiler {
 public:
  Compiler(const Graph& graph, int threads) : graph_(graph) { program_.threads = threads; }

  std::shared_ptr<const Program> compile() {
    for (const GraphPort& port : graph_.inputs) {
      program_.inputs.push_back(add_buffer(port.value, Layout::kPlain));
      program_.input_types.push_back(graph_.value(port.value).type);
    }
    for (const Node& node : graph_.nodes) {
      compile_node(node);
    }
    for (const GraphPort& port : graph_.outputs) {
      program_.outputs.push_back(buffer_in(port.value, Layout::kPlain));
      program_.output_types.push_back(graph_.value(port.value).type);
    }
    place_buffers();
    return std::make_shared<const Program>(std::move(program_));
  }

 private:
  [[nodiscard]] int step() const { return static_cast<int>(program_.steps.size()); }

  int add_buffer(ValueId value, Layout layout) {
    const int id = add_scratch(byte_size(graph_.value(value).type));
    buffers_[{value, layout}] = id;
    produced_.emplace(value, layout);
    return id;
  }

  int add_scratch(std::size_t bytes) {
    program_.buffers.push_back(
        {.bytes = std::max<std::size_t>(bytes, 1), .first = step(), .last = step(), .offset = 0, .constant = {}});
    return static_cast<int>(program_.buffers.size()) - 1;
  }

  [[nodiscard]] Layout produced_layout(ValueId value) const {
    const auto found = produced_.find(value);
    return found == produced_.end() ? Layout::kPlain : found->second;
  }

  /// The buffer of a value in a layout; adds a reorder step or converts a constant when it does not exist yet.
  int buffer_in(ValueId value, Layout layout) {
    const TensorType& type = graph_.value(value).type;
    if (const auto found = buffers_.find({value, layout}); found != buffers_.end()) {
      return touch(found->second);
    }
    if (graph_.is_constant(value)) {
      Tensor content = *graph_.constant(value);
      if (layout != Layout::kPlain && !layouts_coincide(type.shape)) {
        Tensor converted(type);
        bind_reorder(type.shape, Layout::kPlain, content.data<float>().data(), converted.data<float>().data())();
        content = std::move(converted);
      }
      program_.buffers.push_back(
          {.bytes = byte_size(type), .first = 0, .last = 0, .offset = 0, .constant = std::move(content)});
      return buffers_[{value, layout}] = static_cast<int>(program_.buffers.size()) - 1;
    }
    const Layout from = produced_layout(value);
    const int source = touch(buffers_.at({value, from}));
    if (layouts_coincide(type.shape)) {
      return buffers_[{value, layout}] = source;
    }
    if (type.data_type != DataType::kF32) {
      fail(ErrorCode::kInternal, "value '{}' of {} cannot change its layout", graph_.value(value).name,
           to_string(type));
    }
    const int target = add_buffer(value, layout);
    ProgramStep reorder;
    reorder.info = {.node = graph_.value(value).name,
                    .op = "Reorder",
                    .kernel = "reorder",
                    .output = fmt::format("{} {}", to_string(type), layout_name(layout, type.shape)),
                    .refusals = {}};
    reorder.inputs = {source};
    reorder.outputs = {target};
    const Shape shape = type.shape;
    reorder.plan.bind = [shape, from](const Bindings& b) {
      return bind_reorder(shape, from, b.input<float>(0), b.output<float>());
    };
    program_.steps.push_back(std::move(reorder));
    return target;
  }

  int touch(int buffer) {
    program_.buffers[static_cast<std::size_t>(buffer)].last = step();
    return buffer;
  }

  /// Asks the kernels in order; remembers why the better ones refused.
  KernelPlan choose_kernel(const NodeContext& context, std::vector<std::string>& refusals) {
    for (const KernelDef* kernel : all_kernels()) {
      if (!kernel->ops.empty() && std::ranges::find(kernel->ops, context.node.op->name) == kernel->ops.end()) {
        continue;
      }
      std::string refusal;
      if (auto plan = kernel->plan(context, refusal)) {
        return std::move(*plan);
      }
      if (!refusal.empty()) {
        refusals.push_back(fmt::format("{}: {}", kernel->name, refusal));
      }
    }
    fail(ErrorCode::kUnsupported, "node '{}' ({}): no kernel", context.node.name, context.node.op->name);
  }

  void compile_node(const Node& node) {
    std::vector<Layout> layouts;
    for (const ValueId input : node.inputs) {
      layouts.push_back(input == kNone ? Layout::kPlain : produced_layout(input));
    }
    const NodeContext context{graph_, node, layouts, program_.threads};
    ProgramStep compiled;
    compiled.plan = choose_kernel(context, compiled.info.refusals);
    compiled.info.node = node.name;
    compiled.info.op = node.op->name;
    compiled.info.kernel = compiled.plan.kernel;
    const TensorType& type = context.output();
    compiled.info.output = fmt::format("{} {}", to_string(type), layout_name(compiled.plan.outputs[0], type.shape));
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      compiled.inputs.push_back(node.inputs[i] == kNone ? -1 : buffer_in(node.inputs[i], compiled.plan.inputs[i]));
    }
    for (const int input : compiled.inputs) {
      if (input >= 0) {
        touch(input);  // reorders for later inputs moved the step on
      }
    }
    if (compiled.plan.alias) {
      const int source = compiled.inputs[*compiled.plan.alias];
      buffers_[{node.outputs[0], compiled.plan.outputs[0]}] = source;
      produced_.emplace(node.outputs[0], compiled.plan.outputs[0]);
      compiled.outputs = {source};
    } else {
      for (std::size_t i = 0; i < node.outputs.size(); ++i) {
        compiled.outputs.push_back(add_buffer(node.outputs[i], compiled.plan.outputs[i]));
      }
    }
    if (compiled.plan.scratch_bytes > 0) {
      compiled.scratch = add_scratch(compiled.plan.scratch_bytes);
    }
    const std::size_t done = compiled.plan.post_ops_done;
    const Layout layout = compiled.plan.outputs[0];
    program_.steps.push_back(std::move(compiled));
    if (done < node.post_ops.size()) {
      add_post_op_step(context, done, layout);
    }
  }

  void add_post_op_step(const NodeContext& context, std::size_t first, Layout layout) {
    ProgramStep rest;
    rest.plan = plan_post_ops(context, first, layout);
    rest.info = {
        .node = context.node.name,
        .op = "PostOps",
        .kernel = rest.plan.kernel,
        .output = fmt::format("{} {}", to_string(context.output()), layout_name(layout, context.output().shape)),
        .refusals = {}};
    for (std::size_t i = 0; i < context.node.inputs.size(); ++i) {
      const bool needed =
          std::any_of(context.node.post_ops.begin() + static_cast<std::ptrdiff_t>(first), context.node.post_ops.end(),
                      [&](const PostOp& op) { return op.operand == static_cast<int>(i); });
      rest.inputs.push_back(needed ? buffer_in(context.node.inputs[i], rest.plan.inputs[i]) : -1);
    }
    for (const int input : rest.inputs) {
      if (input >= 0) {
        touch(input);
      }
    }
    rest.outputs = {touch(buffers_.at({context.node.outputs[0], layout}))};
    if (rest.plan.scratch_bytes > 0) {
      rest.scratch = add_scratch(rest.plan.scratch_bytes);
    }
    program_.steps.push_back(std::move(rest));
  }

  void place_buffers() {
    const int end = step();
    // Inputs keep what the caller wrote between runs; outputs are read after the run.
    for (const int id : program_.inputs) {
      program_.buffers[static_cast<std::size_t>(id)].first = 0;
      program_.buffers[static_cast<std::size_t>(id)].last = end;
    }
    for (const int id : program_.outputs) {
      program_.buffers[static_cast<std::size_t>(id)].last = end;
    }
    std::vector<BufferUse> uses;
    std::vector<std::size_t> placed;
    for (std::size_t i = 0; i < program_.buffers.size(); ++i) {
      const Buffer& buffer = program_.buffers[i];
      if (buffer.constant.empty()) {
        uses.push_back({buffer.bytes, buffer.first, buffer.last});
        placed.push_back(i);
      }
    }
    const MemoryPlan plan = plan_memory(uses);
    for (std::size_t i = 0; i < placed.size(); ++i) {
      program_.buffers[placed[i]].offset = plan.offsets[i];
    }
    program_.arena_bytes = plan.arena_bytes;
    program_.arena_lower_bound_bytes = plan.lower_bound_bytes;
  }

  const Graph& graph_;
  Program program_;
  std::map<std::pair<ValueId, Layout>, int> buffers_;
  std::map<ValueId, Layout> produced_;  ///< The layout a value was computed in.
};

}  // namespace

std::shared_ptr<const Program> compile(const Graph& graph, int threads) { return Compiler(graph, threads).compile(); }

}  // namespace fovea::cpu
