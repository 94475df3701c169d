// What the EmbeddingBag operators share: sums of rows of a table.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/ops/indices.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {

/// [bags, table's other axes].
inline TensorType bags_type(const InputInfo& table, std::int64_t bags) {
  check_rank(table.type.shape, 1, 16, "the table");
  Shape shape = table.type.shape;
  shape[0] = bags;
  return {table.type.data_type, shape};
}

/// Input `index` has the shape of input `other`, where it is given.
inline void check_like(const Node& node, std::span<const InputInfo> inputs, std::size_t index, std::size_t other,
                       std::string_view what) {
  if (!has_input(node, inputs, index)) {
    return;
  }
  const Shape& own = inputs[index].type.shape;
  const Shape& expected = inputs[other].type.shape;
  bool fits = own.size() == expected.size();
  for (std::size_t i = 0; fits && i < own.size(); ++i) {
    fits = extents_agree(own[i], expected[i]);
  }
  if (!fits) {
    fail(ErrorCode::kInvalidModel, "{} are {}, expected {}", what, to_string(own), to_string(expected));
  }
}

/// An optional input with one value.
inline void check_single(const Node& node, std::span<const InputInfo> inputs, std::size_t index,
                         std::string_view what) {
  if (has_input(node, inputs, index) && is_static(inputs[index].type.shape) &&
      element_count(inputs[index].type.shape) != 1) {
    fail(ErrorCode::kInvalidModel, "{} is {}, expected a single value", what, to_string(inputs[index].type));
  }
}

/// Adds rows to bags.
class EmbeddingBags {
 public:
  EmbeddingBags(const ConstTensorView& table, std::size_t bags)
      : rows_(static_cast<std::size_t>(table.shape()[0])),
        width_(count_between(table.shape(), 1, table.shape().size())),
        table_(to_doubles(table)),
        sums_(bags * width_, 0),
        used_(bags, false) {}

  void add(std::size_t bag, std::int64_t row, double weight) {
    const std::size_t source = place(row, rows_);
    used_[bag] = true;
    for (std::size_t i = 0; i < width_; ++i) {
      sums_[bag * width_ + i] += weight * table_[source * width_ + i];
    }
  }

  /// Bags without a row get this one.
  void fill_empty(std::int64_t row) {
    for (std::size_t bag = 0; bag < used_.size(); ++bag) {
      if (!used_[bag]) {
        add(bag, row, 1);
      }
    }
  }

  [[nodiscard]] const std::vector<double>& sums() const { return sums_; }

 private:
  std::size_t rows_;
  std::size_t width_;
  std::vector<double> table_;
  std::vector<double> sums_;
  std::vector<bool> used_;
};

}  // namespace fovea::ops
