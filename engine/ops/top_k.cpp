// TopK: the k largest or smallest elements along an axis and their positions; of equal elements the first ones.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sort/top-k-11.html

#include <algorithm>
#include <numeric>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea {
namespace ops {
namespace {
enum class TopKMode : std::uint8_t { kMax, kMin };
enum class TopKSort : std::uint8_t { kValue, kIndex, kNone };
}  // namespace
}  // namespace ops

template <>
struct EnumNames<ops::TopKMode> {
  static constexpr std::array kNames = {std::pair{"max", ops::TopKMode::kMax}, std::pair{"min", ops::TopKMode::kMin}};
};
template <>
struct EnumNames<ops::TopKSort> {
  static constexpr std::array kNames = {std::pair{"value", ops::TopKSort::kValue},
                                        std::pair{"index", ops::TopKSort::kIndex},
                                        std::pair{"none", ops::TopKSort::kNone}};
};
}  // namespace fovea

namespace fovea::ops {
namespace {

struct Attributes {
  std::int64_t axis = 0;
  TopKMode mode = TopKMode::kMax;
  TopKSort sort = TopKSort::kValue;  ///< none is served by value order.
  DataType index_element_type = DataType::kI32;
  bool stable = false;  ///< Nothing to do: the order is always stable.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("axis", axis);
    visit("mode", mode);
    visit("sort", sort);
    visit("index_element_type", index_element_type);
    visit("stable", stable);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  check_index_type(attributes.index_element_type, "index_element_type");
  Shape shape = inputs[0].type.shape;
  const std::size_t axis = normalize_axis(attributes.axis, shape.size());
  if (inputs[1].value == nullptr) {
    shape[axis] = kDynamic;
  } else {
    const std::int64_t k = constant_int(inputs[1], "k");
    check_range(k, 0, shape[axis] == kDynamic ? kMaxAttribute : shape[axis], "k");
    shape[axis] = k;
  }
  return {{inputs[0].type.data_type, shape}, {attributes.index_element_type, shape}};
}

template <class T>
void select(const Attributes& attributes, const Shape& shape, const std::vector<T>& values,
            std::span<const TensorView> outputs) {
  const std::size_t axis = normalize_axis(attributes.axis, shape.size());
  const AxisView view = view_axis(shape, axis);
  const auto k = static_cast<std::size_t>(outputs[0].shape()[axis]);
  std::vector<T> best(element_count(outputs[0].shape()));
  std::vector<std::int64_t> places(best.size());
  std::vector<std::size_t> order(view.extent);
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    for (std::size_t inner = 0; inner < view.inner; ++inner) {
      const auto at = [&](std::size_t i) { return values[(outer * view.extent + i) * view.inner + inner]; };
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
        return attributes.mode == TopKMode::kMax ? at(a) > at(b) : at(a) < at(b);
      });
      if (attributes.sort == TopKSort::kIndex) {
        std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k));
      }
      for (std::size_t i = 0; i < k; ++i) {
        const std::size_t target = (outer * k + i) * view.inner + inner;
        best[target] = at(order[i]);
        places[target] = static_cast<std::int64_t>(order[i]);
      }
    }
  }
  store(outputs[0], best);
  store(outputs[1], places);
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const auto& attributes = node.attrs<Attributes>();
  if (is_float(inputs[0].type.data_type)) {
    select(attributes, inputs[0].shape(), to_doubles(inputs[0]), outputs);
  } else {
    select(attributes, inputs[0].shape(), to_ints(inputs[0]), outputs);
  }
}

}  // namespace

extern const OpDef top_k;
const OpDef top_k{
    .name = "TopK",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sort/"
        "top-k-11.html",
    .inputs = {2, 2},
    .openvino = {.type = "TopK", .versions = {1, 3, 11}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,
};

}  // namespace fovea::ops
