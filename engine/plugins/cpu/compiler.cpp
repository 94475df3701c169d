#include "engine/plugins/cpu/compiler.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "engine/ops/op_def.hpp"
#include "engine/plugins/cpu/byte_matrix.hpp"
#include "engine/plugins/cpu/joints.hpp"
#include "engine/plugins/cpu/pieces.hpp"
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

bool NodeContext::is_result() const {
  return std::ranges::find(graph.outputs, node.outputs[0], &GraphPort::value) != graph.outputs.end();
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

/// "bf16[1,8,4,4] nhwc".
std::string form_text(TensorType type, Form form) {
  type.data_type = type.data_type == DataType::kF32 ? form.stored : type.data_type;
  const bool last = form.layout == Layout::kChannelsLast;
  return fmt::format("{} {}", to_string(type), last ? "nhwc" : type.shape.size() == 4 ? "nchw" : "plain");
}

/// Lets go of weights when the last node that packs them is planned: from then on their packed form is all there is.
class WeightUses {
 public:
  explicit WeightUses(const Graph& graph) : left_(graph.values.size(), 0) {
    const std::vector<int> uses = graph.use_counts();
    for (const Node& node : graph.nodes) {
      if (packs(node)) {
        ++left_[index(node.inputs[1])];
      }
    }
    for (std::size_t i = 0; i < left_.size(); ++i) {
      // Whatever else reads a constant may look at it later.
      left_[i] = left_[i] == uses[i] ? left_[i] : 0;
    }
  }

  void let_go(Graph& graph, const Node& node) {
    if (packs(node) && graph.is_constant(node.inputs[1]) && left_[index(node.inputs[1])] > 0 &&
        --left_[index(node.inputs[1])] == 0) {
      graph.value(node.inputs[1]).constant = Tensor();
    }
  }

 private:
  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

  static bool packs(const Node& node) {
    static constexpr std::array<std::string_view, 5> kOps = {
        "Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData", "MatMul"};
    return std::ranges::find(kOps, node.op->name) != kOps.end();
  }

  std::vector<int> left_;  ///< By value: nodes that pack it and are not planned yet; 0 for all others.
};

bool is_in(const std::vector<std::size_t>& list, std::size_t value) {
  return std::ranges::find(list, value) != list.end();
}

class Compiler {
 public:
  Compiler(Graph graph, std::unique_ptr<Packing> packing, const CompileOptions& options)
      : graph_(std::move(graph)), options_(options), weights_(graph_) {
    program_.threads = options.threads;
    program_.lanes = options.lanes;
    program_.packing = std::move(packing);
  }

  std::shared_ptr<const Program> compile() {
    for (const GraphPort& port : graph_.inputs) {
      program_.inputs.push_back(add_buffer(port.value, Layout::kPlain));
      program_.input_types.push_back(graph_.value(port.value).type);
    }
    find_quantisers();
    if (!options_.bf16 && quantisers_.empty()) {
      joints_ = find_joints(graph_);
      for (const auto& [node, joint] : joints_) {
        absorbed_.insert(joint.before);
      }
    }
    for (const Node& node : graph_.nodes) {
      if (absorbed_.contains(&node)) {
        continue;
      }
      compile_node(node);
      weights_.let_go(graph_, node);
      if (const auto joint = joints_.find(&node); joint != joints_.end() && joint->second.before != nullptr) {
        weights_.let_go(graph_, *joint->second.before);
      }
    }
    for (const GraphPort& port : graph_.outputs) {
      program_.outputs.push_back(buffer_in(port.value, Layout::kPlain));
      program_.output_types.push_back(graph_.value(port.value).type);
    }
    place_buffers();
    program_.packing->finish();
    return std::make_shared<const Program>(std::move(program_));
  }

 private:
  [[nodiscard]] int step() const { return static_cast<int>(program_.steps.size()); }

  int add_buffer(ValueId value, Form form) {
    form = normal_form(value, form);
    const int id = add_scratch(stored_bytes(value, form));
    program_.buffers.back().pitch = pitch(value, form);
    buffers_[{value, form}] = id;
    produced_.emplace(value, form);
    return id;
  }

  /// Only f32 values have a choice of how they are stored.
  [[nodiscard]] Form normal_form(ValueId value, Form form) const {
    return graph_.value(value).type.data_type == DataType::kF32 ? form : Form(form.layout);
  }

  /// Bytes from pixel to pixel where the value lies channels last.
  [[nodiscard]] std::size_t pitch(ValueId value, const Form& form) const {
    const TensorType& type = graph_.value(value).type;
    const bool last = form.layout == Layout::kChannelsLast || layouts_coincide(type.shape);
    return type.shape.size() == 4 && last ? static_cast<std::size_t>(type.shape[1]) * size_of(form.stored) : 0;
  }

  [[nodiscard]] std::size_t stored_bytes(ValueId value, Form form) const {
    const TensorType& type = graph_.value(value).type;
    return type.data_type == DataType::kF32 ? element_count(type.shape) * size_of(form.stored) : byte_size(type);
  }

  int add_scratch(std::size_t bytes) {
    program_.buffers.push_back(
        {.bytes = std::max<std::size_t>(bytes, 1), .first = step(), .last = step(), .offset = 0, .constant = {}});
    return static_cast<int>(program_.buffers.size()) - 1;
  }

  [[nodiscard]] Form produced_form(ValueId value) const {
    const auto found = produced_.find(value);
    return found == produced_.end() ? Form() : found->second;
  }

  /// The buffer of a value in a form; adds a reorder step or converts a constant when it does not exist yet.
  int buffer_in(ValueId value, Form form) {
    const TensorType& type = graph_.value(value).type;
    form = normal_form(value, form);
    if (const auto found = buffers_.find({value, form}); found != buffers_.end()) {
      return touch(found->second);
    }
    if (graph_.is_constant(value)) {
      return add_constant(value, form);
    }
    const Form from = produced_form(value);
    if (from.stored == DataType::kU8 && form.stored != DataType::kU8 &&
        (form.stored != DataType::kF32 || (from.layout != form.layout && !layouts_coincide(type.shape)))) {
      // By way of bytes in the other layout, or of f32 on the way to bf16.
      buffer_in(value, form.stored == DataType::kF32 ? Form(form.layout, from.steps) : Form(from.layout));
      return buffer_from(value, form.stored == DataType::kF32 ? Form(form.layout, from.steps) : Form(from.layout),
                         form);
    }
    return buffer_from(value, from, form);
  }

  /// As buffer_in, from an existing buffer; the forms differ in layout or in storage, but u8 and f32 in storage only.
  int buffer_from(ValueId value, const Form& from, const Form& form) {
    const TensorType& type = graph_.value(value).type;
    const int source = touch(buffers_.at({value, from}));
    if (from.stored == form.stored && from.steps == form.steps && layouts_coincide(type.shape)) {
      return buffers_[{value, form}] = source;
    }
    if (type.data_type != DataType::kF32) {
      fail(ErrorCode::kInternal, "value '{}' of {} cannot change its layout", graph_.value(value).name,
           to_string(type));
    }
    const int target = add_buffer(value, form);
    ProgramStep reorder;
    reorder.info = {.node = graph_.value(value).name,
                    .op = "Reorder",
                    .kernel = "reorder",
                    .output = form_text(type, form),
                    .refusals = {}};
    reorder.inputs = {touch(source)};
    reorder.outputs = {target};
    const Shape shape = type.shape;
    if (from.stored == DataType::kF32 && form.stored == DataType::kF32) {
      reorder.plan.bind = [shape, layout = from.layout](const Bindings& b) {
        return bind_reorder(shape, layout, b.input<float>(0), b.output<float>());
      };
    } else if (from.stored == DataType::kU8 && form.stored == DataType::kF32) {
      reorder.plan.bind = [shape, from](const Bindings& b) {
        return bind_steps_to_floats(shape, from, b.input<std::uint8_t>(0), b.output<float>());
      };
    } else if (from.stored == DataType::kU8 && form.stored == DataType::kU8) {
      reorder.plan.bind = [shape, layout = from.layout](const Bindings& b) {
        return bind_byte_reorder(shape, layout, b.input<std::uint8_t>(0), b.output<std::uint8_t>());
      };
    } else {
      reorder.plan.bind = plan_conversion(shape, from, form, options_.threads);
    }
    program_.steps.push_back(std::move(reorder));
    return target;
  }

  int add_constant(ValueId value, Form form) {
    const TensorType& type = graph_.value(value).type;
    Tensor content = *graph_.constant(value);
    if (form.layout != Layout::kPlain && !layouts_coincide(type.shape)) {
      Tensor converted(type);
      Team alone(WorkPool::of_process(), 1);
      bind_reorder(type.shape, Layout::kPlain, content.data<float>().data(), converted.data<float>().data())(alone);
      content = std::move(converted);
    }
    if (form.stored == DataType::kBF16) {
      content = content.cast(DataType::kBF16);
    }
    program_.buffers.push_back(
        {.bytes = byte_size(content.type()), .first = 0, .last = 0, .offset = 0, .constant = {}});
    program_.buffers.back().pitch = pitch(value, form);
    program_.buffers.back().constant = std::move(content);
    return buffers_[{value, form}] = static_cast<int>(program_.buffers.size()) - 1;
  }

  void find_quantisers() {
    const std::vector<int> uses = graph_.use_counts();
    for (const Node& node : graph_.nodes) {
      if (!options_.int8 || node.op->name != "FakeQuantize") {
        continue;
      }
      if (auto quantiser = quantiser_of(graph_, node)) {
        quantisers_.emplace(&node, std::move(*quantiser));
        if (uses[static_cast<std::size_t>(node.inputs[0])] == 1) {
          only_readers_.emplace(node.inputs[0], &node);
        }
      }
    }
  }

  /// The FakeQuantize that alone reads the node's result, or nullptr.
  [[nodiscard]] const Node* quantiser_behind(const Node& node) const {
    const auto found = only_readers_.find(node.outputs[0]);
    return found == only_readers_.end() ? nullptr : found->second;
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

  /// What the step of a node reads: inputs of the node before it, where one is computed in the same step, then its own
  /// but for that node's result.
  std::vector<ValueId> inputs_of(const Node& node, const Joint& joint) const {
    std::vector<ValueId> inputs;
    if (joint.before != nullptr) {
      inputs = joint.before->inputs;
    }
    for (const ValueId input : node.inputs) {
      inputs.push_back(joint.before != nullptr && input == joint.before->outputs[0] ? kNone : input);
    }
    return inputs;
  }

  void compile_node(const Node& node) {
    std::vector<Form> forms;
    for (const ValueId input : node.inputs) {
      forms.push_back(input == kNone ? Form() : produced_form(input));
    }
    const Node* const behind = quantisers_.contains(&node) ? nullptr : quantiser_behind(node);
    const auto quantiser = quantisers_.find(behind != nullptr ? behind : &node);
    const auto found = joints_.find(&node);
    const Joint joint = found == joints_.end() ? Joint() : found->second;
    const NodeContext context{graph_,
                              node,
                              forms,
                              options_.threads,
                              options_.bf16,
                              quantiser == quantisers_.end() ? nullptr : &quantiser->second,
                              program_.packing.get(),
                              joint.before,
                              joint.mean != nullptr};
    ProgramStep compiled;
    compiled.plan = choose_kernel(context, compiled.info.refusals);
    compiled.info.node = node.name;
    compiled.info.op = node.op->name;
    compiled.info.kernel = compiled.plan.kernel;
    compiled.info.output = form_text(context.output(), compiled.plan.outputs[0]);
    const std::vector<ValueId> inputs = inputs_of(node, joint);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const bool read = inputs[i] != kNone && !is_in(compiled.plan.packed, i);
      compiled.inputs.push_back(read ? buffer_in(inputs[i], compiled.plan.inputs[i]) : -1);
    }
    for (const int input : compiled.inputs) {
      if (input >= 0) {
        touch(input);  // reorders for later inputs moved the step on
      }
    }
    if (compiled.plan.alias) {
      const int source = compiled.inputs[*compiled.plan.alias];
      const Form form = normal_form(node.outputs[0], compiled.plan.outputs[0]);
      buffers_[{node.outputs[0], form}] = source;
      produced_.emplace(node.outputs[0], form);
      compiled.outputs = {source};
    } else {
      for (std::size_t i = 0; i < node.outputs.size(); ++i) {
        const bool quantised = compiled.plan.quantises && i == 0 && behind != nullptr;
        compiled.outputs.push_back(
            add_buffer(quantised ? behind->outputs[0] : node.outputs[i], compiled.plan.outputs[i]));
      }
      if (compiled.plan.quantises && behind != nullptr) {
        absorbed_.insert(behind);
      }
      if (compiled.plan.means) {
        compiled.outputs.push_back(add_buffer(joint.mean->outputs[0], compiled.plan.outputs.back()));
        absorbed_.insert(joint.mean);
      }
    }
    if (compiled.plan.scratch_bytes > 0) {
      compiled.scratch = add_scratch(compiled.plan.scratch_bytes);
    }
    const std::size_t done = compiled.plan.post_ops_done;
    const Form form = normal_form(node.outputs[0], compiled.plan.outputs[0]);
    program_.steps.push_back(std::move(compiled));
    if (done < node.post_ops.size()) {
      add_post_op_step(context, done, form);
    }
  }

  void add_post_op_step(const NodeContext& context, std::size_t first, const Form& form) {
    ProgramStep rest;
    rest.plan = plan_post_ops(context, first, form);
    rest.info = {.node = context.node.name,
                 .op = "PostOps",
                 .kernel = rest.plan.kernel,
                 .output = form_text(context.output(), form),
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
    rest.outputs = {touch(buffers_.at({context.node.outputs[0], form}))};
    if (rest.plan.scratch_bytes > 0) {
      rest.scratch = add_scratch(rest.plan.scratch_bytes);
    }
    program_.steps.push_back(std::move(rest));
  }

  void place_buffers() {
    // Inputs keep what the caller wrote between runs; outputs are read after the run.
    for (const std::vector<int>* ports : {&program_.inputs, &program_.outputs}) {
      for (const int id : *ports) {
        Buffer& buffer = program_.buffers[static_cast<std::size_t>(id)];
        if (buffer.constant.empty() && !buffer.of_request) {
          buffer.of_request = true;
          buffer.offset = program_.request_bytes;
          program_.request_bytes += aligned_size(buffer.bytes);
        }
      }
    }
    join_pieces(program_);
    std::vector<BufferUse> uses;
    std::vector<std::size_t> placed;
    for (std::size_t i = 0; i < program_.buffers.size(); ++i) {
      const Buffer& buffer = program_.buffers[i];
      if (buffer.constant.empty() && !buffer.of_request && buffer.whole < 0) {
        uses.push_back({buffer.bytes, buffer.first, buffer.last});
        placed.push_back(i);
      }
    }
    const MemoryPlan plan = plan_memory(uses);
    for (std::size_t i = 0; i < placed.size(); ++i) {
      program_.buffers[placed[i]].offset = plan.offsets[i];
    }
    for (Buffer& buffer : program_.buffers) {
      if (buffer.whole >= 0) {
        buffer.offset += program_.buffers[static_cast<std::size_t>(buffer.whole)].offset;
      }
    }
    program_.request_bytes += kByteSlack;
    program_.arena_bytes = plan.arena_bytes + kByteSlack;
    program_.arena_lower_bound_bytes = plan.lower_bound_bytes;
  }

  Graph graph_;
  const CompileOptions& options_;
  WeightUses weights_;
  Program program_;
  std::map<std::pair<ValueId, Form>, int> buffers_;
  std::map<ValueId, Form> produced_;  ///< The form a value was computed in.
  std::map<const Node*, Quantiser> quantisers_;
  std::map<ValueId, const Node*> only_readers_;  ///< Values that one FakeQuantize reads and nothing else.
  std::map<const Node*, Joint> joints_;
  std::set<const Node*> absorbed_;  ///< Computed in the step of another node.
};

}  // namespace

std::shared_ptr<const Program> compile(Graph graph, std::unique_ptr<Packing> packing, const CompileOptions& options) {
  return Compiler(std::move(graph), std::move(packing), options).compile();
}

MemoryUse memory_of(const Program& program) {
  MemoryUse use{.request = program.request_bytes, .arena = program.arena_bytes};
  for (const Buffer& buffer : program.buffers) {
    use.constants += buffer.constant.empty() ? 0 : buffer.bytes;
    use.mapped += buffer.constant.in_memory() && !buffer.constant.source().bytes.empty() ? buffer.bytes : 0;
  }
  for (const ProgramStep& step : program.steps) {
    use.constants += step.plan.weight_bytes;  // like these neither shared nor kept in cache files
    use.scratch =
        std::max(use.scratch, step.scratch < 0 ? 0 : program.buffers[static_cast<std::size_t>(step.scratch)].bytes);
  }
  program.packing->count(use);
  return use;
}

}  // namespace fovea::cpu
