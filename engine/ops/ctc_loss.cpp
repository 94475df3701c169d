// CTCLoss: minus the logarithm of the probability that logits [N,T,C] spell the labels [N,T], summed over all
// alignments. Inputs 1 and 3 are the lengths of logits and labels; 4 is the blank, else C-1.
// https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/ctc-loss-4.html

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/movement.hpp"
#include "engine/ops/op_def.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::ops {
namespace {

struct Attributes {
  bool preprocess_collapse_repeated = false;  ///< Of equal neighbours among the labels one is kept.
  bool ctc_merge_repeated = true;             ///< Equal neighbours of an alignment count once.
  bool unique = false;                        ///< Each label is kept at its first place only.

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("preprocess_collapse_repeated", preprocess_collapse_repeated);
    visit("ctc_merge_repeated", ctc_merge_repeated);
    visit("unique", unique);
  }
  bool operator==(const Attributes&) const = default;
};

std::vector<TensorType> infer(const Node& node, std::span<const InputInfo> inputs) {
  const Shape& logits = inputs[0].type.shape;
  check_rank(logits, 3, 3, "logits");
  check_rank(inputs[1].type.shape, 1, 1, "logit lengths");
  check_rank(inputs[2].type.shape, 2, 2, "labels");
  check_rank(inputs[3].type.shape, 1, 1, "label lengths");
  const Shape& labels = inputs[2].type.shape;
  if (!extents_agree(logits[0], inputs[1].type.shape[0]) || !extents_agree(logits[0], labels[0]) ||
      !extents_agree(logits[0], inputs[3].type.shape[0]) || !extents_agree(logits[1], labels[1])) {
    fail(ErrorCode::kInvalidModel, "logits {} do not fit labels {} and their lengths", to_string(logits),
         to_string(labels));
  }
  if (has_input(node, inputs, 4) && is_static(inputs[4].type.shape) && element_count(inputs[4].type.shape) != 1) {
    fail(ErrorCode::kInvalidModel, "the blank is {}, expected a single value", to_string(inputs[4].type));
  }
  return {{inputs[0].type.data_type, {logits[0]}}};
}

constexpr double kNever = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  const double most = std::max(a, b);
  return most == kNever ? kNever : most + std::log(std::exp(a - most) + std::exp(b - most));
}

std::vector<std::int64_t> prepared_labels(const Attributes& attributes, const std::vector<std::int64_t>& labels) {
  std::vector<std::int64_t> result;
  for (const std::int64_t label : labels) {
    const bool repeated = attributes.preprocess_collapse_repeated && !result.empty() && result.back() == label;
    const bool seen = attributes.unique && std::ranges::find(result, label) != result.end();
    if (!repeated && !seen) {
      result.push_back(label);
    }
  }
  return result;
}

/// \param scores  log-probabilities [steps][classes].
double loss(const Attributes& attributes, const std::vector<std::vector<double>>& scores,
            const std::vector<std::int64_t>& labels, std::int64_t blank) {
  std::vector<std::int64_t> path = {blank};  // labels with blanks around each
  for (const std::int64_t label : labels) {
    path.insert(path.end(), {label, blank});
  }
  std::vector<double> sums(path.size(), kNever);
  sums[0] = 0;  // before the first step: in front of everything
  bool first = true;
  for (const std::vector<double>& step : scores) {
    std::vector<double> next(path.size(), kNever);
    for (std::size_t i = 0; i < path.size(); ++i) {
      const bool is_label = i % 2 == 1;
      // A blank may stay, a label only where repetitions are merged; from label to label the blank may be skipped.
      double sum = !is_label || attributes.ctc_merge_repeated || first ? sums[i] : kNever;
      sum = i >= 1 ? log_add(sum, sums[i - 1]) : sum;
      if (is_label && i >= 2 && (path[i] != path[i - 2] || !attributes.ctc_merge_repeated)) {
        sum = log_add(sum, sums[i - 2]);
      }
      next[i] = sum + step[static_cast<std::size_t>(path[i])];
    }
    sums = next;
    first = false;
  }
  return -(path.size() < 2 ? sums.back() : log_add(sums[path.size() - 1], sums[path.size() - 2]));
}

std::vector<double> log_softmax(const double* logits, std::size_t count) {
  const double most = *std::max_element(logits, logits + count);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += std::exp(logits[i] - most);
  }
  std::vector<double> result(count);
  std::transform(logits, logits + count, result.begin(), [&](double x) { return x - most - std::log(sum); });
  return result;
}

void reference(const Node& node, std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  const Shape& shape = inputs[0].shape();
  const auto steps = static_cast<std::size_t>(shape[1]);
  const auto classes = static_cast<std::size_t>(shape[2]);
  const std::vector<double> logits = to_doubles(inputs[0]);
  const std::vector<std::int64_t> lengths = to_ints(inputs[1]);
  const std::vector<std::int64_t> labels = to_ints(inputs[2]);
  const std::vector<std::int64_t> label_lengths = to_ints(inputs[3]);
  const std::int64_t blank = has_input(inputs, 4) ? to_ints(inputs[4])[0] : shape[2] - 1;
  std::vector<double> result;
  for (std::size_t n = 0; n < lengths.size(); ++n) {
    if (lengths[n] < 0 || lengths[n] > shape[1] || label_lengths[n] < 0 || label_lengths[n] > lengths[n]) {
      fail(ErrorCode::kInvalidArgument, "sequence {} has {} steps and {} labels, expected at most {} steps and labels",
           n, lengths[n], label_lengths[n], shape[1]);
    }
    const auto begin = labels.begin() + static_cast<std::ptrdiff_t>(n * steps);
    std::vector<std::int64_t> own(begin, begin + label_lengths[n]);
    own = prepared_labels(node.attrs<Attributes>(), own);
    own.push_back(blank);
    for (const std::int64_t label : own) {
      if (label < 0 || label >= shape[2]) {
        fail(ErrorCode::kInvalidArgument, "label or blank {} is none of {} classes", label, shape[2]);
      }
    }
    own.pop_back();
    std::vector<std::vector<double>> scores;
    for (std::size_t t = 0; t < static_cast<std::size_t>(lengths[n]); ++t) {
      scores.push_back(log_softmax(logits.data() + (n * steps + t) * classes, classes));
    }
    result.push_back(loss(node.attrs<Attributes>(), scores, own, blank));
  }
  store(outputs[0], result);
}

}  // namespace

extern const OpDef ctc_loss;
const OpDef ctc_loss{
    .name = "CTCLoss",
    .spec =
        "https://docs.openvino.ai/2024/documentation/openvino-ir-format/operation-sets/operation-specs/sequence/"
        "ctc-loss-4.html",
    .inputs = {4, 5},
    .openvino = {.type = "CTCLoss", .versions = {4}},
    .attributes = attributes_of<Attributes>(),
    .infer = infer,
    .reference = reference,
    .as_post_op = nullptr,

};

}  // namespace fovea::ops
