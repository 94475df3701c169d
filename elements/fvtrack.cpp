/**
 * SECTION:element-fvtrack
 * @title: fvtrack
 *
 * Gives objects ids that stay with them from frame to frame; between detections it predicts where they are.
 *
 * |[
 * gst-launch-1.0 … ! fvdetect model=people.xml inference-interval=3 ! fvtrack tracking-type=short-term ! …
 * ]|
 */
#include <optional>

#include "elements/analysis_meta.hpp"
#include "elements/frame_map.hpp"
#include "elements/guard.hpp"
#include "elements/registration.hpp"
#include "vision/tracker.hpp"

#include <gst/base/gstbasetransform.h>

namespace fovea::elements {
namespace {

struct FvTrack {
  GstBaseTransform parent;
  TrackerSettings* settings;   ///< Guarded by the object lock.
  std::optional<Tracker>* tracker;  ///< Streaming thread only.
  GstVideoInfo info;
};

enum Property : guint { kTrackingType = 1, kMaxLost, kMinHits, kMaxTracks };

GstBaseTransformClass* parent_class = nullptr;

FvTrack* self_of(gpointer object) { return static_cast<FvTrack*>(object); }

GType tracking_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(TrackingType::kZeroTerm), "Associate detections; frames without detection show no objects", "zero-term"},
      {static_cast<int>(TrackingType::kShortTerm), "Also predict objects in frames without inference", "short-term"},
      {static_cast<int>(TrackingType::kZeroTerm), "DL Streamer's name for zero-term", "zero-term-imageless"},
      {static_cast<int>(TrackingType::kShortTerm), "DL Streamer's name for short-term", "short-term-imageless"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("FvTrackingType", values);
  return type;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  FvTrack* self = self_of(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
    case kTrackingType:
      self->settings->type = static_cast<TrackingType>(g_value_get_enum(value));
      break;
    case kMaxLost:
      self->settings->max_lost = std::chrono::milliseconds(g_value_get_uint(value));
      break;
    case kMinHits:
      self->settings->min_hits = static_cast<int>(g_value_get_uint(value));
      break;
    case kMaxTracks:
      self->settings->max_tracks = static_cast<int>(g_value_get_uint(value));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  FvTrack* self = self_of(object);
  GST_OBJECT_LOCK(self);
  switch (id) {
    case kTrackingType:
      g_value_set_enum(value, static_cast<gint>(self->settings->type));
      break;
    case kMaxLost:
      g_value_set_uint(value, static_cast<guint>(self->settings->max_lost / std::chrono::milliseconds(1)));
      break;
    case kMinHits:
      g_value_set_uint(value, static_cast<guint>(self->settings->min_hits));
      break;
    case kMaxTracks:
      g_value_set_uint(value, static_cast<guint>(self->settings->max_tracks));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

gboolean start(GstBaseTransform* transform) {
  FvTrack* self = self_of(transform);
  return guarded(GST_ELEMENT(transform), FALSE, [&] {
    GST_OBJECT_LOCK(self);
    const TrackerSettings settings = *self->settings;
    GST_OBJECT_UNLOCK(self);
    self->tracker->emplace(settings);
    return TRUE;
  });
}

gboolean stop(GstBaseTransform* transform) {
  self_of(transform)->tracker->reset();
  return TRUE;
}

gboolean set_caps(GstBaseTransform* transform, GstCaps* input, GstCaps* /*output*/) {
  return gst_video_info_from_caps(&self_of(transform)->info, input);
}

gboolean sink_event(GstBaseTransform* transform, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) {
    auto& tracker = *self_of(transform)->tracker;
    if (tracker) {
      tracker->reset();
    }
  }
  return parent_class->sink_event(transform, event);
}

GstFlowReturn transform_ip(GstBaseTransform* transform, GstBuffer* buffer) {
  FvTrack* self = self_of(transform);
  return guarded(GST_ELEMENT(transform), GST_FLOW_ERROR, [&] {
    FrameAnalysis analysis = read_analysis(buffer, self->info);
    // Without timestamps every frame counts as one nominal frame later.
    const GstClockTime pts = GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : 0;
    (*self->tracker)->update(analysis.objects, std::chrono::nanoseconds(pts), analysis.inferred);
    write_analysis(buffer, std::move(analysis));
    return GST_FLOW_OK;
  });
}

void finalize(GObject* object) {
  delete self_of(object)->settings;
  delete self_of(object)->tracker;
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(FOVEA_VIDEO_CAPS));
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(FOVEA_VIDEO_CAPS));

void class_init(gpointer klass, gpointer /*data*/) {
  constexpr auto kFlags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  parent_class = static_cast<GstBaseTransformClass*>(g_type_class_peek_parent(klass));
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  auto* element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "Object tracker", "Filter/Analyzer/Video",
                                        "Gives objects ids that stay with them, and predicts them between detections", "The Fovea authors");
  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->start = start;
  transform_class->stop = stop;
  transform_class->set_caps = set_caps;
  transform_class->sink_event = sink_event;
  transform_class->transform_ip = transform_ip;
  const TrackerSettings defaults;
  g_object_class_install_property(object_class, kTrackingType,
                                  g_param_spec_enum("tracking-type", "Tracking type", "What happens between detections", tracking_type(),
                                                    static_cast<gint>(defaults.type), kFlags));
  g_object_class_install_property(
      object_class, kMaxLost,
      g_param_spec_uint("max-lost", "Longest loss", "Milliseconds of stream time after which an undetected track ends", 0, 600000,
                        static_cast<guint>(defaults.max_lost / std::chrono::milliseconds(1)), kFlags));
  g_object_class_install_property(object_class, kMinHits,
                                  g_param_spec_uint("min-hits", "Least detections", "Detections before a track is shown", 1, 100,
                                                    static_cast<guint>(defaults.min_hits), kFlags));
  g_object_class_install_property(object_class, kMaxTracks,
                                  g_param_spec_uint("max-tracks", "Most tracks", "Objects tracked at the same time; further ones stay without id",
                                                    1, 10000, static_cast<guint>(defaults.max_tracks), kFlags));
  gst_type_mark_as_plugin_api(tracking_type(), static_cast<GstPluginAPIFlags>(0));
}

void instance_init(GTypeInstance* instance, gpointer /*klass*/) {
  auto* self = reinterpret_cast<FvTrack*>(instance);
  self->settings = new TrackerSettings();
  self->tracker = new std::optional<Tracker>();
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

}  // namespace

GType fvtrack_get_type() {
  static const GTypeInfo info = {sizeof(GstBaseTransformClass), nullptr, nullptr, class_init, nullptr, nullptr, sizeof(FvTrack), 0, instance_init, nullptr};
  static const GType type = g_type_register_static(GST_TYPE_BASE_TRANSFORM, "FvTrack", &info, static_cast<GTypeFlags>(0));
  return type;
}

}  // namespace fovea::elements
