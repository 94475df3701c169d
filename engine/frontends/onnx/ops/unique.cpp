// ONNX Unique, for data known at import: how much there is of its result depends on the values.
#include <algorithm>
#include <numeric>

#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

/// The data as slices along one axis, each a row of values.
struct Slices {
  std::size_t count = 0;
  std::size_t length = 0;
  std::vector<double> values;  ///< [count, length]

  [[nodiscard]] std::span<const double> row(std::size_t i) const {
    return std::span(values).subspan(i * length, length);
  }
};

/// [outer, count, inner] → [count, outer·inner]
Slices cut(const std::vector<double>& data, const Shape& shape, std::size_t axis) {
  Slices slices;
  slices.count = static_cast<std::size_t>(shape[axis]);
  std::size_t inner = 1;
  for (std::size_t i = axis + 1; i < shape.size(); ++i) {
    inner *= static_cast<std::size_t>(shape[i]);
  }
  slices.length = slices.count == 0 ? 0 : data.size() / slices.count;
  for (std::size_t i = 0; i < slices.count; ++i) {
    for (std::size_t k = 0; k < slices.length; ++k) {
      slices.values.push_back(data[(k / inner * slices.count + i) * inner + k % inner]);
    }
  }
  return slices;
}

/// What is there once: by first place, or in order of value.
struct Groups {
  std::vector<std::int64_t> first;    ///< Place of the first of each group.
  std::vector<std::int64_t> inverse;  ///< Group of each slice.
  std::vector<std::int64_t> counts;
};

Groups group(const Slices& slices, bool sorted) {
  std::vector<std::size_t> order(slices.count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto less = [&](std::size_t a, std::size_t b) {
    const auto x = slices.row(a);
    const auto y = slices.row(b);
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
  };
  std::ranges::stable_sort(order, less);
  Groups groups;
  groups.inverse.resize(slices.count);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || less(order[i - 1], order[i])) {
      groups.first.push_back(static_cast<std::int64_t>(order[i]));
      groups.counts.push_back(0);
    }
    ++groups.counts.back();
    groups.inverse[order[i]] = static_cast<std::int64_t>(groups.first.size()) - 1;
  }
  if (sorted) {
    return groups;
  }
  std::vector<std::size_t> by_place(groups.first.size());
  std::iota(by_place.begin(), by_place.end(), std::size_t{0});
  std::ranges::sort(by_place, {}, [&](std::size_t i) { return groups.first[i]; });
  Groups result;
  std::vector<std::int64_t> renamed(by_place.size());
  for (std::size_t i = 0; i < by_place.size(); ++i) {
    result.first.push_back(groups.first[by_place[i]]);
    result.counts.push_back(groups.counts[by_place[i]]);
    renamed[by_place[i]] = static_cast<std::int64_t>(i);
  }
  for (const std::int64_t old : groups.inverse) {
    result.inverse.push_back(renamed[static_cast<std::size_t>(old)]);
  }
  return result;
}

}  // namespace

Values convert_unique(NodeContext& node) {
  const std::vector<double> data = node.constant_reals(0, "data");
  const bool flat = !node.has_attribute("axis");
  const ValueId x = flat ? node.reshape(node.input(0), {static_cast<std::int64_t>(data.size())}) : node.input(0);
  const std::int64_t axis = flat ? 0 : node.normal_axis(node.integer("axis", 0), node.rank(x));
  const Groups groups = group(cut(data, node.shape(x), static_cast<std::size_t>(axis)), node.flag("sorted", true));
  const ValueId first = node.integer_list(groups.first);
  return {node.add("Gather", {x, first, node.integer_scalar(axis)}), first, node.integer_list(groups.inverse),
          node.integer_list(groups.counts)};
}

}  // namespace fovea::onnx
