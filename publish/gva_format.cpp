// DL Streamer's frame message, as its element gvametaconvert writes it with format=json.
//
// Keys, nesting and units follow that element so that its consumers work unchanged: "timestamp" is stream time in
// nanoseconds, boxes come twice (pixels of the frame, normalised corners), attributes are keyed by their name.
#include "engine/base/error.hpp"
#include "publish/json_text.hpp"

namespace fovea::json_text {
namespace {

/// The name under which gvametaconvert files a classification, which shares its name space with "x", "detection", ….
std::string attribute_key(const Attribute& attribute, const Json& taken) {
  std::string key = attribute.name.empty() ? "classification/" + attribute.model : attribute.name;
  return taken.contains(key) ? "classification/" + key : key;
}

void add_attribute(Json& entry, const Attribute& attribute) {
  const std::string key = attribute_key(attribute, entry);
  Json value = {{"label", attribute.label}, {"model", {{"name", attribute.model}}}};
  if (std::isfinite(attribute.confidence)) {
    value["confidence"] = rounded(attribute.confidence);
  }
  if (attribute.label_id >= 0) {
    value["label_id"] = attribute.label_id;
  }
  entry[key] = std::move(value);
}

std::string_view gva_precision(DataType type) {
  switch (type) {
    case DataType::kF32:
      return "FP32";
    case DataType::kI32:
      return "I32";
    case DataType::kI64:
      return "I64";
    case DataType::kU8:
      return "U8";
    default:
      return "FP32";  // Everything else is converted to floats on the way out.
  }
}

Json tensor_json(const NamedTensor& named) {
  return {{"precision", gva_precision(named.tensor.data_type())},
          {"layout", "ANY"},
          {"dims", named.tensor.shape()},
          {"name", named.name},
          {"model_name", named.model},
          {"layer_name", named.name},
          {"format", ""},
          {"data", tensor_values(named.tensor)}};
}

Json pixel_box(const Box& box, const FrameAnalysis& analysis) {
  return {{"x", std::lround(box.x * static_cast<float>(analysis.width_px))},
          {"y", std::lround(box.y * static_cast<float>(analysis.height_px))},
          {"w", std::lround(box.width * static_cast<float>(analysis.width_px))},
          {"h", std::lround(box.height * static_cast<float>(analysis.height_px))}};
}

/// Intersection with the frame; gvametaconvert's corners never leave it.
Box inside_frame(const Box& box) {
  const float left = std::clamp(box.x, 0.0F, 1.0F);
  const float top = std::clamp(box.y, 0.0F, 1.0F);
  return {left, top, std::clamp(box.right(), 0.0F, 1.0F) - left, std::clamp(box.bottom(), 0.0F, 1.0F) - top};
}

Json object_json(const Object& object, int region_id, const FrameAnalysis& analysis, const FrameFormat& format) {
  const Box box = inside_frame(object.box);
  Json entry = pixel_box(box, analysis);
  entry["region_id"] = region_id;
  if (object.track_id.value_or(0) != 0) {
    entry["id"] = *object.track_id;
  }
  entry["roi_type"] = object.label;
  Json detection = {{"bounding_box",
                     {{"x_min", rounded(box.x)},
                      {"x_max", rounded(box.right())},
                      {"y_min", rounded(box.y)},
                      {"y_max", rounded(box.bottom())}}},
                    {"confidence", rounded(object.confidence)}};
  if (object.label_id >= 0) {
    detection["label_id"] = object.label_id;
  }
  if (!object.label.empty()) {
    detection["label"] = object.label;
  }
  entry["detection"] = std::move(detection);
  for (const Attribute& attribute : object.attributes) {
    add_attribute(entry, attribute);
  }
  if (format.add_tensor_data) {
    for (const NamedTensor& tensor : object.tensors) {
      entry["tensors"].push_back(tensor_json(tensor));
    }
  }
  return entry;
}

Json parse_tags(const std::string& text) {
  Json tags = Json::parse(text, nullptr, false);
  if (!tags.is_object()) {
    fail(ErrorCode::kInvalidArgument, "tags '{}': expected a JSON object such as {{\"site\":\"A\"}}", text);
  }
  return tags;
}

}  // namespace

void check_gva_format(const FrameFormat& format) {
  if (!format.tags.empty()) {
    parse_tags(format.tags);
  }
}

Json gva_frame(const FrameAnalysis& analysis, const MessageContext& context, const FrameFormat& format) {
  Json message = {{"resolution", {{"width", analysis.width_px}, {"height", analysis.height_px}}}};
  if (!context.source.empty()) {
    message["source"] = without_credentials(context.source);
  }
  if (context.pts) {
    message["timestamp"] = context.pts->count();
  }
  if (context.time_source == TimeSource::kCamera) {
    const auto since_epoch = std::chrono::nanoseconds(context.capture_time.time_since_epoch());
    message["rtp"] = {{"sender_ntp_unix_timestamp_ns", since_epoch.count()}};
  }
  if (!format.tags.empty()) {
    message["tags"] = parse_tags(format.tags);
  }
  message["objects"] = Json::array();
  int region_id = 0;
  for (const Object& object : analysis.objects) {
    ++region_id;
    if (is_finite(object)) {
      message["objects"].push_back(object_json(object, region_id, analysis, format));
    }
  }
  if (!analysis.attributes.empty()) {  // The frame as a whole is one more object, without a detection.
    Json frame = pixel_box({0, 0, 1, 1}, analysis);
    for (const Attribute& attribute : analysis.attributes) {
      add_attribute(frame, attribute);
    }
    message["objects"].push_back(std::move(frame));
  }
  if (format.add_tensor_data) {
    for (const NamedTensor& tensor : analysis.tensors) {
      message["tensors"].push_back(tensor_json(tensor));
    }
  }
  return message;
}

}  // namespace fovea::json_text
