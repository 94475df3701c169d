#include "engine/ops/binary.hpp"

#include <sstream>

#include "engine/ops/elementwise.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

Shape output_shape(const BroadcastAttributes& attributes, std::span<const InputInfo> inputs) {
  check_same_type(inputs[0], inputs[1]);
  const Shape& a = inputs[0].type.shape;
  return broadcast_shapes(a, align_for_broadcast(attributes, a, inputs[1].type.shape));
}

}  // namespace

Shape align_for_broadcast(const BroadcastAttributes& attributes, const Shape& a, const Shape& b) {
  if (attributes.auto_broadcast == AutoBroadcast::kNumpy) {
    return b;
  }
  if (attributes.auto_broadcast == AutoBroadcast::kNone) {
    bool equal = a.size() == b.size();
    for (std::size_t i = 0; equal && i < a.size(); ++i) {
      equal = extents_agree(a[i], b[i]);
    }
    if (!equal) {
      fail(ErrorCode::kInvalidModel, "shapes are {} and {}, expected equal ones with auto_broadcast none", to_string(a),
           to_string(b));
    }
    return b;
  }
  if (b.size() > a.size()) {
    fail(ErrorCode::kInvalidModel, "shape {} does not broadcast to {} with auto_broadcast pdpd", to_string(b),
         to_string(a));
  }
  const std::int64_t last = static_cast<std::int64_t>(a.size()) - static_cast<std::int64_t>(b.size());
  const std::int64_t axis = attributes.axis == -1 ? last : attributes.axis;
  check_range(axis, 0, static_cast<std::int64_t>(a.size()), "broadcast axis");
  Shape trimmed = b;
  while (!trimmed.empty() && trimmed.back() == 1) {
    trimmed.pop_back();
  }
  if (static_cast<std::size_t>(axis) + trimmed.size() > a.size()) {
    fail(ErrorCode::kInvalidModel, "shape {} at axis {} reaches beyond {}", to_string(b), axis, to_string(a));
  }
  Shape aligned(a.size(), 1);
  std::copy(trimmed.begin(), trimmed.end(), aligned.begin() + axis);
  return aligned;
}

bool broadcasts_like_numpy(const Node& node) {
  if (!node.attributes.has_value() || node.op->attributes.print == nullptr) {
    return true;
  }
  // As text, since operators with more attributes (Divide) have types of their own.
  std::ostringstream text;
  node.op->attributes.print(text, node.attributes);
  return text.str().find("auto_broadcast=pdpd") == std::string::npos;
}

std::vector<TensorType> infer_binary(const Node& node, std::span<const InputInfo> inputs) {
  return infer_binary(node.attrs<BroadcastAttributes>(), inputs);
}

std::vector<TensorType> infer_binary(const BroadcastAttributes& attributes, std::span<const InputInfo> inputs) {
  return {{inputs[0].type.data_type, output_shape(attributes, inputs)}};
}

std::vector<TensorType> infer_binary_bool(const Node& node, std::span<const InputInfo> inputs) {
  return {{DataType::kBool, output_shape(node.attrs<BroadcastAttributes>(), inputs)}};
}

void map_pairs(const Node& node, std::span<const ConstTensorView> inputs, const TensorView& output, RealBinary real,
               IntegerBinary integer) {
  map_pairs(node.attrs<BroadcastAttributes>(), inputs, output, real, integer);
}

void map_pairs(const BroadcastAttributes& attributes, std::span<const ConstTensorView> inputs, const TensorView& output,
               RealBinary real, IntegerBinary integer) {
  const Broadcast first(inputs[0].shape(), output.shape());
  const Broadcast second(align_for_broadcast(attributes, inputs[0].shape(), inputs[1].shape()), output.shape());
  const auto run = [&](const auto& a, const auto& b, auto formula) {
    auto result = a;  // for its element type
    result.resize(element_count(output.shape()));
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = formula(a[first(i)], b[second(i)]);
    }
    store(output, result);
  };
  if (is_float(inputs[0].type.data_type)) {
    run(to_doubles(inputs[0]), to_doubles(inputs[1]), real);
  } else {
    run(to_ints(inputs[0]), to_ints(inputs[1]), integer);
  }
}

}  // namespace fovea::ops
