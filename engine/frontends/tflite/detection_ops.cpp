// The custom operator TFLite_Detection_PostProcess: decodes box encodings against anchors and selects the best boxes.
// Its options are a flexbuffer map; its outputs have room for max_detections · max_classes_per_detection rows, zeros
// behind the selected ones.
// https://github.com/tensorflow/models/blob/master/research/object_detection/g3doc/tf1_detection_zoo.md

#include <flatbuffers/flexbuffers.h>

#include <array>
#include <cmath>

#include "engine/frontends/tflite/importer.hpp"

namespace fovea::tflite {
namespace {

using importer::GraphBuilder;
using importer::Ints;

struct Options {
  std::int64_t max_detections = 0;
  std::int64_t max_classes = 0;  ///< Of one box, when boxes compete across classes.
  std::int64_t per_class = 100;  ///< When each class is searched by itself.
  std::int64_t classes = 0;      ///< Without background.
  bool regular = false;          ///< Each class by itself.
  float score_threshold = 0;
  float iou_threshold = 0;
  std::vector<float> scales;  ///< y, x, height, width.
};

std::int64_t count_option(const flexbuffers::Map& map, const char* name, std::int64_t fallback) {
  constexpr std::int64_t kMost = 1 << 16;
  const flexbuffers::Reference value = map[name];
  const std::int64_t count = value.IsNull() ? fallback : value.AsInt64();
  if (count < 1 || count > kMost) {
    fail(ErrorCode::kInvalidModel, "option {} is {}, expected 1 to {}", name, count, kMost);
  }
  return count;
}

float real_option(const flexbuffers::Map& map, const char* name) {
  const flexbuffers::Reference value = map[name];
  const float number = value.AsFloat();
  if (!value.IsNumeric() || !std::isfinite(number)) {
    fail(ErrorCode::kInvalidModel, "option {} is missing or no finite number", name);
  }
  return number;
}

Options read_options(const OpContext& c) {
  const auto* bytes = c.op().custom_options();
  if (bytes == nullptr || !flexbuffers::VerifyBuffer(bytes->data(), bytes->size())) {
    fail(ErrorCode::kInvalidModel, "its options are missing or damaged");
  }
  const flexbuffers::Reference root = flexbuffers::GetRoot(bytes->data(), bytes->size());
  if (!root.IsMap()) {
    fail(ErrorCode::kInvalidModel, "its options are no map");
  }
  const flexbuffers::Map map = root.AsMap();
  Options options;
  options.max_detections = count_option(map, "max_detections", 0);
  options.max_classes = count_option(map, "max_classes_per_detection", 0);
  options.per_class = count_option(map, "detections_per_class", options.per_class);
  options.classes = count_option(map, "num_classes", 0);
  options.regular = !map["use_regular_nms"].IsNull() && map["use_regular_nms"].AsBool();
  options.score_threshold = real_option(map, "nms_score_threshold");
  options.iou_threshold = real_option(map, "nms_iou_threshold");
  for (const char* name : {"y_scale", "x_scale", "h_scale", "w_scale"}) {
    options.scales.push_back(real_option(map, name));
    if (options.scales.back() == 0) {
      fail(ErrorCode::kInvalidModel, "option {} is 0", name);
    }
  }
  return options;
}

/// Builds the nodes under names of their own.
class PostProcess {
 public:
  PostProcess(const OpContext& c, Options options)
      : context_(c), graph_(c.graph()), options_(std::move(options)), name_(c.name() + "/") {
    const Shape boxes = c.nhwc().shape(c.input(0));
    const Shape scores = c.nhwc().shape(c.input(1));
    const Shape anchors = c.nhwc().shape(c.input(2));
    if (boxes.size() != 3 || scores.size() != 3 || anchors.size() != 2 || !is_static(boxes) || !is_static(scores) ||
        boxes[0] != 1 || scores[0] != 1 || boxes[2] != 4 || anchors != Shape{boxes[1], 4} || scores[1] != boxes[1]) {
      fail(ErrorCode::kInvalidModel, "has encodings {}, scores {} and anchors {}, expected [1,B,4], [1,B,C] and [B,4]",
           to_string(boxes), to_string(scores), to_string(anchors));
    }
    count_ = boxes[1];
    columns_ = scores[2];
    if (columns_ < options_.classes || options_.max_classes > options_.classes) {
      fail(ErrorCode::kInvalidModel, "has scores of {} columns, {} classes and {} of them a detection", columns_,
           options_.classes, options_.max_classes);
    }
  }

  void build() {
    const ValueId corners = decoded_boxes();
    // Columns before the classes are background.
    const ValueId all = reshape("scores", plain(1), {count_, columns_});
    const ValueId scores = graph_.slice(name_ + "class_scores", all, 1, columns_ - options_.classes, columns_);
    options_.regular ? select_by_class(corners, scores) : select_across_classes(corners, scores);
  }

 private:
  ValueId add(std::string_view op, const char* part, const std::vector<ValueId>& inputs,
              const importer::Attributes& attributes = {}) {
    return graph_.add(op, name_ + part, inputs, attributes);
  }
  ValueId plain(std::size_t input) { return context_.nhwc().plain(context_.input(input)); }
  ValueId reshape(const char* part, ValueId value, const Ints& shape) {
    return graph_.reshape(name_ + part, value, shape, false);
  }
  /// Rows of `table` that the indices name.
  ValueId rows(const char* part, ValueId table, ValueId indices) {
    return add("Gather", part, {table, indices, graph_.int_scalar(0)});
  }
  ValueId column(const char* part, ValueId table, std::int64_t index) {
    return add("Gather", part, {table, graph_.int_scalar(index), graph_.int_scalar(1)});
  }

  /// [B,4]: ymin, xmin, ymax, xmax.
  ValueId decoded_boxes() {
    const ValueId codes = reshape("codes", plain(0), {count_, 4});
    const ValueId scales = graph_.constant(name_ + "scales", Tensor::of<float>({1, 4}, options_.scales));
    const ValueId scaled = add("Divide", "scaled", {codes, scales});
    const ValueId anchors = plain(2);
    const ValueId extents = graph_.slice(name_ + "anchor_extents", anchors, 1, 2, 4);
    const ValueId moved = add("Multiply", "moved", {graph_.slice(name_ + "move", scaled, 1, 0, 2), extents});
    const ValueId centres = add("Add", "centres", {moved, graph_.slice(name_ + "anchor_centres", anchors, 1, 0, 2)});
    const ValueId grown = add("Exp", "grown", {graph_.slice(name_ + "grow", scaled, 1, 2, 4)});
    const ValueId halves =
        add("Multiply", "halves", {add("Multiply", "extents", {grown, extents}), graph_.scalar(0.5F)});
    return add("Concat", "corners", {add("Subtract", "low", {centres, halves}), add("Add", "high", {centres, halves})},
               {{"axis", 1}});
  }

  /// Rows [image, class, box] of the best boxes, at most max_detections, the best first.
  /// \param scores  [1,C,B]
  ValueId selected(ValueId corners, ValueId scores, std::int64_t per_class) {
    const std::vector<ValueId> outputs =
        graph_.add_many("NonMaxSuppression", name_ + "selected",
                        {reshape("boxes", corners, {1, count_, 4}), scores, graph_.int_scalar(per_class),
                         graph_.scalar(options_.iou_threshold), graph_.scalar(options_.score_threshold)},
                        3, {{"box_encoding", "corner"}, {"sort_result_descending", true}, {"output_type", "i64"}});
    return graph_.slice(name_ + "best", outputs[0], 0, 0, options_.max_detections);
  }

  /// Each class by itself, then the best of all.
  void select_by_class(ValueId corners, ValueId scores) {
    const ValueId by_class = graph_.transpose(name_ + "scores_by_class", scores, {1, 0});
    const ValueId best =
        selected(corners, reshape("class_rows", by_class, {1, options_.classes, count_}), options_.per_class);
    const ValueId boxes = column("box", best, 2);
    const ValueId classes = column("class", best, 1);
    const ValueId score = add("GatherND", "score",
                              {scores, graph_.add("Concat", name_ + "places",
                                                  {add("Unsqueeze", "box_place", {boxes, graph_.ints({1})}),
                                                   add("Unsqueeze", "class_place", {classes, graph_.ints({1})})},
                                                  {{"axis", 1}})});
    set_outputs(rows("detection_boxes", corners, boxes), classes, score);
  }

  /// Boxes compete by the best of their classes.
  void select_across_classes(ValueId corners, ValueId scores) {
    const std::int64_t kept = options_.max_classes;
    const std::vector<ValueId> top = graph_.add_many(
        "TopK", name_ + "top", {scores, graph_.int_scalar(kept)}, 2,
        {{"axis", 1}, {"mode", "max"}, {"sort", "value"}, {"index_element_type", "i64"}, {"stable", true}});
    const ValueId best_score = graph_.slice(name_ + "best_scores", top[0], 1, 0, 1);
    const ValueId best = selected(corners, reshape("box_scores", best_score, {1, 1, count_}), options_.max_detections);
    const ValueId boxes = column("box", best, 2);
    ValueId repeated = boxes;
    if (kept > 1) {
      const ValueId once = add("Unsqueeze", "box_once", {boxes, graph_.ints({1})});
      repeated = reshape("box_repeated", add("Tile", "box_tiled", {once, graph_.ints({1, kept})}), {-1});
    }
    set_outputs(rows("detection_boxes", corners, repeated), reshape("classes", rows("class_rows", top[1], boxes), {-1}),
                reshape("score", rows("score_rows", top[0], boxes), {-1}));
  }

  /// The first rows are the value's, zeros follow.
  ValueId filled(const char* part, ValueId value, const Shape& row) {
    const std::int64_t places = options_.max_detections * options_.max_classes;
    Shape shape = {places};
    shape.insert(shape.end(), row.begin(), row.end());
    const std::string name = name_ + part;
    const ValueId zeros = graph_.constant(name + "_zeros", Tensor(DataType::kF32, shape));
    const ValueId longer = graph_.add("Concat", name + "_filled", {value, zeros}, {{"axis", 0}});
    shape.insert(shape.begin(), 1);
    return graph_.reshape(name, graph_.slice(name + "_places", longer, 0, 0, places), shape, false);
  }

  void set_outputs(ValueId boxes, ValueId classes, ValueId scores) {
    auto& n = context_.nhwc();
    const ValueId count = add("ShapeOf", "count", {scores}, {{"output_type", "i64"}});
    const std::array<ValueId, 4> outputs = {
        filled("output_boxes", boxes, {4}),
        filled("output_classes", graph_.convert(name_ + "class_numbers", classes, DataType::kF32), {}),
        filled("output_scores", scores, {}), graph_.convert(name_ + "output_count", count, DataType::kF32)};
    if (context_.output_count() > outputs.size()) {
      fail(ErrorCode::kInvalidModel, "has {} outputs, expected at most {}", context_.output_count(), outputs.size());
    }
    for (std::size_t i = 0; i < context_.output_count(); ++i) {
      context_.set_moved(n.from_plain(outputs[i]), i);
    }
  }

  const OpContext& context_;
  GraphBuilder& graph_;
  Options options_;
  std::string name_;
  std::int64_t count_ = 0;    ///< Boxes.
  std::int64_t columns_ = 0;  ///< Of the scores, with background.
};

void detection_post_process(const OpContext& c) { PostProcess(c, read_options(c)).build(); }

}  // namespace

const CustomConverters& custom_converters() {
  static const CustomConverters kConverters = {{"TFLite_Detection_PostProcess", detection_post_process}};
  return kConverters;
}

}  // namespace fovea::tflite
