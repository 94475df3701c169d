// A CPU kernel: plans one node of a graph and binds the plan to memory. One file and one list line each.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/graph.hpp"
#include "engine/plugins/cpu/packing.hpp"
#include "engine/plugins/cpu/steps.hpp"
#include "engine/plugins/cpu/work_pool.hpp"

namespace fovea::cpu {

/// Order of elements in memory. kChannelsLast (NHWC) exists for rank 4 only.
enum class Layout : std::uint8_t { kPlain, kChannelsLast };

/// How a value lies in memory.
struct Form {
  Form(Layout order = Layout::kPlain, DataType type = DataType::kF32)  // NOLINT(google-explicit-constructor)
      : layout(order), stored(type) {}
  Form(Layout order, Steps in_steps) : layout(order), stored(DataType::kU8), steps(std::move(in_steps)) {}
  auto operator<=>(const Form&) const = default;

  Layout layout;
  /// Of f32 values: kF32, kBF16 (rounded) or kU8 (in steps). Other values are stored as declared, whatever it says.
  DataType stored;
  Steps steps;  ///< For kU8.
};

/// Both layouts of this shape are the same bytes in the same order.
bool layouts_coincide(const Shape& shape);

/// One value per channel of `output`, or a single one: [1,C,1,1], [C,1,1], [1].
bool is_per_channel(const Shape& operand, const Shape& output);

/// What a kernel sees while it plans.
struct NodeContext {
  const Graph& graph;
  const Node& node;
  std::span<const Form> forms;  ///< How the producer of each input left it.
  int threads = 1;              ///< Cores one run may use.
  bool bf16 = false;            ///< f32 may be multiplied and stored as bf16.
  /// Of the node itself, or of the FakeQuantize that alone reads its result; nullptr: none, or not to be used.
  const Quantiser* quantiser = nullptr;
  Packing* packing = nullptr;  ///< Of the model that is being compiled; never null.
  /// Computed together with the node, which alone reads its result (joints.hpp): its inputs come before the node's own
  /// in the plan, whose input for that result is absent.
  const Node* before = nullptr;
  bool means = false;  ///< The means over height and width are wanted too, as a second output of the plan.

  [[nodiscard]] const TensorType& input(std::size_t i) const { return graph.value(node.inputs.at(i)).type; }
  [[nodiscard]] const TensorType& output(std::size_t i = 0) const { return graph.value(node.outputs.at(i)).type; }
  /// The content of a constant input, else nullptr.
  [[nodiscard]] const Tensor* constant(std::size_t i) const {
    return i < node.inputs.size() ? graph.constant(node.inputs[i]) : nullptr;
  }
  /// Weights in this kernel's own order, made by `fill` unless the process or a cache file has them; see Packing::get.
  /// Valid as long as the compiled model.
  [[nodiscard]] std::span<const std::byte> packed(std::string_view form, const Tensor& weights, std::size_t bytes,
                                                  const Packing::Fill& fill) const {
    return packing->get(node.name, form, weights, bytes, fill);
  }
  /// Inputs of the step: of the node, and of the one before it where there is one.
  [[nodiscard]] std::size_t all_inputs() const {
    return node.inputs.size() + (before == nullptr ? 0 : before->inputs.size());
  }
  /// Inputs of the operator itself, without the operands of post-ops.
  [[nodiscard]] std::size_t own_inputs() const;
  /// The first output is one of the model's.
  [[nodiscard]] bool is_result() const;
  /// The first post-op adds a constant per channel (axis 1) of an f32 result.
  [[nodiscard]] bool has_bias() const;
};

/// Addresses of a step's buffers in one request, in the forms the plan asked for.
struct Bindings {
  std::vector<std::byte*> inputs;  ///< nullptr where the node's input is absent.
  std::vector<std::byte*> outputs;
  /// Bytes from pixel to pixel of values that lie channels last, 0 for others. More than a pixel's own bytes only for
  /// plans that are `pitched`.
  std::vector<std::size_t> input_pitches, output_pitches;
  std::byte* scratch = nullptr;

  template <class T>
  [[nodiscard]] const T* input(std::size_t i) const {
    return reinterpret_cast<const T*>(inputs.at(i));
  }
  template <class T>
  [[nodiscard]] T* output(std::size_t i = 0) const {
    return reinterpret_cast<T*>(outputs.at(i));
  }
  /// Floats from pixel to pixel.
  [[nodiscard]] std::int64_t input_stride(std::size_t i) const {
    return static_cast<std::int64_t>(input_pitches.at(i) / sizeof(float));
  }
  [[nodiscard]] std::int64_t output_stride(std::size_t i = 0) const {
    return static_cast<std::int64_t>(output_pitches.at(i) / sizeof(float));
  }
};

/// The step only moves channels of pixels: its inputs are pieces of its output, or its outputs of its first input.
struct Pieces {
  bool of_output = false;
  std::vector<std::size_t> offsets;  ///< Bytes into the whole pixel.
};

/// Runs a step of one request, in chunks if that is worth it; called once per inference on a lane. Allocates nothing.
using BoundStep = std::function<void(Team& team)>;

/// How a node will be computed. Immutable once made, shared by all requests.
struct KernelPlan {
  std::string kernel;                ///< Name and implementation, for people.
  std::vector<Form> inputs;          ///< Wanted form of each input.
  std::vector<Form> outputs;         ///< Form of each output.
  std::vector<std::size_t> packed;   ///< Inputs it holds in an order of its own: not read when it runs, and not bound.
  std::size_t weight_bytes = 0;      ///< Of weights in an order of its own that NodeContext::packed does not know.
  std::size_t scratch_bytes = 0;     ///< Memory needed during the step only.
  bool quantises = false;            ///< outputs[0] is what the FakeQuantize behind the node gives.
  bool means = false;                ///< There is one more output: means over height and width, [N,C].
  std::size_t post_ops_done = 0;     ///< Leading post-ops the kernel applies; the compiler adds a step for the rest.
  std::optional<std::size_t> alias;  ///< outputs[0] is this input's memory under another shape; nothing runs.
  /// Pixels of what it reads and writes channels last may lie further apart than their channels: pieces of larger ones.
  bool pitched = false;
  /// For pitched plans that move channels only. What already lies where it belongs when the step is bound is not moved.
  std::optional<Pieces> pieces;
  std::function<BoundStep(const Bindings&)> bind;
};

/// A line of cpu_kernels.inc.
struct KernelDef {
  std::string_view name;
  std::span<const std::string_view> ops;  ///< Operators it may compute; empty: any.
  /// nullopt: not this node, and `refusal` says why.
  std::optional<KernelPlan> (*plan)(const NodeContext& context, std::string& refusal) = nullptr;
};

/// All kernels, best first, reference last.
std::span<const KernelDef* const> all_kernels();

/// Applies post-ops `first`… of the node in place to its output, which is stored as f32 or bf16. Never refuses these.
KernelPlan plan_post_ops(const NodeContext& context, std::size_t first, const Form& form);

/// Copies a rank-4 f32 tensor between the layouts.
BoundStep bind_reorder(const Shape& shape, Layout from, const float* src, float* dst);

/// x = (stored - zero) · scale, in the same layout.
BoundStep bind_steps_to_floats(const Shape& shape, const Form& from, const std::uint8_t* stored, float* x);

/// Copies a rank-4 value in bytes between the layouts.
BoundStep bind_byte_reorder(const Shape& shape, Layout from, const std::uint8_t* src, std::uint8_t* dst);

/// Copies an f32 value between forms of f32 and bf16, or between layouts of any one storage.
std::function<BoundStep(const Bindings&)> plan_conversion(const Shape& shape, Form from, Form to, int threads);

}  // namespace fovea::cpu
