#include "engine/frontends/common/nhwc.hpp"

#include <algorithm>

#include "engine/frontends/common/permute.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::importer {
namespace {

/// Axis i of one order is axis kTo…[i] of the other.
const Ints kToNchw = {0, 3, 1, 2};
const Ints kToNhwc = {0, 2, 3, 1};
constexpr std::size_t kImageRank = 4;

}  // namespace

Ref NhwcBuilder::from_plain(ValueId value) {
  entries_.push_back({.plain = value, .nchw = kNone});
  return static_cast<Ref>(entries_.size()) - 1;
}

Ref NhwcBuilder::from_nchw(ValueId value) {
  entries_.push_back({.plain = kNone, .nchw = value});
  return static_cast<Ref>(entries_.size()) - 1;
}

ValueId NhwcBuilder::plain(Ref ref) {
  if (entry(ref).plain == kNone) {
    const ValueId value = entry(ref).nchw;
    entry(ref).plain = graph_.transpose(graph_.graph().value(value).name + "/nhwc", value, kToNhwc);
  }
  return entry(ref).plain;
}

ValueId NhwcBuilder::nchw(Ref ref) {
  if (entry(ref).nchw == kNone) {
    const ValueId value = entry(ref).plain;
    ops::check_rank(graph_.shape(value), kImageRank, kImageRank, "an image");
    const std::string name = graph_.graph().value(value).name + "/nchw";
    const Tensor* constant = graph_.graph().constant(value);
    entry(ref).nchw = constant != nullptr ? graph_.constant(name, permuted(*constant, kToNchw))
                                          : graph_.transpose(name, value, kToNchw);
  }
  return entry(ref).nchw;
}

Shape NhwcBuilder::shape(Ref ref) const {
  if (entry(ref).plain != kNone) {
    return graph_.shape(entry(ref).plain);
  }
  const Shape& s = graph_.shape(entry(ref).nchw);
  return {s[0], s[2], s[3], s[1]};
}

DataType NhwcBuilder::data_type(Ref ref) const {
  return graph_.type(entry(ref).plain != kNone ? entry(ref).plain : entry(ref).nchw).data_type;
}

bool NhwcBuilder::prefers_nchw(Ref ref) const { return entry(ref).plain == kNone; }

const Tensor* NhwcBuilder::known(Ref ref) const {
  return entry(ref).plain == kNone ? nullptr : graph_.known(entry(ref).plain);
}

Ints NhwcBuilder::known_ints(Ref ref, std::string_view what) const {
  return graph_.known_ints(ref == kNoRef ? kNone : entry(ref).plain, what);
}

std::size_t NhwcBuilder::axis(Ref ref, std::int64_t axis_given, std::string_view what) const {
  return ops::normalize_axis(axis_given, shape(ref).size(), what);
}

ValueId NhwcBuilder::preferred(Ref ref) { return prefers_nchw(ref) ? entry(ref).nchw : entry(ref).plain; }

Ref NhwcBuilder::same_order(Ref like, ValueId value) {
  return prefers_nchw(like) ? from_nchw(value) : from_plain(value);
}

std::vector<Ref> NhwcBuilder::adopt(Ref like, const std::vector<ValueId>& values) {
  std::vector<Ref> refs;
  for (const ValueId value : values) {
    refs.push_back(same_order(like, value));
  }
  return refs;
}

std::int64_t NhwcBuilder::preferred_axis(Ref ref, std::int64_t axis_given) const {
  const std::size_t at = axis(ref, axis_given);
  // Where kToNchw holds `at` is where that axis of the file lies.
  return prefers_nchw(ref) ? std::ranges::find(kToNchw, static_cast<std::int64_t>(at)) - kToNchw.begin()
                           : static_cast<std::int64_t>(at);
}

Ints NhwcBuilder::preferred_list(Ref ref, const Ints& values) const {
  if (!prefers_nchw(ref) || values.size() != kImageRank) {
    return values;  // of the wrong length: shape inference says so
  }
  return {values[0], values[3], values[1], values[2]};
}

Ref NhwcBuilder::unary(std::string_view op, const std::string& name, Ref x, const Attributes& attributes) {
  return same_order(x, graph_.add(op, name, {preferred(x)}, attributes));
}

Ref NhwcBuilder::with_scalars(std::string_view op, const std::string& name, Ref x, const std::vector<ValueId>& scalars,
                              const Attributes& attributes) {
  std::vector<ValueId> inputs = {preferred(x)};
  inputs.insert(inputs.end(), scalars.begin(), scalars.end());
  return same_order(x, graph_.add(op, name, inputs, attributes));
}

ValueId NhwcBuilder::broadcast_nchw(const std::string& name, Ref ref) {
  const Shape own = shape(ref);
  if (own.size() == kImageRank) {
    return nchw(ref);
  }
  if (is_static(own) && element_count(own) == 1) {  // means the same in any order
    return own.empty() ? plain(ref) : graph_.reshape(name + "/scalar", plain(ref), {}, false);
  }
  const ValueId value = plain(ref);
  if (own.size() == 1) {
    return graph_.reshape(name + "/channels", value, {1, own[0] == kDynamic ? -1 : own[0], 1, 1}, false);
  }
  Ints axes;
  for (std::size_t i = own.size(); i < kImageRank; ++i) {
    axes.push_back(static_cast<std::int64_t>(axes.size()));
  }
  const ValueId wide = graph_.add("Unsqueeze", name + "/wide", {value, graph_.ints(axes)});
  return graph_.transpose(name + "/nchw", wide, kToNchw);
}

Ref NhwcBuilder::binary(std::string_view op, const std::string& name, Ref a, Ref b, const Attributes& attributes) {
  const std::size_t rank_a = shape(a).size();
  const std::size_t rank_b = shape(b).size();
  const bool image = (prefers_nchw(a) || prefers_nchw(b)) && std::max(rank_a, rank_b) == kImageRank;
  if (!image) {
    return from_plain(graph_.add(op, name, {plain(a), plain(b)}, attributes));
  }
  const ValueId left = broadcast_nchw(name, a);
  return from_nchw(graph_.add(op, name, {left, broadcast_nchw(name, b)}, attributes));
}

Ref NhwcBuilder::select(const std::string& name, Ref condition, Ref a, Ref b) {
  return from_plain(graph_.add("Select", name, {plain(condition), plain(a), plain(b)}));
}

Ref NhwcBuilder::convert(const std::string& name, Ref x, DataType type) {
  return data_type(x) == type ? x : same_order(x, graph_.convert(name, preferred(x), type));
}

Ref NhwcBuilder::concat(const std::string& name, const std::vector<Ref>& parts, std::int64_t axis_given) {
  if (parts.empty()) {
    fail(ErrorCode::kInvalidModel, "concatenates nothing");
  }
  const auto first = std::ranges::find_if(parts, [this](Ref part) { return prefers_nchw(part); });
  const Ref like = first == parts.end() ? parts[0] : *first;
  const bool image = prefers_nchw(like);
  std::vector<ValueId> values;
  for (const Ref part : parts) {
    values.push_back(image ? nchw(part) : plain(part));
  }
  return same_order(like, graph_.add("Concat", name, values, {{"axis", preferred_axis(like, axis_given)}}));
}

Ref NhwcBuilder::softmax(const std::string& name, Ref x, std::int64_t axis_given, bool log) {
  return same_order(
      x, graph_.add(log ? "LogSoftmax" : "Softmax", name, {preferred(x)}, {{"axis", preferred_axis(x, axis_given)}}));
}

Ref NhwcBuilder::reduce(std::string_view op, const std::string& name, Ref x, const Ints& axes, bool keep_dims) {
  Ints own;
  for (const std::int64_t one : axes) {
    own.push_back(preferred_axis(x, one));
  }
  std::ranges::sort(own);
  if (!prefers_nchw(x)) {
    return from_plain(graph_.add(op, name, {plain(x), graph_.ints(own)}, {{"keep_dims", keep_dims}}));
  }
  if (!keep_dims && own == Ints{2, 3}) {  // what is left, [N,C], stands in the same order
    return from_plain(graph_.add(op, name, {nchw(x), graph_.ints(own)}, {{"keep_dims", false}}));
  }
  const Ref kept = from_nchw(graph_.add(op, name, {nchw(x), graph_.ints(own)}, {{"keep_dims", true}}));
  return keep_dims ? kept : squeeze(name + "/squeeze", kept, axes);
}

Ref NhwcBuilder::arg_extreme(const std::string& name, Ref x, std::int64_t axis_given, bool largest, DataType type) {
  const std::int64_t own = preferred_axis(x, axis_given);
  const auto top = graph_.add_many("TopK", name + "/top", {preferred(x), graph_.int_scalar(1)}, 2,
                                   {{"axis", own},
                                    {"mode", largest ? "max" : "min"},
                                    {"sort", "value"},
                                    {"stable", true},
                                    {"index_element_type", type}});
  constexpr std::int64_t kChannels = 1;
  if (prefers_nchw(x) && own == kChannels) {  // what is left, [N,H,W], stands in the file's order
    return from_plain(graph_.add("Squeeze", name, {top[1], graph_.ints({own})}));
  }
  return squeeze(name, same_order(x, top[1]), {axis_given});
}

Ref NhwcBuilder::pad(const std::string& name, Ref x, const Ints& begin, const Ints& end, std::string_view mode,
                     Ref value) {
  std::vector<ValueId> inputs = {preferred(x), graph_.ints(preferred_list(x, begin)),
                                 graph_.ints(preferred_list(x, end))};
  if (value != kNoRef) {
    inputs.push_back(plain(value));
  }
  return same_order(x, graph_.add("Pad", name, inputs, {{"pad_mode", mode}}, 1));
}

std::vector<Ref> NhwcBuilder::split(const std::string& name, Ref x, std::int64_t axis_given, std::size_t count) {
  return adopt(x, graph_.add_many("Split", name, {preferred(x), graph_.int_scalar(preferred_axis(x, axis_given))},
                                  count, {{"num_splits", count}}));
}

std::vector<Ref> NhwcBuilder::split(const std::string& name, Ref x, std::int64_t axis_given, const Ints& lengths) {
  return adopt(x,
               graph_.add_many("VariadicSplit", name,
                               {preferred(x), graph_.int_scalar(preferred_axis(x, axis_given)), graph_.ints(lengths)},
                               lengths.size()));
}

Ref NhwcBuilder::shape_of(const std::string& name, Ref x, DataType type) {
  const ValueId extents = graph_.add("ShapeOf", name, {preferred(x)}, {{"output_type", type}});
  if (!prefers_nchw(x)) {
    return from_plain(extents);
  }
  return from_plain(graph_.add("Gather", name + "/nhwc", {extents, graph_.ints(kToNhwc), graph_.int_scalar(0)}));
}

Ref NhwcBuilder::reshape(const std::string& name, Ref x, ValueId pattern) {
  return from_plain(graph_.add("Reshape", name, {plain(x), pattern}, {{"special_zero", false}}));
}

Ref NhwcBuilder::transpose(const std::string& name, Ref x, const Ints& order) {
  if (order == kToNchw) {  // the file turns to our order by itself
    return from_plain(nchw(x));
  }
  if (order == kToNhwc && entry(x).plain != kNone) {
    return from_nchw(plain(x));
  }
  return from_plain(graph_.transpose(name, plain(x), order));
}

Ref NhwcBuilder::squeeze(const std::string& name, Ref x, Ints axes) {
  const Shape own = shape(x);
  for (std::int64_t& one : axes) {
    one = static_cast<std::int64_t>(axis(x, one));
  }
  if (axes.empty()) {
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (own[i] == 1) {
        axes.push_back(static_cast<std::int64_t>(i));
      }
    }
  }
  std::ranges::sort(axes);
  if (prefers_nchw(x) && axes == Ints{1, 2}) {  // what is left, [N,C], stands in the same order
    return from_plain(graph_.add("Squeeze", name, {nchw(x), graph_.ints({2, 3})}));
  }
  return from_plain(graph_.add("Squeeze", name, {plain(x), graph_.ints(axes)}));
}

Ref NhwcBuilder::unsqueeze(const std::string& name, Ref x, std::int64_t axis_given) {
  return from_plain(graph_.add("Unsqueeze", name, {plain(x), graph_.ints({axis_given})}));
}

Ref NhwcBuilder::pack(const std::string& name, const std::vector<Ref>& parts, std::int64_t axis_given) {
  if (parts.empty()) {
    fail(ErrorCode::kInvalidModel, "packs nothing");
  }
  std::vector<ValueId> values;
  for (const Ref part : parts) {
    values.push_back(plain(unsqueeze(name + "/part", part, axis_given)));
  }
  return from_plain(graph_.add("Concat", name, values, {{"axis", axis_given}}));
}

std::vector<Ref> NhwcBuilder::unpack(const std::string& name, Ref x, std::int64_t axis_given, std::size_t count) {
  std::vector<Ref> parts;
  for (const Ref part : split(name + "/split", x, axis_given, count)) {
    parts.push_back(squeeze(name, part, {axis_given}));
  }
  return parts;
}

Ref NhwcBuilder::slice(const std::string& name, Ref x, const Ints& begin, const Ints& size) {
  const std::size_t rank = shape(x).size();
  if (begin.size() != rank || size.size() != rank) {
    fail(ErrorCode::kInvalidModel, "begin and size have {} and {} values, expected {}", begin.size(), size.size(),
         rank);
  }
  Ints end, axes;
  for (std::size_t i = 0; i < rank; ++i) {
    if (begin[i] < 0 || begin[i] > ops::kMaxAttribute || size[i] < -1 || size[i] > ops::kMaxAttribute) {
      fail(ErrorCode::kInvalidModel, "begin {} and size {} along axis {}", begin[i], size[i], i);
    }
    end.push_back(size[i] == -1 ? ops::kMaxAttribute : begin[i] + size[i]);
    axes.push_back(static_cast<std::int64_t>(i));
  }
  return same_order(
      x, graph_.add("Slice", name,
                    {preferred(x), graph_.ints(preferred_list(x, begin)), graph_.ints(preferred_list(x, end)),
                     graph_.ints(Ints(rank, 1)), graph_.ints(axes)}));
}

Ref NhwcBuilder::strided_slice(const std::string& name, Ref x, Ref begin, Ref end, Ref strides,
                               const SliceMasks& masks) {
  const Shape list = shape(begin);
  ops::check_rank(list, 1, 1, "begin");
  const auto bits = [&](std::int64_t mask) {
    Ints values;
    for (std::int64_t i = 0; i < list[0]; ++i) {
      values.push_back((mask >> std::min<std::int64_t>(i, 62)) & 1);
    }
    return values;
  };
  return from_plain(graph_.add("StridedSlice", name, {plain(x), plain(begin), plain(end), plain(strides)},
                               {{"begin_mask", bits(masks.begin)},
                                {"end_mask", bits(masks.end)},
                                {"ellipsis_mask", bits(masks.ellipsis)},
                                {"new_axis_mask", bits(masks.new_axis)},
                                {"shrink_axis_mask", bits(masks.shrink)}}));
}

Ref NhwcBuilder::gather(const std::string& name, Ref x, Ref indices, std::int64_t axis_given, std::int64_t batch_dims) {
  return from_plain(graph_.add("Gather", name, {plain(x), plain(indices), graph_.int_scalar(axis_given)},
                               {{"batch_dims", batch_dims}}));
}

}  // namespace fovea::importer
