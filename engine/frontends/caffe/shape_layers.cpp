// Layers that move data, SSD's layers, reductions.
// https://caffe.berkeleyvision.org/tutorial/layers.html

#include "engine/frontends/caffe/layers.hpp"
#include "engine/ops/shapes.hpp"

namespace fovea::caffe {
namespace {

using importer::Attributes;
using importer::Ints;
using Values = std::vector<ValueId>;

/// Layers that do nothing at inference; each top is the bottom.
Values identity(const LayerContext& c) {
  Values tops(static_cast<std::size_t>(c.layer.top_size()), c.bottom());
  return tops;
}

/// Layers whose tops do not exist at inference.
Values nothing(const LayerContext& /*context*/) { return {}; }

Values concat(const LayerContext& c) {
  const ConcatParameter& p = c.layer.concat_param();
  const std::int64_t axis = p.has_axis() ? p.axis() : static_cast<std::int64_t>(p.concat_dim());
  return {c.graph.add("Concat", c.name(), c.bottoms, {{"axis", c.axis(axis)}})};
}

Values slice(const LayerContext& c) {
  const SliceParameter& p = c.layer.slice_param();
  const std::size_t axis = c.axis(p.has_axis() ? p.axis() : static_cast<std::int64_t>(p.slice_dim()));
  const auto tops = static_cast<std::size_t>(c.layer.top_size());
  const auto at = static_cast<std::int64_t>(axis);
  if (p.slice_point().empty()) {
    return c.graph.add_many("Split", c.name(), {c.bottom(), c.graph.int_scalar(at)}, tops, {{"num_splits", tops}});
  }
  if (static_cast<std::size_t>(p.slice_point_size()) + 1 != tops) {
    fail(ErrorCode::kInvalidModel, "{} slice points for {} top blobs, expected one less", p.slice_point_size(), tops);
  }
  Ints lengths;
  std::int64_t last = 0;
  for (const std::int64_t point : p.slice_point()) {
    if (point <= last) {
      fail(ErrorCode::kInvalidModel, "slice point {} after {}, expected rising ones above 0", point, last);
    }
    lengths.push_back(point - last);
    last = point;
  }
  lengths.push_back(-1);
  return c.graph.add_many("VariadicSplit", c.name(), {c.bottom(), c.graph.int_scalar(at), c.graph.ints(lengths)}, tops);
}

Values flatten(const LayerContext& c) {
  const FlattenParameter& p = c.layer.flatten_param();
  const std::size_t first = c.axis(p.axis());
  const std::size_t last = c.axis(p.end_axis(), "end_axis");
  if (last < first) {
    fail(ErrorCode::kInvalidModel, "end_axis {} lies before axis {}", p.end_axis(), p.axis());
  }
  // Extents behind a run of unknown length cannot be copied by position.
  Ints pattern(first, 0);
  pattern.push_back(-1);
  const Shape& shape = c.graph.shape(c.bottom());
  pattern.insert(pattern.end(), shape.begin() + static_cast<std::ptrdiff_t>(last) + 1, shape.end());
  return {c.graph.reshape(c.name(), c.bottom(), pattern)};
}

Values reshape(const LayerContext& c) {
  const ReshapeParameter& p = c.layer.reshape_param();
  const Shape& shape = c.graph.shape(c.bottom());
  const auto rank = static_cast<std::int64_t>(shape.size());
  const std::int64_t first = p.axis() >= 0 ? p.axis() : rank + 1 + p.axis();
  const std::int64_t count = p.num_axes() == -1 ? rank - first : p.num_axes();
  if (first < 0 || first > rank || count < 0 || count > rank - first) {
    fail(ErrorCode::kInvalidModel, "axis {} and num_axes {} for the bottom {}", p.axis(), p.num_axes(),
         to_string(shape));
  }
  Ints pattern(static_cast<std::size_t>(first), 0);
  for (int i = 0; i < p.shape().dim_size(); ++i) {
    const std::int64_t dim = p.shape().dim(i);
    // 0 copies the extent at this place of the reshaped part, which is also its place in the bottom.
    if (dim < -1 || (dim == 0 && i >= count)) {
      fail(ErrorCode::kInvalidModel, "dim {} is {}, expected -1, above 0, or 0 for an extent of the bottom {}", i, dim,
           to_string(shape));
    }
    pattern.push_back(dim);
  }
  pattern.insert(pattern.end(), shape.begin() + static_cast<std::ptrdiff_t>(first + count), shape.end());
  return {c.graph.reshape(c.name(), c.bottom(), pattern)};
}

Values permute(const LayerContext& c) {
  const std::size_t rank = c.graph.rank(c.bottom());
  Ints order;
  for (const std::int64_t axis : c.layer.permute_param().order()) {
    order.push_back(static_cast<std::int64_t>(ops::normalize_axis(axis, rank, "order")));
  }
  for (std::int64_t axis = 0; axis < static_cast<std::int64_t>(rank); ++axis) {  // axes left out follow in order
    if (std::ranges::find(order, axis) == order.end()) {
      order.push_back(axis);
    }
  }
  return {c.graph.transpose(c.name(), c.bottom(), order)};
}

/// Cuts the first bottom to the second one's extents.
Values crop(const LayerContext& c) {
  const CropParameter& p = c.layer.crop_param();
  const Shape from = c.graph.shape(c.bottom(0));
  const Shape to = c.graph.shape(c.bottom(1));
  const std::size_t first = c.axis(p.axis());
  const std::size_t count = from.size() - first;
  if (to.size() != from.size() || !is_static(to)) {
    fail(ErrorCode::kInvalidModel, "cannot crop {} to {}", to_string(from), to_string(to));
  }
  if (p.offset_size() > 1 && static_cast<std::size_t>(p.offset_size()) != count) {
    fail(ErrorCode::kInvalidModel, "{} offsets, expected 1 or {}", p.offset_size(), count);
  }
  Ints begin, end, steps, axes;
  for (std::size_t i = 0; i < count; ++i) {
    const int place = p.offset_size() == 1 ? 0 : static_cast<int>(i);
    const std::int64_t offset = p.offset_size() == 0 ? 0 : p.offset(place);
    if (offset + to[first + i] > from[first + i]) {
      fail(ErrorCode::kInvalidModel, "offset {} and extent {} reach beyond {} along axis {}", offset, to[first + i],
           from[first + i], first + i);
    }
    begin.push_back(offset);
    end.push_back(offset + to[first + i]);
    steps.push_back(1);
    axes.push_back(static_cast<std::int64_t>(first + i));
  }
  auto& g = c.graph;
  return {g.add("Slice", c.name(), {c.bottom(0), g.ints(begin), g.ints(end), g.ints(steps), g.ints(axes)})};
}

Values tile(const LayerContext& c) {
  const TileParameter& p = c.layer.tile_param();
  Ints repeats(c.graph.rank(c.bottom()), 1);
  ops::check_range(p.tiles(), 1, ops::kMaxAttribute, "tiles");
  repeats[c.axis(p.axis())] = p.tiles();
  return {c.graph.add("Tile", c.name(), {c.bottom(), c.graph.ints(repeats)})};
}

Values shuffle_channel(const LayerContext& c) {
  return {c.graph.add("ShuffleChannels", c.name(), {c.bottom()},
                      {{"axis", 1}, {"group", c.layer.shuffle_channel_param().group()}})};
}

/// The spatial extents [height, width] of a [N,C,H,W] value.
ValueId spatial_extents(const LayerContext& c, ValueId value, std::string_view part) {
  ops::check_rank(c.graph.shape(value), 4, 4, "bottom");
  const ValueId shape = c.graph.add("ShapeOf", c.name(fmt::format("{}_shape", part)), {value});
  return c.graph.slice(c.name(fmt::format("{}_extents", part)), shape, 0, 2, 4);
}

template <class Repeated>
std::vector<float> floats(const Repeated& values) {
  return {values.begin(), values.end()};
}

/// PriorBox and PriorBoxClustered: [1,2,4·P].
Values prior_box(const LayerContext& c) {
  const PriorBoxParameter& p = c.layer.prior_box_param();
  const bool clustered = c.layer.type() == "PriorBoxClustered";
  if (p.has_img_size() || p.has_img_h() || p.has_img_w()) {
    fail(ErrorCode::kUnsupported, "img_size, img_h and img_w are not supported; the image's extents are used");
  }
  std::vector<float> variance = floats(p.variance());
  if (variance.empty()) {
    variance = {0.1F};
  }
  Attributes attributes = {{"clip", p.clip()}, {"offset", p.offset()}, {"variance", variance}};
  if (clustered) {
    attributes.emplace_back("width", floats(p.width()));
    attributes.emplace_back("height", floats(p.height()));
    attributes.emplace_back("step", p.step());
    attributes.emplace_back("step_h", p.step_h());
    attributes.emplace_back("step_w", p.step_w());
  } else {
    if (p.step_h() != p.step_w()) {
      fail(ErrorCode::kUnsupported, "step_h {} and step_w {} differ", p.step_h(), p.step_w());
    }
    attributes.emplace_back("min_size", floats(p.min_size()));
    attributes.emplace_back("max_size", floats(p.max_size()));
    attributes.emplace_back("aspect_ratio", floats(p.aspect_ratio()));
    attributes.emplace_back("flip", p.flip());
    attributes.emplace_back("step", p.has_step() ? p.step() : p.step_h());
  }
  const ValueId boxes =
      c.graph.add(c.layer.type(), c.name("boxes"),
                  {spatial_extents(c, c.bottom(0), "feature"), spatial_extents(c, c.bottom(1), "image")}, attributes);
  return {c.graph.add("Unsqueeze", c.name(), {boxes, c.graph.ints({0})})};
}

Values detection_output(const LayerContext& c) {
  const DetectionOutputParameter& p = c.layer.detection_output_param();
  if (p.code_type() == PriorBoxParameter::CORNER_SIZE) {
    fail(ErrorCode::kUnsupported, "code_type CORNER_SIZE is not supported");
  }
  if (p.nms_param().eta() != 1) {
    fail(ErrorCode::kUnsupported, "nms_param eta {} is not supported, only 1 is", p.nms_param().eta());
  }
  const bool centred = p.code_type() == PriorBoxParameter::CENTER_SIZE;
  constexpr int kOpset = 1;
  return {
      c.graph.add("DetectionOutput", c.name(), {c.bottom(0), c.bottom(1), c.bottom(2)},
                  {{"num_classes", p.num_classes()},
                   {"background_label_id", p.background_label_id()},
                   {"top_k", p.nms_param().top_k()},
                   {"keep_top_k", Ints{p.keep_top_k()}},
                   {"code_type", centred ? "caffe.PriorBoxParameter.CENTER_SIZE" : "caffe.PriorBoxParameter.CORNER"},
                   {"share_location", p.share_location()},
                   {"nms_threshold", p.nms_param().nms_threshold()},
                   {"confidence_threshold", p.has_confidence_threshold() ? p.confidence_threshold() : -3.4e38F},
                   {"variance_encoded_in_target", p.variance_encoded_in_target()},
                   {"normalized", true}},
                  kOpset)};
}

/// Indices (and values) of the largest elements, indices as f32.
Values arg_max(const LayerContext& c) {
  const ArgMaxParameter& p = c.layer.argmax_param();
  const Shape& shape = c.graph.shape(c.bottom());
  ValueId value = c.bottom();
  const std::size_t axis = p.has_axis() ? c.axis(p.axis()) : 1;
  if (!p.has_axis()) {
    ops::check_rank(shape, 1, 16, "bottom");
    value = c.graph.reshape(c.name("flatten"), value, {0, -1});
  }
  const Values top =
      c.graph.add_many("TopK", c.name("top"), {value, c.graph.int_scalar(p.top_k())}, 2,
                       {{"axis", axis}, {"mode", "max"}, {"sort", "value"}, {"index_element_type", "i32"}});
  const ValueId indices = c.graph.convert(c.name("indices"), top[1], DataType::kF32);
  if (p.has_axis()) {
    return {p.out_max_val() ? top[0] : indices};
  }
  const ValueId row = c.graph.add("Unsqueeze", c.name(), {indices, c.graph.ints({1})});
  if (!p.out_max_val()) {
    return {row};
  }
  const ValueId maxima = c.graph.add("Unsqueeze", c.name("maxima"), {top[0], c.graph.ints({1})});
  return {c.graph.add("Concat", c.name("pairs"), {row, maxima}, {{"axis", 1}})};
}

Values reduction(const LayerContext& c) {
  const ReductionParameter& p = c.layer.reduction_param();
  Ints axes;
  for (std::size_t i = c.axis(p.axis()); i < c.graph.rank(c.bottom()); ++i) {
    axes.push_back(static_cast<std::int64_t>(i));
  }
  ValueId value = c.bottom();
  std::string_view op = "ReduceSum";
  if (p.operation() == ReductionParameter::ASUM) {
    op = "ReduceL1";
  } else if (p.operation() == ReductionParameter::SUMSQ) {
    value = c.graph.add("Multiply", c.name("square"), {value, value});
  } else if (p.operation() == ReductionParameter::MEAN) {
    op = "ReduceMean";
  }
  const ValueId reduced = c.graph.add(op, c.name(), {value, c.graph.ints(axes)}, {{"keep_dims", false}});
  return {p.coeff() == 1 ? reduced
                         : c.graph.add("Multiply", c.name("coefficient"), {reduced, c.graph.scalar(p.coeff())})};
}

}  // namespace

void add_shape_layers(Converters& converters) {
  const Converters own = {
      {"Accuracy", nothing},
      {"ArgMax", arg_max},
      {"Concat", concat},
      {"Crop", crop},
      {"DetectionOutput", detection_output},
      {"Dropout", identity},
      {"Flatten", flatten},
      {"Permute", permute},
      {"PriorBox", prior_box},
      {"PriorBoxClustered", prior_box},
      {"Reduction", reduction},
      {"Reshape", reshape},
      {"ShuffleChannel", shuffle_channel},
      {"Silence", nothing},
      {"Slice", slice},
      {"Split", identity},
      {"Tile", tile},
  };
  converters.insert(own.begin(), own.end());
}

}  // namespace fovea::caffe
