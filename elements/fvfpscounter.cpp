/**
 * SECTION:element-fvfpscounter
 * @title: fvfpscounter
 *
 * Measures the frame rate of all fvfpscounter elements of the process and prints it, as DL Streamer's does.
 *
 * |[
 * gst-launch-1.0 … ! fvdetect model=people.xml ! fvfpscounter ! fakesink sync=false
 * ]|
 */
#include "elements/fps_meter.hpp"
#include "elements/registration.hpp"

#include <gst/base/gstbasetransform.h>

namespace fovea::elements {
namespace {

struct FvFpsCounter {
  GstBaseTransform parent;
  guint interval_s;   ///< Guarded by the object lock.
  guint64 starting_frame;
  guint64 seen;       ///< Streaming thread only.
  FpsMeter::Stream* stream;
};

enum Property : guint { kInterval = 1, kStartingFrame, kAverage };

GstBaseTransformClass* parent_class = nullptr;

FvFpsCounter* self_of(gpointer object) { return static_cast<FvFpsCounter*>(object); }

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  FvFpsCounter* self = self_of(object);
  GST_OBJECT_LOCK(self);
  if (id == kInterval) {
    self->interval_s = g_value_get_uint(value);
  } else if (id == kStartingFrame) {
    self->starting_frame = g_value_get_uint(value);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  FvFpsCounter* self = self_of(object);
  if (id == kAverage) {
    g_value_set_double(value, FpsMeter::shared().average());
    return;
  }
  GST_OBJECT_LOCK(self);
  if (id == kInterval) {
    g_value_set_uint(value, self->interval_s);
  } else if (id == kStartingFrame) {
    g_value_set_uint(value, static_cast<guint>(self->starting_frame));
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

gboolean start(GstBaseTransform* transform) {
  FvFpsCounter* self = self_of(transform);
  self->seen = 0;
  self->stream = FpsMeter::shared().add_stream(std::chrono::seconds(self->interval_s));
  return TRUE;
}

gboolean stop(GstBaseTransform* transform) {
  FvFpsCounter* self = self_of(transform);
  FpsMeter::shared().remove_stream(self->stream);
  self->stream = nullptr;
  return TRUE;
}

GstFlowReturn transform_ip(GstBaseTransform* transform, GstBuffer* /*buffer*/) {
  FvFpsCounter* self = self_of(transform);
  if (++self->seen > self->starting_frame) {
    FpsMeter::shared().count(self->stream);
  }
  return GST_FLOW_OK;
}

gboolean sink_event(GstBaseTransform* transform, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
    FpsMeter::shared().finish(self_of(transform)->stream);
  }
  return parent_class->sink_event(transform, event);
}

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

void class_init(gpointer klass, gpointer /*data*/) {
  constexpr auto kFlags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  parent_class = static_cast<GstBaseTransformClass*>(g_type_class_peek_parent(klass));
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  auto* element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "Frame rate counter", "Filter/Analyzer",
                                        "Prints the frame rate of each stream and of all together", "The Fovea authors");
  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->start = start;
  transform_class->stop = stop;
  transform_class->transform_ip = transform_ip;
  transform_class->sink_event = sink_event;
  transform_class->transform_ip_on_passthrough = TRUE;
  g_object_class_install_property(object_class, kInterval,
                                  g_param_spec_uint("interval", "Interval", "Seconds between two lines", 1, 3600, 1, kFlags));
  g_object_class_install_property(object_class, kStartingFrame,
                                  g_param_spec_uint("starting-frame", "Starting frame", "Frames of each stream not counted at its start", 0, G_MAXUINT, 0, kFlags));
  g_object_class_install_property(object_class, kAverage,
                                  g_param_spec_double("avg-fps", "Average", "Frames per second of all streams since the first counted frame", 0,
                                                      G_MAXDOUBLE, 0, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

void instance_init(GTypeInstance* instance, gpointer /*klass*/) {
  auto* self = reinterpret_cast<FvFpsCounter*>(instance);
  self->interval_s = 1;
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}

}  // namespace

GType fvfpscounter_get_type() {
  static const GTypeInfo info = {sizeof(GstBaseTransformClass), nullptr, nullptr, class_init, nullptr, nullptr, sizeof(FvFpsCounter), 0, instance_init, nullptr};
  static const GType type = g_type_register_static(GST_TYPE_BASE_TRANSFORM, "FvFpsCounter", &info, static_cast<GTypeFlags>(0));
  return type;
}

}  // namespace fovea::elements
