// Operators that run graphs of their own: TensorIterator and Loop repeat a body, If chooses between two.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/infrastructure/loop-5.html
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/ops/op_def.hpp"

namespace fovea::ops {

/// More rounds than this are refused when the loop runs.
inline constexpr std::int64_t kMaxRounds = std::int64_t{1} << 20U;

/// A part of a tensor along an axis for each round. `start` and `end` are the first and the last element, negative ones
/// count from the behind; with a negative stride the parts go from behind to the front.
struct Slicing {
  std::int64_t axis = 0;
  std::int64_t start = 0;
  std::int64_t end = -1;
  std::int64_t stride = 1;
  std::int64_t part_size = 1;
  bool operator==(const Slicing&) const = default;
};

/// Connects a body's input or output with one of the node.
struct BodyPort {
  std::size_t inner = 0;             ///< Index into the body's inputs or outputs.
  std::size_t outer = 0;             ///< Index into the node's inputs or outputs.
  std::optional<Slicing> slicing;    ///< Inputs: a part each round. Outputs: the rounds' results one after another.
  std::optional<std::size_t> after;  ///< Inputs: the body's output that is the next round's value.
  bool operator==(const BodyPort&) const = default;
};

struct Body {
  std::shared_ptr<const Graph> graph;
  std::vector<BodyPort> inputs;   ///< One for each input of the body but the loop's counter.
  std::vector<BodyPort> outputs;  ///< One for each output of the node.
};

/// Same connections, and graphs of the same text.
bool operator==(const Body& a, const Body& b);

struct LoopAttributes {
  Body body;
  std::optional<std::size_t> counter;    ///< Loop: the body's input that receives the number of the round.
  std::optional<std::size_t> condition;  ///< Loop: the body's output that says whether to go on.
  bool operator==(const LoopAttributes&) const = default;
};

struct IfAttributes {
  Body then_body;
  Body else_body;
  bool operator==(const IfAttributes&) const = default;
};

/// How a node's bodies are visited, for files and for printing.
std::vector<Body*> bodies_of(LoopAttributes& attributes);
std::vector<Body*> bodies_of(IfAttributes& attributes);

/// \throws Error{kInvalidModel} when a body is missing or a connection leads nowhere.
/// \param counter  The body's input that is fed otherwise.
void check_body(const Body& body, const Node& node, std::size_t inputs, std::optional<std::size_t> counter);

/// What the body's outputs are for these inputs.
struct BodyOutputs {
  std::vector<TensorType> types;
  std::vector<std::optional<Tensor>> known;  ///< Contents known ahead of time.
};

/// \param parameters  Of all inputs of the body; contents where they are known.
BodyOutputs infer_body(const Graph& body, std::span<const InputInfo> parameters);

/// The body with inputs of these types, ready to run.
std::shared_ptr<const Graph> prepared_body(const Graph& body, std::span<const TensorType> parameters);

/// The narrowest shape that allows both.
Shape unite(const Shape& a, const Shape& b);

/// Rounds that a slicing of an axis of this extent lasts. \throws Error{kInvalidModel}.
std::int64_t rounds_of(const Slicing& slicing, std::int64_t extent);
/// First element of the part of a round.
std::int64_t part_begin(const Slicing& slicing, std::int64_t extent, std::int64_t round);

/// Elements begin … begin+count-1 along an axis, copied.
Tensor part_of(const ConstTensorView& tensor, std::size_t axis, std::int64_t begin, std::int64_t count);
/// The tensors one after another along an axis. \throws Error{kInvalidArgument} when other extents differ.
Tensor joined(std::span<const Tensor> parts, std::size_t axis);

/// AttributeOps of operators with bodies: files carry those in their own way, so that nothing is read from attributes.
template <class Attributes>
constexpr AttributeOps body_attributes() {
  return {
      .read = [](const SourceNode&) -> std::any { return Attributes{}; },
      .defaults = []() -> std::any { return Attributes{}; },
      .print =
          [](std::ostream& out, const std::any& any) {
            auto attributes = std::any_cast<Attributes>(any);
            for (const Body* body : bodies_of(attributes)) {
              if (body->graph != nullptr) {
                out << " body=" << body->graph->nodes.size() << "_nodes";
              }
            }
          },
      .equal =
          [](const std::any& a, const std::any& b) {
            return std::any_cast<const Attributes&>(a) == std::any_cast<const Attributes&>(b);
          },
  };
}

/// OpDef::widen_attributes of operators with bodies.
bool widen_bodies(std::span<Body* const> bodies, DataType target);

template <class Attributes>
bool widen_bodies(Node& node, DataType target) {
  return widen_bodies(bodies_of(std::any_cast<Attributes&>(node.attributes)), target);
}

/// TensorIterator and Loop: the first two inputs of a Loop are the number of rounds and whether to begin.
std::vector<TensorType> infer_loop(const Node& node, std::span<const InputInfo> inputs, bool counted);
std::vector<Tensor> compute_loop(const Node& node, std::span<const ConstTensorView> inputs, bool counted);

}  // namespace fovea::ops
