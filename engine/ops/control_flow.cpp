#include "engine/ops/control_flow.hpp"

#include <algorithm>
#include <cstring>

#include "engine/ops/graph_text.hpp"
#include "engine/ops/shape_inference.hpp"
#include "engine/ops/shapes.hpp"
#include "engine/ops/widen.hpp"

namespace fovea::ops {

bool operator==(const Body& a, const Body& b) {
  const bool same_graph =
      a.graph == b.graph || (a.graph != nullptr && b.graph != nullptr && to_text(*a.graph) == to_text(*b.graph));
  return same_graph && a.inputs == b.inputs && a.outputs == b.outputs;
}

std::vector<Body*> bodies_of(LoopAttributes& attributes) { return {&attributes.body}; }
std::vector<Body*> bodies_of(IfAttributes& attributes) { return {&attributes.then_body, &attributes.else_body}; }

void check_body(const Body& body, const Node& node, std::size_t inputs, std::optional<std::size_t> counter) {
  if (body.graph == nullptr) {
    fail(ErrorCode::kInvalidModel, "has no body");
  }
  std::vector<int> fed(body.graph->inputs.size(), 0);
  if (counter) {
    ++fed.at(*counter);
  }
  for (const BodyPort& port : body.inputs) {
    if (port.inner >= fed.size() || port.outer >= inputs || (port.after && *port.after >= body.graph->outputs.size())) {
      fail(ErrorCode::kInvalidModel, "connects input {} with input {} of its body, which have {} and {}", port.outer,
           port.inner, inputs, fed.size());
    }
    ++fed[port.inner];
  }
  for (std::size_t i = 0; i < fed.size(); ++i) {
    if (fed[i] != 1) {
      fail(ErrorCode::kInvalidModel, "feeds input '{}' of its body {} times, expected once", body.graph->inputs[i].name,
           fed[i]);
    }
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (std::ranges::count(body.outputs, i, &BodyPort::outer) != 1) {
      fail(ErrorCode::kInvalidModel, "connects output {} with {} outputs of its body, expected 1", i,
           std::ranges::count(body.outputs, i, &BodyPort::outer));
    }
  }
  for (const BodyPort& port : body.outputs) {
    if (port.inner >= body.graph->outputs.size()) {
      fail(ErrorCode::kInvalidModel, "reads output {} of its body, which has {}", port.inner,
           body.graph->outputs.size());
    }
  }
}

std::shared_ptr<const Graph> prepared_body(const Graph& body, std::span<const TensorType> parameters) {
  auto copy = std::make_shared<Graph>(body);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    copy->value(copy->inputs[i].value).type = parameters[i];
  }
  infer_shapes(*copy);
  return copy;
}

BodyOutputs infer_body(const Graph& body, std::span<const InputInfo> parameters) {
  Graph copy = body;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    Value& value = copy.value(copy.inputs[i].value);
    value.type = parameters[i].type;
    if (parameters[i].value != nullptr) {
      value.constant = *parameters[i].value;  // known while the copy's types are inferred, no longer
    }
  }
  ShapeInference inference(copy, UnknownTypes::kDefer);
  for (const Node& node : copy.nodes) {
    inference.infer(node);
  }
  BodyOutputs outputs;
  for (const GraphPort& port : copy.outputs) {
    outputs.types.push_back(copy.value(port.value).type);
    const Tensor* known = inference.known(port.value);
    outputs.known.push_back(known == nullptr ? std::nullopt : std::optional(*known));
  }
  return outputs;
}

Shape unite(const Shape& a, const Shape& b) {
  if (!has_rank(a) || !has_rank(b) || a.size() != b.size()) {
    return {kUnknownRank};
  }
  Shape result = a;
  for (std::size_t i = 0; i < a.size(); ++i) {
    result[i] = a[i] == b[i] ? a[i] : kDynamic;
  }
  return result;
}

namespace {

std::int64_t from_front(std::int64_t place, std::int64_t extent) { return place < 0 ? place + extent : place; }

}  // namespace

std::int64_t rounds_of(const Slicing& slicing, std::int64_t extent) {
  check_range(slicing.part_size, 1, kMaxAttribute, "part_size");
  check_range(slicing.stride, -kMaxAttribute, kMaxAttribute, "stride");
  if (extent == 0) {
    return 0;
  }
  check_range(slicing.start, -extent, extent, "start");
  check_range(slicing.end, -extent, extent, "end");
  // An end of `extent` stands behind the last element in some files.
  const std::int64_t start = std::min(from_front(slicing.start, extent), extent - 1);
  const std::int64_t end = std::min(from_front(slicing.end, extent), extent - 1);
  if (slicing.stride == 0 || (slicing.stride > 0 ? end < start : end > start)) {
    fail(ErrorCode::kInvalidModel, "a stride of {} does not lead from {} to {}", slicing.stride, slicing.start,
         slicing.end);
  }
  const std::int64_t length = std::abs(end - start) + 1;
  return length < slicing.part_size ? 0 : (length - slicing.part_size) / std::abs(slicing.stride) + 1;
}

std::int64_t part_begin(const Slicing& slicing, std::int64_t extent, std::int64_t round) {
  const std::int64_t start = std::min(from_front(slicing.start, extent), extent - 1);
  const std::int64_t place = start + round * slicing.stride;
  return slicing.stride > 0 ? place : place - slicing.part_size + 1;
}

Tensor part_of(const ConstTensorView& tensor, std::size_t axis, std::int64_t begin, std::int64_t count) {
  Shape shape = tensor.shape();
  if (begin < 0 || count < 0 || begin + count > shape[axis]) {
    fail(ErrorCode::kInvalidArgument, "elements {} to {} of an axis of {}", begin, begin + count, shape[axis]);
  }
  const AxisView view = view_axis(shape, axis);
  shape[axis] = count;
  Tensor part(tensor.type.data_type, shape);
  const std::size_t element = size_of(tensor.type.data_type);
  const std::size_t bytes = static_cast<std::size_t>(count) * view.inner * element;
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    const std::size_t source = (outer * view.extent + static_cast<std::size_t>(begin)) * view.inner * element;
    std::memcpy(part.mutable_view().bytes + outer * bytes, tensor.bytes + source, bytes);
  }
  return part;
}

Tensor joined(std::span<const Tensor> parts, std::size_t axis) {
  Shape shape = parts[0].shape();
  shape[axis] = 0;
  for (const Tensor& part : parts) {
    Shape expected = part.shape();
    expected.at(axis) = shape[axis];
    if (expected != shape || part.data_type() != parts[0].data_type()) {
      fail(ErrorCode::kInvalidArgument, "rounds gave {} and {}, which do not join along axis {}",
           to_string(parts[0].type()), to_string(part.type()), axis);
    }
    shape[axis] = add_extents(shape[axis], part.shape()[axis]);
  }
  const TensorType type{parts[0].data_type(), shape};
  if (byte_size(type) > kMaxRunTimeBytes) {
    fail(ErrorCode::kUnsupported, "the rounds' results are {} together, expected at most 2^32 bytes", to_string(type));
  }
  Tensor result(type);
  const AxisView whole = view_axis(shape, axis);
  const std::size_t row = whole.extent * whole.inner * size_of(type.data_type);
  std::size_t offset = 0;
  for (const Tensor& part : parts) {
    const std::size_t bytes = whole.outer == 0 ? 0 : part.bytes().size() / whole.outer;
    for (std::size_t outer = 0; outer < whole.outer; ++outer) {
      std::memcpy(result.mutable_view().bytes + outer * row + offset, part.bytes().data() + outer * bytes, bytes);
    }
    offset += bytes;
  }
  return result;
}

bool widen_bodies(std::span<Body* const> bodies, DataType target) {
  bool changed = false;
  for (Body* body : bodies) {
    if (body->graph == nullptr) {
      continue;
    }
    Graph widened = *body->graph;
    if (widen_graph(widened, target)) {
      body->graph = std::make_shared<const Graph>(std::move(widened));
      changed = true;
    }
  }
  return changed;
}

}  // namespace fovea::ops
