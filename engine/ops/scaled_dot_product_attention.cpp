// ScaledDotProductAttention: softmax(query·keyᵀ·scale + mask)·value for query [N…,L,E], key [N…,S,E], value [N…,S,Ev].
// Input 3: mask, boolean (false: not attended) or added; 4: scale, else 1/√E.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/scaled-dot-product-attention.html

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/elementwise.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  bool causal = false;  ///< A query sees the keys up to its own place; replaces the mask.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("causal", causal);
  }
  bool operator==(const Attributes&) const = default;
};

Shape batch_of(const Shape& shape) { return {shape.begin(), shape.end() - 2}; }

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  Shape batch;
  for (std::size_t i = 0; i < 3; ++i) {
    check_rank(inputs[i].type.shape, 2, 16, "an input");
    check_same_type(inputs[0], inputs[i]);
    batch = broadcast_shapes(batch, batch_of(inputs[i].type.shape));
  }
  if (!is_float(inputs[0].type.data_type)) {
    fail(ErrorCode::kInvalidModel, "the query is {}, expected floats", to_string(inputs[0].type));
  }
  const Shape& query = inputs[0].type.shape;
  const Shape& key = inputs[1].type.shape;
  const Shape& value = inputs[2].type.shape;
  const std::int64_t steps = query[query.size() - 2];
  const std::int64_t keys = key[key.size() - 2];
  if (!extents_agree(query.back(), key.back()) || !extents_agree(keys, value[value.size() - 2])) {
    fail(ErrorCode::kInvalidModel, "query {}, key {} and value {} do not fit", to_string(query), to_string(key),
         to_string(value));
  }
  if (has_input(node, inputs, 3)) {
    Shape scores = batch;
    scores.insert(scores.end(), {steps, keys});
    const Shape joint = broadcast_shapes(inputs[3].type.shape, scores);
    bool fits = joint.size() == scores.size();
    for (std::size_t i = 0; fits && i < joint.size(); ++i) {
      fits = extents_agree(joint[i], scores[i]);
    }
    if (!fits) {
      fail(ErrorCode::kInvalidModel, "the mask {} does not broadcast to {}", to_string(inputs[3].type.shape),
           to_string(scores));
    }
  }
  if (has_input(node, inputs, 4) && is_static(inputs[4].type.shape) && element_count(inputs[4].type.shape) != 1) {
    fail(ErrorCode::kInvalidModel, "the scale is {}, expected a single value", to_string(inputs[4].type));
  }
  Shape shape = batch;
  shape.insert(shape.end(), {steps, value.back()});
  return {{inputs[0].type.data_type, shape}};
}

/// Rows of an input for a batch item of the output.
struct Rows {
  std::vector<double> values;
  Shape batch;
  std::size_t rows;
  std::size_t width;
  Broadcast item;

  Rows(const ConstTensorView& view, const Shape& output_batch)
      : values(to_doubles(view)),
        batch(batch_of(view.shape())),
        rows(static_cast<std::size_t>(view.shape()[view.shape().size() - 2])),
        width(static_cast<std::size_t>(view.shape().back())),
        item(batch, output_batch) {}

  [[nodiscard]] const double* row(std::size_t batch_item, std::size_t i) const {
    return values.data() + (item(batch_item) * rows + i) * width;
  }
};

void softmax(std::vector<double>& scores) {
  const double most = *std::ranges::max_element(scores);
  double sum = 0;
  for (double& score : scores) {
    score = most == -std::numeric_limits<double>::infinity() ? 0 : std::exp(score - most);
    sum += score;
  }
  for (double& score : scores) {
    score /= sum;
  }
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const bool causal = node.attrs<Attributes>().causal;
  const Shape batch = batch_of(outputs[0].shape());
  const Rows query(inputs[0], batch);
  const Rows key(inputs[1], batch);
  const Rows value(inputs[2], batch);
  const double scale =
      has_input(inputs, 4) ? to_doubles(inputs[4]).at(0) : 1 / std::sqrt(static_cast<double>(query.width));
  const bool masked = has_input(inputs, 3) && !causal;
  const bool boolean = masked && inputs[3].type.data_type == DataType::kBool;
  const std::vector<double> mask = masked ? to_doubles(inputs[3]) : std::vector<double>();
  Shape scores_shape = batch;
  scores_shape.insert(scores_shape.end(), {static_cast<std::int64_t>(query.rows), static_cast<std::int64_t>(key.rows)});
  const Broadcast mask_place(masked ? inputs[3].shape() : Shape(), scores_shape);
  const auto width = static_cast<std::size_t>(outputs[0].shape().back());
  std::vector<double> result(element_count(outputs[0].shape()), 0);
  std::vector<double> scores(key.rows);
  for (std::size_t i = 0; key.rows > 0 && i < element_count(batch) * query.rows; ++i) {
    const std::size_t item = i / query.rows;
    const std::size_t step = i % query.rows;
    for (std::size_t j = 0; j < key.rows; ++j) {
      const double* q = query.row(item, step);
      const double* k = key.row(item, j);
      double score = 0;
      for (std::size_t e = 0; e < query.width; ++e) {
        score += q[e] * k[e];
      }
      const double term = masked ? mask[mask_place(i * key.rows + j)] : 0;
      const bool hidden = causal ? j > step : boolean && term == 0;
      scores[j] = hidden ? -std::numeric_limits<double>::infinity() : score * scale + (boolean ? 0 : term);
    }
    softmax(scores);
    for (std::size_t j = 0; j < key.rows; ++j) {
      for (std::size_t e = 0; e < width; ++e) {
        result[i * width + e] += scores[j] * value.row(item, j)[e];
      }
    }
  }
  store(outputs[0], result);
}

}  // namespace

extern const OpDef scaled_dot_product_attention;
const OpDef scaled_dot_product_attention{
    .name = "ScaledDotProductAttention",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "scaled-dot-product-attention.html",
    .inputs = {3, 5},
    .openvino = {.type = "ScaledDotProductAttention", .versions = {13}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
