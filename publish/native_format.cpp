// Fovea's own frame message: docs/schemas/frame.json.
#include <cstdint>
#include <vector>

#include "publish/json_text.hpp"

namespace fovea::json_text {
namespace {

Json box_json(const Box& box) {
  return {{"x", rounded(box.x)}, {"y", rounded(box.y)}, {"width", rounded(box.width)}, {"height", rounded(box.height)}};
}

Json attributes_json(const std::vector<Attribute>& attributes) {
  Json list = Json::array();
  for (const Attribute& attribute : attributes) {
    Json entry = {{"name", attribute.name}, {"label", attribute.label}};
    if (attribute.label_id >= 0) {
      entry["label_id"] = attribute.label_id;
    }
    if (std::isfinite(attribute.confidence)) {
      entry["confidence"] = rounded(attribute.confidence);
    }
    entry["model"] = attribute.model;
    list.push_back(std::move(entry));
  }
  return list;
}

Json keypoints_json(const std::vector<Keypoint>& keypoints) {
  Json list = Json::array();
  for (const Keypoint& point : keypoints) {
    // The index of a keypoint is its meaning where it has no name, so one that is not finite keeps its place.
    const bool known = std::isfinite(point.position.x) && std::isfinite(point.position.y);
    list.push_back({{"name", point.name},
                    {"x", known ? rounded(point.position.x) : 0.0},
                    {"y", known ? rounded(point.position.y) : 0.0},
                    {"confidence", known && std::isfinite(point.confidence) ? rounded(point.confidence) : 0.0}});
  }
  return list;
}

Json tensors_json(const std::vector<NamedTensor>& tensors) {
  Json list = Json::array();
  for (const NamedTensor& named : tensors) {
    list.push_back({{"name", named.name},
                    {"model", named.model},
                    {"type", to_string(named.tensor.data_type())},
                    {"shape", named.tensor.shape()},
                    {"data", tensor_values(named.tensor)}});
  }
  return list;
}

Json object_json(const Object& object, const FrameFormat& format) {
  Json entry = Json::object();
  if (object.track_id) {
    entry["id"] = *object.track_id;
  }
  entry["label"] = object.label;
  if (object.label_id >= 0) {
    entry["label_id"] = object.label_id;
  }
  entry["confidence"] = rounded(object.confidence);
  entry["box"] = box_json(object.box);
  entry["predicted"] = object.predicted;
  if (!object.attributes.empty()) {
    entry["attributes"] = attributes_json(object.attributes);
  }
  if (!object.keypoints.empty()) {
    entry["keypoints"] = keypoints_json(object.keypoints);
  }
  if (format.add_tensor_data && !object.tensors.empty()) {
    entry["tensors"] = tensors_json(object.tensors);
  }
  entry["model"] = object.model;
  return entry;
}

/// Class index and run length in turn, row by row.
Json mask_runs(const std::vector<std::uint8_t>& classes) {
  Json runs = Json::array();
  for (std::size_t start = 0; start < classes.size();) {
    std::size_t end = start + 1;
    while (end < classes.size() && classes[end] == classes[start]) {
      ++end;
    }
    runs.push_back(classes[start]);
    runs.push_back(end - start);
    start = end;
  }
  return runs;
}

Json mask_json(const SegmentationMask& mask, const FrameFormat& format) {
  static const std::vector<std::uint8_t> kNone;
  const std::vector<std::uint8_t>& classes = mask.classes ? *mask.classes : kNone;
  std::array<std::size_t, 256> cells{};
  for (const std::uint8_t index : classes) {
    ++cells[index];
  }
  Json areas = Json::array();
  for (std::size_t index = 0; index < cells.size(); ++index) {
    if (cells[index] > 0) {
      areas.push_back({{"label_id", index},
                       {"label", index < mask.labels.size() ? mask.labels[index] : std::string()},
                       {"area", rounded(static_cast<double>(cells[index]) / static_cast<double>(classes.size()))}});
    }
  }
  Json entry = {{"width", mask.width},
                {"height", mask.height},
                {"region", box_json(mask.region)},
                {"classes", std::move(areas)},
                {"model", mask.model}};
  if (format.add_mask_runs) {
    entry["runs"] = mask_runs(classes);
  }
  return entry;
}

double milliseconds(std::chrono::nanoseconds time) {
  return std::round(static_cast<double>(time.count()) / 1e3) / 1e3;  // Microseconds are fine enough.
}

Json objects_json(const std::vector<Object>& objects, const FrameFormat& format) {
  Json list = Json::array();
  for (const Object& object : objects) {
    if (is_finite(object)) {
      list.push_back(object_json(object, format));
    }
  }
  return list;
}

}  // namespace

Json native_frame(const FrameAnalysis& analysis, const MessageContext& context, const FrameFormat& format) {
  Json message = {
      {"schema", schema(kFrameSchema)}, {"node", context.node}, {"pipeline", context.pipeline}, {"seq", context.seq}};
  if (context.pts) {
    message["pts_ns"] = context.pts->count();
  }
  message["capture_time"] = rfc3339(context.capture_time);
  message["time_source"] = context.time_source == TimeSource::kCamera ? "camera" : "arrival";
  if (!context.source.empty()) {
    message["source"] = without_credentials(context.source);
  }
  message["frame"] = {{"width", analysis.width_px}, {"height", analysis.height_px}};
  message["inferred"] = analysis.inferred;
  message["objects"] = objects_json(analysis.objects, format);
  if (!analysis.attributes.empty()) {
    message["attributes"] = attributes_json(analysis.attributes);
  }
  for (const SegmentationMask& mask : analysis.masks) {
    message["masks"].push_back(mask_json(mask, format));
  }
  if (format.add_tensor_data && !analysis.tensors.empty()) {
    message["tensors"] = tensors_json(analysis.tensors);
  }
  message["models"] = Json::array();
  for (const ModelUse& model : analysis.models) {
    message["models"].push_back({{"name", model.name}, {"hash", model.hash}, {"device", model.device}});
  }
  message["latency_ms"] = Json::object();
  for (const StageLatency& stage : analysis.latency) {
    message["latency_ms"][stage.stage] = {{"wait", milliseconds(stage.wait)}, {"work", milliseconds(stage.work)}};
  }
  return message;
}

}  // namespace fovea::json_text
