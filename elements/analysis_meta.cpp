#include "elements/analysis_meta.hpp"

#include <algorithm>
#include <string>

namespace fovea {
namespace {

struct AnalysisMeta {
  GstMeta meta;
  FrameAnalysis* analysis;
};

struct JsonMeta {
  GstMeta meta;
  JsonMessage* message;
};

GType analysis_api();
GType json_api();
const GstMetaInfo* analysis_info();
const GstMetaInfo* json_info();

/// No tags: elements that change pixels, size or orientation keep the meta. Boxes are normalised and survive scaling.
GType register_api(const char* name) {
  static const gchar* const kNoTags[] = {nullptr};
  if (const GType known = g_type_from_name(name)) {
    return known;
  }
  return gst_meta_api_type_register(name, const_cast<const gchar**>(kNoTags));
}

/// The plugin and a program that reads its metas both hold this file: the first of them registers.
const GstMetaInfo* register_meta(GType api, const char* name, gsize size, GstMetaInitFunction init,
                                 GstMetaFreeFunction free, GstMetaTransformFunction transform) {
  return g_type_from_name(name) != 0 ? gst_meta_get_info(name)
                                     : gst_meta_register(api, name, size, init, free, transform);
}

GType analysis_api() {
  static const GType type = register_api("FoveaAnalysisMetaAPI");
  return type;
}

GType json_api() {
  static const GType type = register_api("FoveaJsonMetaAPI");
  return type;
}

gboolean analysis_init(GstMeta* meta, gpointer /*params*/, GstBuffer* /*buffer*/) {
  reinterpret_cast<AnalysisMeta*>(meta)->analysis = new FrameAnalysis();
  return TRUE;
}

void analysis_free(GstMeta* meta, GstBuffer* /*buffer*/) { delete reinterpret_cast<AnalysisMeta*>(meta)->analysis; }

gboolean analysis_transform(GstBuffer* target, GstMeta* meta, GstBuffer* /*source*/, GQuark type, gpointer data) {
  GstMeta* added = gst_buffer_add_meta(target, analysis_info(), nullptr);
  if (added == nullptr) {
    return FALSE;
  }
  FrameAnalysis& copy = *reinterpret_cast<AnalysisMeta*>(added)->analysis;
  copy = *reinterpret_cast<AnalysisMeta*>(meta)->analysis;
  if (type == gst_video_meta_transform_scale_get_quark()) {
    const auto* scale = static_cast<const GstVideoMetaTransform*>(data);
    copy.width_px = GST_VIDEO_INFO_WIDTH(scale->out_info);
    copy.height_px = GST_VIDEO_INFO_HEIGHT(scale->out_info);
  }
  return TRUE;
}

gboolean json_init(GstMeta* meta, gpointer /*params*/, GstBuffer* /*buffer*/) {
  reinterpret_cast<JsonMeta*>(meta)->message = new JsonMessage();
  return TRUE;
}

void json_free(GstMeta* meta, GstBuffer* /*buffer*/) { delete reinterpret_cast<JsonMeta*>(meta)->message; }

gboolean json_transform(GstBuffer* target, GstMeta* meta, GstBuffer* /*source*/, GQuark /*type*/, gpointer /*data*/) {
  add_json(target, *reinterpret_cast<JsonMeta*>(meta)->message);
  return TRUE;
}

const GstMetaInfo* analysis_info() {
  static const GstMetaInfo* info = register_meta(analysis_api(), "FoveaAnalysisMeta", sizeof(AnalysisMeta),
                                                 analysis_init, analysis_free, analysis_transform);
  return info;
}

const GstMetaInfo* json_info() {
  static const GstMetaInfo* info =
      register_meta(json_api(), "FoveaJsonMeta", sizeof(JsonMeta), json_init, json_free, json_transform);
  return info;
}

/// What a region says in its "detection" and "object_id" structures.
Object object_from_region(const GstVideoRegionOfInterestMeta& roi, const GstVideoInfo& info) {
  const auto width = static_cast<float>(GST_VIDEO_INFO_WIDTH(&info));
  const auto height = static_cast<float>(GST_VIDEO_INFO_HEIGHT(&info));
  Object object;
  object.box = {static_cast<float>(roi.x) / width, static_cast<float>(roi.y) / height,
                static_cast<float>(roi.w) / width, static_cast<float>(roi.h) / height};
  const gchar* label = g_quark_to_string(roi.roi_type);
  object.label = label == nullptr ? "" : label;
  object.confidence = 1;
  for (const GList* item = roi.params; item != nullptr; item = item->next) {
    const auto* structure = static_cast<const GstStructure*>(item->data);
    if (gst_structure_has_name(structure, "detection")) {
      double confidence = 1;
      gst_structure_get_double(structure, "confidence", &confidence);
      gst_structure_get_int(structure, "label_id", &object.label_id);
      object.confidence = static_cast<float>(confidence);
    } else if (gst_structure_has_name(structure, "object_id")) {
      int id = 0;
      if (gst_structure_get_int(structure, "id", &id) != FALSE) {
        object.track_id = static_cast<std::uint64_t>(id);
      }
    }
  }
  return object;
}

gboolean remove_if_region(GstBuffer* /*buffer*/, GstMeta** meta, gpointer /*data*/) {
  if ((*meta)->info->api == GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE) {
    *meta = nullptr;
  }
  return TRUE;
}

GstStructure* detection_structure(const Object& object, const Box& box) {
  return gst_structure_new("detection", "x_min", G_TYPE_DOUBLE, static_cast<double>(box.x), "x_max", G_TYPE_DOUBLE,
                           static_cast<double>(box.right()), "y_min", G_TYPE_DOUBLE, static_cast<double>(box.y),
                           "y_max", G_TYPE_DOUBLE, static_cast<double>(box.bottom()), "confidence", G_TYPE_DOUBLE,
                           static_cast<double>(object.confidence), "label_id", G_TYPE_INT, object.label_id, nullptr);
}

GstStructure* attribute_structure(const Attribute& attribute) {
  // GStreamer allows letters, digits and some signs in structure names; others become '_'.
  std::string name = "classification_layer_name:" + attribute.name;
  std::ranges::replace_if(
      name,
      [](char c) {
        return g_ascii_isalnum(c) == FALSE && std::string_view("/-_.:+").find(c) == std::string_view::npos;
      },
      '_');
  return gst_structure_new(name.c_str(), "label", G_TYPE_STRING, attribute.label.c_str(), "label_id", G_TYPE_INT,
                           attribute.label_id, "confidence", G_TYPE_DOUBLE, static_cast<double>(attribute.confidence),
                           "attribute_name", G_TYPE_STRING, attribute.name.c_str(), "model_name", G_TYPE_STRING,
                           attribute.model.c_str(), nullptr);
}

void write_region(GstBuffer* buffer, const FrameAnalysis& analysis, const Object& object) {
  const Box box = clip(object.box);
  const auto pixels = [](float fraction, int extent) {
    return static_cast<guint>(std::max(fraction * static_cast<float>(extent) + 0.5F, 0.0F));
  };
  GstVideoRegionOfInterestMeta* roi = gst_buffer_add_video_region_of_interest_meta(
      buffer, object.label.empty() ? "object" : object.label.c_str(), pixels(box.x, analysis.width_px),
      pixels(box.y, analysis.height_px), pixels(box.width, analysis.width_px), pixels(box.height, analysis.height_px));
  gst_video_region_of_interest_meta_add_param(roi, detection_structure(object, box));
  if (object.track_id) {
    roi->id = static_cast<gint>(*object.track_id);
    gst_video_region_of_interest_meta_add_param(
        roi, gst_structure_new("object_id", "id", G_TYPE_INT, static_cast<int>(*object.track_id), nullptr));
  }
  for (const Attribute& attribute : object.attributes) {
    gst_video_region_of_interest_meta_add_param(roi, attribute_structure(attribute));
  }
}

}  // namespace

const FrameAnalysis* find_analysis(GstBuffer* buffer) {
  GstMeta* meta = gst_buffer_get_meta(buffer, analysis_api());
  return meta == nullptr ? nullptr : reinterpret_cast<AnalysisMeta*>(meta)->analysis;
}

FrameAnalysis read_analysis(GstBuffer* buffer, const GstVideoInfo& info) {
  if (const FrameAnalysis* analysis = find_analysis(buffer)) {
    return *analysis;
  }
  FrameAnalysis analysis;
  analysis.width_px = GST_VIDEO_INFO_WIDTH(&info);
  analysis.height_px = GST_VIDEO_INFO_HEIGHT(&info);
  gpointer state = nullptr;
  while (GstMeta* meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    analysis.objects.push_back(object_from_region(*reinterpret_cast<GstVideoRegionOfInterestMeta*>(meta), info));
    analysis.inferred = true;
  }
  return analysis;
}

void write_analysis(GstBuffer* buffer, FrameAnalysis analysis) {
  gst_buffer_foreach_meta(buffer, remove_if_region, nullptr);
  for (const Object& object : analysis.objects) {
    write_region(buffer, analysis, object);
  }
  GstMeta* meta = gst_buffer_get_meta(buffer, analysis_api());
  if (meta == nullptr) {
    meta = gst_buffer_add_meta(buffer, analysis_info(), nullptr);
  }
  *reinterpret_cast<AnalysisMeta*>(meta)->analysis = std::move(analysis);
}

void add_json(GstBuffer* buffer, JsonMessage message) {
  auto* meta = reinterpret_cast<JsonMeta*>(gst_buffer_add_meta(buffer, json_info(), nullptr));
  *meta->message = std::move(message);
}

std::vector<const JsonMessage*> find_json(GstBuffer* buffer) {
  std::vector<const JsonMessage*> messages;
  gpointer state = nullptr;
  while (GstMeta* meta = gst_buffer_iterate_meta_filtered(buffer, &state, json_api())) {
    messages.push_back(reinterpret_cast<JsonMeta*>(meta)->message);
  }
  return messages;
}

}  // namespace fovea
