// TfIdfVectorizer on numbers: how often sequences of a pool occur in each row, as comparisons of all windows with all
// sequences.
#include <algorithm>

#include "engine/frontends/onnx/ops/common.hpp"

namespace fovea::onnx {
namespace {

constexpr std::int64_t kMaxCompared = 1 << 22;  // windows · sequences · length, of all rows together

/// Sequences of one length, one after another.
struct Pool {
  std::int64_t length = 1;
  std::vector<std::int64_t> items;
  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(items.size()) / length; }
};

std::vector<Pool> read_pools(const NodeContext& node) {
  if (node.has_attribute("pool_strings")) {
    node.unsupported("counts texts");
  }
  const std::vector<std::int64_t> items = node.integers("pool_int64s");
  std::vector<std::int64_t> begins = node.integers("ngram_counts");
  begins.push_back(static_cast<std::int64_t>(items.size()));
  std::vector<Pool> pools;
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    const auto length = static_cast<std::int64_t>(i) + 1;
    if (begins[i] < 0 || begins[i + 1] < begins[i] || begins[i + 1] > static_cast<std::int64_t>(items.size()) ||
        (begins[i + 1] - begins[i]) % length != 0) {
      node.invalid(
          fmt::format("has sequences of {} items from {} to {} of {}", length, begins[i], begins[i + 1], items.size()));
    }
    pools.push_back({length, {items.begin() + begins[i], items.begin() + begins[i + 1]}});
  }
  return pools;
}

/// How often each sequence occurs in each row with its items `step` apart: [N, sequences].
/// \param x  [N,C], i64.
ValueId occurrences(NodeContext& node, ValueId x, const Pool& pool, std::int64_t step) {
  const Shape& shape = node.shape(x);
  const std::int64_t windows = shape[1] - (pool.length - 1) * step;
  if (windows < 1) {
    return node.constant(Tensor(DataType::kF32, {shape[0], pool.count()}));
  }
  if (shape[0] * windows > kMaxCompared / std::max<std::int64_t>(pool.count() * pool.length, 1)) {
    node.unsupported(fmt::format("compares {} windows with {} sequences", shape[0] * windows, pool.count()));
  }
  std::vector<std::int64_t> places;
  for (std::int64_t window = 0; window < windows; ++window) {
    for (std::int64_t i = 0; i < pool.length; ++i) {
      places.push_back(window + i * step);
    }
  }
  const ValueId index = node.constant(Tensor::of<std::int64_t>({windows, pool.length}, places));
  const ValueId cut = node.add("Gather", {x, index, node.integer_scalar(1)});  // [N, windows, length]
  const ValueId sequences = node.constant(Tensor::of<std::int64_t>({pool.count(), pool.length}, pool.items));
  const ValueId equal = node.add("Equal", {node.unsqueeze(cut, {2}), sequences});
  const ValueId found = node.add("ReduceLogicalAnd", {equal, node.integer_list({3})}, {{"keep_dims", false}});
  return node.add("ReduceSum", {node.convert(found, DataType::kF32), node.integer_list({1})}, {{"keep_dims", false}});
}

/// [N, sequences of all lengths], in the order of the pool.
ValueId all_occurrences(NodeContext& node, ValueId x, const std::vector<Pool>& pools) {
  const std::int64_t shortest = node.integer("min_gram_length", 1);
  const std::int64_t longest = node.integer("max_gram_length", 1);
  const std::int64_t skips = node.integer("max_skip_count", 0);
  if (skips < 0 || skips > node.shape(x)[1]) {
    node.unsupported(fmt::format("skips up to {} items of {}", skips, node.shape(x)[1]));
  }
  Values parts;
  for (const Pool& pool : pools) {
    if (pool.count() == 0) {
      continue;
    }
    ValueId sum = node.constant(Tensor(DataType::kF32, {node.shape(x)[0], pool.count()}));
    const bool counted = pool.length >= shortest && pool.length <= longest;
    // Single items have nothing between them that could be skipped.
    for (std::int64_t skip = 0; counted && skip <= (pool.length == 1 ? 0 : skips); ++skip) {
      sum = node.add("Add", {sum, occurrences(node, x, pool, skip + 1)});
    }
    parts.push_back(sum);
  }
  if (parts.empty()) {
    node.invalid("has no sequence in its pool");
  }
  return parts.size() == 1 ? parts[0] : node.add("Concat", parts, {{"axis", 1}});
}

}  // namespace

Values convert_tf_idf_vectorizer(NodeContext& node) {
  const Shape shape = node.shape(node.input(0));
  if (!is_static(shape) || shape.empty() || shape.size() > 2 || is_float(node.data_type(node.input(0)))) {
    node.unsupported(fmt::format("has an input of {}, expected integers of known extents [C] or [N,C]",
                                 to_string(node.type(node.input(0)))));
  }
  const ValueId x =
      node.reshape(node.convert(node.input(0), DataType::kI64), {shape.size() == 1 ? 1 : shape[0], shape.back()});
  ValueId counts = all_occurrences(node, x, read_pools(node));
  const std::int64_t sequences = node.shape(counts)[1];
  const std::vector<std::int64_t> places = node.integers("ngram_indexes");
  if (static_cast<std::int64_t>(places.size()) != sequences) {
    node.invalid(fmt::format("has {} entries in ngram_indexes for {} sequences", places.size(), sequences));
  }
  if (const std::string mode = node.text("mode", "TF"); mode != "TF") {
    const std::vector<double> weights =
        node.has_attribute("weights") ? node.reals("weights") : std::vector<double>(places.size(), 1.0);
    if (weights.size() != places.size() || (mode != "IDF" && mode != "TFIDF")) {
      node.invalid(fmt::format("has mode '{}' and {} weights for {} sequences", mode, weights.size(), places.size()));
    }
    const ValueId factors = node.constant(Tensor::of<double>({sequences}, weights).cast(DataType::kF32));
    counts = mode == "IDF" ? node.add("Minimum", {counts, node.scalar(DataType::kF32, 1)}) : counts;
    counts = node.add("Multiply", {counts, factors});
  }
  // Column j of the result is the sequence with index j, or a column of zeros.
  const std::int64_t columns = *std::ranges::max_element(places) + 1;
  if (columns > kMaxCompared || std::ranges::any_of(places, [](std::int64_t place) { return place < 0; })) {
    node.invalid(fmt::format("has ngram_indexes up to {}, expected 0 to {}", columns - 1, kMaxCompared - 1));
  }
  std::vector<std::int64_t> sources(static_cast<std::size_t>(columns), sequences);
  for (std::size_t i = 0; i < places.size(); ++i) {
    sources[static_cast<std::size_t>(places[i])] = static_cast<std::int64_t>(i);
  }
  const ValueId zeros = node.constant(Tensor(DataType::kF32, {node.shape(counts)[0], 1}));
  const ValueId table = node.add("Concat", {counts, zeros}, {{"axis", 1}});
  const ValueId result = node.add("Gather", {table, node.integer_list(sources), node.integer_scalar(1)});
  return {shape.size() == 1 ? node.squeeze(result, {0}) : result};
}

}  // namespace fovea::onnx
