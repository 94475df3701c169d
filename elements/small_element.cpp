#include "elements/small_element.hpp"

#include <algorithm>

#include "elements/frame_map.hpp"
#include "elements/guard.hpp"

namespace fovea {
namespace {

struct FvSmall {
  GstBaseTransform parent;
  PropertyValues* values;  ///< Guarded by the object lock.
  ElementWork* work;       ///< nullptr outside PAUSED and PLAYING.
};

struct FvSmallClass {
  GstBaseTransformClass parent_class;
  const SmallElementInfo* info;
};

FvSmall* self_of(gpointer object) { return static_cast<FvSmall*>(object); }
const SmallElementInfo& info_of(gpointer object) {
  return *reinterpret_cast<FvSmallClass*>(G_OBJECT_GET_CLASS(object))->info;
}

/// GstBaseTransform's own class: the parent of all our types here.
GstBaseTransformClass* base_class() {
  static auto* const klass = static_cast<GstBaseTransformClass*>(g_type_class_ref(GST_TYPE_BASE_TRANSFORM));
  return klass;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* /*spec*/) {
  GST_OBJECT_LOCK(object);
  self_of(object)->values->set(id, value);
  GST_OBJECT_UNLOCK(object);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* /*spec*/) {
  GST_OBJECT_LOCK(object);
  self_of(object)->values->get(id, value);
  GST_OBJECT_UNLOCK(object);
}

gboolean start(GstBaseTransform* transform) {
  FvSmall* self = self_of(transform);
  return guarded(GST_ELEMENT(transform), FALSE, [&] {
    GST_OBJECT_LOCK(self);
    const PropertyValues values = *self->values;
    GST_OBJECT_UNLOCK(self);
    self->work = info_of(self).make(GST_ELEMENT(transform), values).release();
    return TRUE;
  });
}

gboolean stop(GstBaseTransform* transform) {
  FvSmall* self = self_of(transform);
  delete self->work;
  self->work = nullptr;
  return TRUE;
}

gboolean set_caps(GstBaseTransform* transform, GstCaps* input, GstCaps* /*output*/) {
  return guarded(GST_ELEMENT(transform), FALSE, [&] {
    GstVideoInfo info;
    const bool video = gst_structure_has_name(gst_caps_get_structure(input, 0), "video/x-raw") != FALSE &&
                       gst_video_info_from_caps(&info, input) != FALSE;
    self_of(transform)->work->set_caps(video ? &info : nullptr);
    return TRUE;
  });
}

gboolean sink_event(GstBaseTransform* transform, GstEvent* event) {
  FvSmall* self = self_of(transform);
  if (self->work != nullptr && GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) {
    self->work->flush();
  } else if (self->work != nullptr && GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
    guarded(GST_ELEMENT(transform), false, [&] {
      self->work->end_of_stream();
      return true;
    });
  }
  return base_class()->sink_event(transform, event);
}

GstFlowReturn transform_ip(GstBaseTransform* transform, GstBuffer* buffer) {
  return guarded(GST_ELEMENT(transform), GST_FLOW_ERROR, [&] {
    self_of(transform)->work->process(buffer);
    return GST_FLOW_OK;
  });
}

/// The frames go on as they came, so what downstream can take is what upstream may send.
gboolean propose_allocation(GstBaseTransform* transform, GstQuery* /*decided*/, GstQuery* query) {
  return gst_pad_peer_query(GST_BASE_TRANSFORM_SRC_PAD(transform), query);
}

void finalize(GObject* object) {
  delete self_of(object)->work;
  delete self_of(object)->values;
  G_OBJECT_CLASS(base_class())->finalize(object);
}

GstStaticPadTemplate video_sink =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(FOVEA_VIDEO_CAPS));
GstStaticPadTemplate video_src =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(FOVEA_VIDEO_CAPS));
GstStaticPadTemplate any_sink = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
GstStaticPadTemplate any_src = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

void install_rows(GObjectClass* klass, std::span<const PropertyRow> rows) {
  constexpr auto kFlags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  guint id = 0;
  for (const PropertyRow& row : rows) {
    GParamSpec* spec = nullptr;
    switch (row.kind) {
      case PropertyRow::Kind::kString:
        spec = g_param_spec_string(row.name, row.name, row.blurb, row.text_default, kFlags);
        break;
      case PropertyRow::Kind::kUint:
        spec = g_param_spec_uint(row.name, row.name, row.blurb, static_cast<guint>(row.least),
                                 static_cast<guint>(row.most), static_cast<guint>(row.number_default), kFlags);
        break;
      case PropertyRow::Kind::kInt:
        spec = g_param_spec_int(row.name, row.name, row.blurb, static_cast<gint>(row.least),
                                static_cast<gint>(row.most), static_cast<gint>(row.number_default), kFlags);
        break;
      case PropertyRow::Kind::kDouble:
        spec = g_param_spec_double(row.name, row.name, row.blurb, row.least, row.most, row.number_default, kFlags);
        break;
      case PropertyRow::Kind::kBool:
        spec = g_param_spec_boolean(row.name, row.name, row.blurb, row.number_default != 0 ? TRUE : FALSE, kFlags);
        break;
    }
    g_object_class_install_property(klass, ++id, spec);
  }
}

void class_init(gpointer klass, gpointer data) {
  const auto* info = static_cast<const SmallElementInfo*>(data);
  static_cast<FvSmallClass*>(klass)->info = info;
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_rows(object_class, info->properties);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, info->any_caps ? &any_sink : &video_sink);
  gst_element_class_add_static_pad_template(element_class, info->any_caps ? &any_src : &video_src);
  gst_element_class_set_static_metadata(element_class, info->long_name, info->klass, info->description,
                                        "The Fovea authors");
  auto* transform_class = GST_BASE_TRANSFORM_CLASS(klass);
  transform_class->start = start;
  transform_class->stop = stop;
  transform_class->set_caps = set_caps;
  transform_class->sink_event = sink_event;
  transform_class->transform_ip = transform_ip;
  transform_class->propose_allocation = propose_allocation;
  transform_class->transform_ip_on_passthrough = TRUE;
}

void instance_init(GTypeInstance* instance, gpointer klass) {
  auto* self = reinterpret_cast<FvSmall*>(instance);
  const SmallElementInfo* info = static_cast<FvSmallClass*>(klass)->info;
  self->values = new PropertyValues(info->properties);
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), info->passthrough ? TRUE : FALSE);
}

}  // namespace

PropertyValues::PropertyValues(std::span<const PropertyRow> rows) : rows_(rows) {
  for (const PropertyRow& row : rows) {
    values_.push_back({row.text_default == nullptr ? "" : row.text_default, row.number_default});
  }
}

const PropertyValues::Value& PropertyValues::at(std::string_view name) const {
  const auto row = std::ranges::find_if(rows_, [&](const PropertyRow& each) { return name == each.name; });
  return values_.at(static_cast<std::size_t>(row - rows_.begin()));
}

void PropertyValues::set(guint id, const GValue* value) {
  Value& target = values_.at(id - 1);
  switch (rows_[id - 1].kind) {
    case PropertyRow::Kind::kString: {
      const gchar* text = g_value_get_string(value);
      target.text = text == nullptr ? "" : text;
      break;
    }
    case PropertyRow::Kind::kUint:
      target.number = g_value_get_uint(value);
      break;
    case PropertyRow::Kind::kInt:
      target.number = g_value_get_int(value);
      break;
    case PropertyRow::Kind::kDouble:
      target.number = g_value_get_double(value);
      break;
    case PropertyRow::Kind::kBool:
      target.number = g_value_get_boolean(value) != FALSE ? 1 : 0;
      break;
  }
}

void PropertyValues::get(guint id, GValue* value) const {
  const Value& source = values_.at(id - 1);
  switch (rows_[id - 1].kind) {
    case PropertyRow::Kind::kString:
      g_value_set_string(value, source.text.empty() ? nullptr : source.text.c_str());
      break;
    case PropertyRow::Kind::kUint:
      g_value_set_uint(value, static_cast<guint>(source.number));
      break;
    case PropertyRow::Kind::kInt:
      g_value_set_int(value, static_cast<gint>(source.number));
      break;
    case PropertyRow::Kind::kDouble:
      g_value_set_double(value, source.number);
      break;
    case PropertyRow::Kind::kBool:
      g_value_set_boolean(value, source.number != 0 ? TRUE : FALSE);
      break;
  }
}

GType register_small_element(const SmallElementInfo* info) {
  const GTypeInfo type = {sizeof(FvSmallClass), nullptr, nullptr,       class_init, nullptr, info,
                          sizeof(FvSmall),      0,       instance_init, nullptr};
  return g_type_register_static(GST_TYPE_BASE_TRANSFORM, info->type_name, &type, static_cast<GTypeFlags>(0));
}

}  // namespace fovea
