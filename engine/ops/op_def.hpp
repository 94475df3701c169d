// OpDef: everything the engine knows about one operator, independent of any device. One file per operator defines one.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/graph/graph.hpp"
#include "engine/ops/attributes.hpp"

namespace fovea {

/// An operator in OpenVINO IR: the `type` of its layers and the opset numbers it is written with there.
struct IrOrigin {
  std::string_view type;              ///< "SoftMax"; matched in any case.
  std::array<int, 8> versions = {1};  ///< {1, 8}; zeros are unused entries.
};

/// What shape inference knows of an input.
struct InputInfo {
  TensorType type;
  const Tensor* value = nullptr;  ///< The content, when it is known at compile time.
};

/// Number of inputs an operator accepts.
struct Arity {
  int least = 1;
  int most = 1;  ///< kVariadic: no limit.
};
inline constexpr int kVariadic = 1 << 20;

/// Thrown by `infer` when the answer hangs on a content or an extent that is not known yet: at run time it will be.
class NotKnownYet : public Error {
 public:
  explicit NotKnownYet(const std::string& message) : Error(ErrorCode::kUnsupported, message) {}
};

/// A plain description; see docs/add-an-operator.md for the recipe.
struct OpDef {
  std::string_view name;  ///< Also the name in the text form.
  std::string_view spec;  ///< URL of the page that defines the semantics.
  Arity inputs;
  IrOrigin openvino;
  AttributeOps attributes;  ///< Left empty by operators without attributes.

  /// Types of all outputs. `inputs[i].type.data_type` is meaningless where node.inputs[i] is kNone. Extents that are
  /// not known yet are kDynamic. \throws Error{kInvalidModel} when the input types or attributes contradict the
  /// operator; the caller adds the
  ///         node's name. Error{kUnsupported} for a legal form that is not implemented. NotKnownYet.
  std::vector<TensorType> (*infer)(const Node& node, std::span<const InputInfo> inputs) = nullptr;

  /// Slow and obvious: computes in double (floats) or int64 (integers) and rounds once to the output type.
  /// Views of absent inputs have bytes == nullptr. Does not apply post-ops.
  void (*reference)(const Node& node, std::span<const ConstTensorView> inputs,
                    std::span<const TensorView> outputs) = nullptr;

  /// Set instead of `reference` by operators whose outputs' sizes follow from what they compute (NonZero): runs into
  /// tensors of its own. `infer` gives kDynamic for extents it cannot know.
  std::vector<Tensor> (*compute)(const Node& node, std::span<const ConstTensorView> inputs) = nullptr;

  /// Set by unary element-wise operators: the same computation as a post-op of the node before. nullopt: not for
  /// these attributes.
  std::optional<PostOp> (*as_post_op)(const Node& node) = nullptr;

  /// `reference` looks at the shapes of its inputs only (ShapeOf), so static shapes make its result constant.
  bool reads_shapes_only = false;

  /// Set by operators with an element type among their attributes (Convert): a floating type narrower than `target`
  /// becomes it. \return true if something changed.
  bool (*widen_attributes)(Node& node, DataType target) = nullptr;

  /// `compute` runs graphs of the node's attributes (Loop): never done ahead of time, since it may take long.
  bool has_bodies = false;
};

/// All operators, in the order of ops.inc.
std::span<const OpDef* const> all_ops();

/// The operator of this name, or nullptr. Names are those of OpDef::name.
const OpDef* find_op(std::string_view name);

/// The operator behind an IR layer type, or nullptr. `type` in any case; the version is checked by the caller.
const OpDef* find_openvino_op(std::string_view type);

/// Infers, and adds "node 'name' (Op): " to errors. `types` of absent inputs are ignored.
std::vector<TensorType> infer_types(const Node& node, std::span<const InputInfo> inputs);

/// Runs the operator's reference and then the node's post-ops.
void run_reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs);

/// Runs reference kernel and post-ops into new tensors of these types, which may be dynamic where the operator computes
/// its sizes.
std::vector<Tensor> evaluate(const Node& node, std::span<const ConstTensorView> inputs,
                             std::span<const TensorType> types);

/// Largest tensor whose size is found out at run time. A file can ask for what memory cannot hold; before it runs, the
/// sizes of everything else are known and somebody can see them.
inline constexpr std::size_t kMaxRunTimeBytes = std::size_t{1} << 32U;

/// Infers with all contents known, then evaluates: for nodes whose shapes depend on data.
/// \param inputs  nullptr where the input is absent.
/// 	hrows Error{kUnsupported} for a result above kMaxRunTimeBytes.
std::vector<Tensor> evaluate_at_run_time(const Node& node, std::span<const Tensor* const> inputs);

}  // namespace fovea
