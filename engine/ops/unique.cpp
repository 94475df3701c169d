// Unique: the different elements, or slices along an axis (second input), in order of value or of appearance; where
// each stood first, which of them stood at every place, and how often each occurs.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/unique-10.html

#include <algorithm>
#include <cstring>
#include <map>

#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  bool sorted = true;
  DataType index_element_type = DataType::kI64;
  DataType count_element_type = DataType::kI64;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("sorted", sorted);
    visit("index_element_type", index_element_type);
    visit("count_element_type", count_element_type);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  check_index_type(attributes.index_element_type, "index_element_type");
  check_index_type(attributes.count_element_type, "count_element_type");
  TensorType values = inputs[0].type;
  std::int64_t places = kDynamic;
  if (has_input(node, inputs, 1)) {
    const std::size_t axis = normalize_axis(constant_int(inputs[1], "axis"), values.shape.size());
    places = values.shape[axis];
    values.shape[axis] = kDynamic;
  } else {
    places = is_static(values.shape) ? static_cast<std::int64_t>(element_count(values.shape)) : kDynamic;
    values.shape = {kDynamic};
  }
  return {values,
          {attributes.index_element_type, {kDynamic}},
          {attributes.index_element_type, {places}},
          {attributes.count_element_type, {kDynamic}}};
}

/// Different slices of `view.extent` along an axis.
template <class T>
struct Groups {
  std::vector<std::size_t> first;    ///< Position of each.
  std::vector<std::size_t> of;       ///< Group of every position.
  std::vector<std::int64_t> counts;  ///< Members of each.

  Groups(const std::vector<T>& values, const AxisView& view, bool sorted) {
    std::map<std::vector<T>, std::size_t> known;
    std::vector<std::vector<T>> slices;
    for (std::size_t i = 0; i < view.extent; ++i) {
      std::vector<T> slice;
      for (std::size_t outer = 0; outer < view.outer; ++outer) {
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>((outer * view.extent + i) * view.inner);
        slice.insert(slice.end(), begin, begin + static_cast<std::ptrdiff_t>(view.inner));
      }
      const auto [place, added] = known.try_emplace(slice, first.size());
      if (added) {
        first.push_back(i);
        counts.push_back(0);
      }
      of.push_back(place->second);
      ++counts[place->second];
    }
    if (sorted) {
      renumber(known);
    }
  }

 private:
  /// In the map's order.
  void renumber(const std::map<std::vector<T>, std::size_t>& known) {
    std::vector<std::size_t> rank(first.size());
    Groups old = *this;
    std::size_t next = 0;
    for (const auto& [slice, group] : known) {
      rank[group] = next;
      first[next] = old.first[group];
      counts[next] = old.counts[group];
      ++next;
    }
    std::ranges::for_each(of, [&](std::size_t& group) { group = rank[group]; });
  }
};

Tensor indices(DataType type, const std::vector<std::size_t>& values) {
  Tensor result(type, {static_cast<std::int64_t>(values.size())});
  store(result.mutable_view(), std::vector<std::int64_t>(values.begin(), values.end()));
  return result;
}

template <class T>
std::vector<Tensor> compute_groups(const Attributes& attributes, const ConstTensorView& data,
                                   const std::vector<T>& values, std::optional<std::size_t> axis) {
  const AxisView view = axis ? view_axis(data.shape(), *axis) : AxisView{1, values.size(), 1};
  const Groups<T> groups(values, view, attributes.sorted);
  Shape shape = axis ? data.shape() : Shape(1);
  shape[axis.value_or(0)] = static_cast<std::int64_t>(groups.first.size());
  Tensor unique(data.type.data_type, shape);
  const std::size_t bytes = view.inner * size_of(data.type.data_type);
  std::byte* target = unique.mutable_view().bytes;
  for (std::size_t outer = 0; outer < view.outer; ++outer) {
    for (const std::size_t first : groups.first) {
      std::memcpy(target, data.bytes + (outer * view.extent + first) * bytes, bytes);
      target += bytes;
    }
  }
  Tensor counts(attributes.count_element_type, {static_cast<std::int64_t>(groups.counts.size())});
  store(counts.mutable_view(), groups.counts);
  return {unique, indices(attributes.index_element_type, groups.first),
          indices(attributes.index_element_type, groups.of), counts};
}

std::vector<Tensor> compute(const Node& node, std::span<const ConstTensorView> inputs) {
  const auto& attributes = node.attrs<Attributes>();
  std::optional<std::size_t> axis;
  if (has_input(inputs, 1)) {
    axis = normalize_axis(to_ints(inputs[1]).at(0), inputs[0].shape().size());
  }
  if (is_float(inputs[0].type.data_type)) {
    const std::vector<double> values = to_doubles(inputs[0]);
    if (std::ranges::any_of(values, [](double x) { return x != x; })) {
      fail(ErrorCode::kInvalidArgument, "data holds elements that are not numbers, which have no order");
    }
    return compute_groups(attributes, inputs[0], values, axis);
  }
  return compute_groups(attributes, inputs[0], to_ints(inputs[0]), axis);
}

}  // namespace

extern const OpDef unique;
const OpDef unique{
    .name = "Unique",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/movement/"
        "unique-10.html",
    .inputs = {1, 2},
    .openvino = {.type = "Unique", .versions = {10}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .compute = compute,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
