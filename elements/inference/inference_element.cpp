#include "elements/inference/inference_element.hpp"

#include <string>

#include "elements/frame_map.hpp"
#include "elements/guard.hpp"
#include "elements/inference/stream.hpp"

GST_DEBUG_CATEGORY_EXTERN(fovea_debug);
#define GST_CAT_DEFAULT fovea_debug

namespace fovea {
namespace {

struct FvInference {
  GstElement parent;
  InferenceSettings* settings;  ///< Guarded by the object lock.
  InferenceStream* stream;
};

struct FvInferenceClass {
  GstElementClass parent_class;
  const InferenceElementInfo* info;
};

enum Property : guint {
  kModel = 1,
  kModelProc,
  kModelSpec,
  kModelInstanceId,
  kDevice,
  kIeConfig,
  kNireq,
  kBatchSize,
  kInferenceInterval,
  kInferenceRegion,
  kObjectClass,
  kThreshold,
  kLabels,
  kLabelsFile,
  kReclassifyInterval,
  kMaxInFlight,
  kOverflow,
  kLatencyBudget,
  kKeepTensors,
  kStats,
};

GstElementClass* parent_class = nullptr;

GType region_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(InferenceRegion::kFullFrame), "The whole frame", "full-frame"},
      {static_cast<int>(InferenceRegion::kRoiList), "Each region of interest on the buffer", "roi-list"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("FvInferenceRegion", values);
  return type;
}

GType overflow_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(Overflow::kAuto), "Skip inference for live sources, block otherwise", "auto"},
      {static_cast<int>(Overflow::kBlock), "Let the streaming thread wait", "block"},
      {static_cast<int>(Overflow::kSkipInference), "Let the frame go on without inference", "skip-inference"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("FvOverflow", values);
  return type;
}

FvInference* self_of(gpointer object) { return static_cast<FvInference*>(object); }

/// The settings a string property writes to, or nullptr.
std::string* string_setting(InferenceSettings& settings, guint id) {
  switch (id) {
    case kModel:
      return &settings.model;
    case kModelProc:
      return &settings.model_proc;
    case kModelSpec:
      return &settings.model_spec;
    case kModelInstanceId:
      return &settings.model_instance_id;
    case kDevice:
      return &settings.device;
    case kIeConfig:
      return &settings.config;
    case kObjectClass:
      return &settings.object_class;
    case kLabels:
      return &settings.labels;
    case kLabelsFile:
      return &settings.labels_file;
    default:
      return nullptr;
  }
}

unsigned* uint_setting(InferenceSettings& settings, guint id) {
  switch (id) {
    case kNireq:
      return &settings.nireq;
    case kInferenceInterval:
      return &settings.interval;
    case kReclassifyInterval:
      return &settings.reclassify_interval;
    case kMaxInFlight:
      return &settings.max_in_flight;
    case kLatencyBudget:
      return &settings.latency_budget_ms;
    default:
      return nullptr;
  }
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  FvInference* self = self_of(object);
  GST_OBJECT_LOCK(self);
  InferenceSettings& settings = *self->settings;
  if (std::string* text = string_setting(settings, id)) {
    const gchar* given = g_value_get_string(value);
    *text = given == nullptr ? "" : given;
  } else if (unsigned* number = uint_setting(settings, id)) {
    *number = g_value_get_uint(value);
  } else if (id == kInferenceRegion) {
    settings.region = static_cast<InferenceRegion>(g_value_get_enum(value));
  } else if (id == kOverflow) {
    settings.overflow = static_cast<Overflow>(g_value_get_enum(value));
  } else if (id == kThreshold) {
    settings.threshold = g_value_get_double(value);
  } else if (id == kKeepTensors) {
    settings.keep_tensors = g_value_get_boolean(value) != FALSE;
  } else if (id == kBatchSize) {
    if (g_value_get_uint(value) > 1) {
      GST_WARNING_OBJECT(self, "batch-size is accepted for compatibility; frames run singly, several at a time");
    }
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

GstStructure* stats_structure(FvInference* self) {
  const StreamStats stats = self->stream->stats();
  const auto milliseconds = [](std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; };
  return gst_structure_new(
      "fovea-stats", "frames-in", G_TYPE_UINT64, static_cast<guint64>(stats.frames_in), "frames-out", G_TYPE_UINT64,
      static_cast<guint64>(stats.frames_out), "inferred", G_TYPE_UINT64, static_cast<guint64>(stats.inferred),
      "skipped", G_TYPE_UINT64, static_cast<guint64>(stats.skipped), "failed", G_TYPE_UINT64,
      static_cast<guint64>(stats.failed), "in-flight", G_TYPE_UINT64, static_cast<guint64>(stats.in_flight),
      "latency-p50-ms", G_TYPE_DOUBLE, milliseconds(stats.p50), "latency-p95-ms", G_TYPE_DOUBLE,
      milliseconds(stats.p95), "latency-p99-ms", G_TYPE_DOUBLE, milliseconds(stats.p99), nullptr);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  FvInference* self = self_of(object);
  if (id == kStats) {
    g_value_take_boxed(value, stats_structure(self));
    return;
  }
  GST_OBJECT_LOCK(self);
  InferenceSettings& settings = *self->settings;
  if (const std::string* text = string_setting(settings, id)) {
    g_value_set_string(value, text->empty() ? nullptr : text->c_str());
  } else if (const unsigned* number = uint_setting(settings, id)) {
    g_value_set_uint(value, *number);
  } else if (id == kInferenceRegion) {
    g_value_set_enum(value, static_cast<gint>(settings.region));
  } else if (id == kOverflow) {
    g_value_set_enum(value, static_cast<gint>(settings.overflow));
  } else if (id == kThreshold) {
    g_value_set_double(value, settings.threshold);
  } else if (id == kKeepTensors) {
    g_value_set_boolean(value, settings.keep_tensors ? TRUE : FALSE);
  } else if (id == kBatchSize) {
    g_value_set_uint(value, 1);
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  FvInference* self = self_of(element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    GST_OBJECT_LOCK(self);
    InferenceSettings settings = *self->settings;
    GST_OBJECT_UNLOCK(self);
    gchar* name = gst_element_get_name(element);
    settings.element = name;
    g_free(name);
    const bool started = guarded(element, false, [&] {
      if (settings.region == InferenceRegion::kFullFrame && !settings.object_class.empty()) {
        fail(ErrorCode::kInvalidArgument, "object-class needs inference-region=roi-list");
      }
      self->stream->start(settings);
      return true;
    });
    if (!started) {
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  const GstStateChangeReturn result = GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE)) {
    self->stream->stop();
  }
  return result;
}

void finalize(GObject* object) {
  FvInference* self = self_of(object);
  delete self->stream;
  delete self->settings;
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

void install_string(GObjectClass* klass, guint id, const char* name, const char* nick, const char* blurb) {
  constexpr auto kFlags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  g_object_class_install_property(klass, id, g_param_spec_string(name, nick, blurb, nullptr, kFlags));
}

void install_uint(GObjectClass* klass, guint id, const char* name, const char* nick, const char* blurb, guint least,
                  guint most, guint standard) {
  constexpr auto kFlags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  g_object_class_install_property(klass, id, g_param_spec_uint(name, nick, blurb, least, most, standard, kFlags));
}

void install_properties(GObjectClass* klass, const InferenceElementInfo& info) {
  constexpr auto kFlags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  install_string(klass, kModel, "model", "Model", "Path of the model file, or name of a model in the directories of FOVEA_MODELS or installed (street-detect)");
  install_string(klass, kModelProc, "model-proc", "Model-proc file",
                 "DL Streamer's JSON description of pre- and post-processing; wins over the model description");
  install_string(klass, kModelSpec, "model-spec", "Model description",
                 "YAML description of pre- and post-processing; by default <model>.yaml beside the model or in the "
                 "installed descriptions");
  install_string(klass, kModelInstanceId, "model-instance-id", "Model instance id",
                 "Elements with the same id share one compiled model and its requests; their model, device, ie-config "
                 "and nireq must agree");
  g_object_class_install_property(
      klass, kDevice,
      g_param_spec_string("device", "Device", "Device the model runs on; the command fovea devices lists them", "CPU",
                          kFlags));
  install_string(klass, kIeConfig, "ie-config", "Engine configuration",
                 "KEY=VALUE,… for compiling the model, for example PERFORMANCE_HINT=LATENCY");
  install_uint(klass, kNireq, "nireq", "Requests",
               "Inference requests in use at the same time; 0: as many as the device wants", 0, 1024, 0);
  install_uint(klass, kBatchSize, "batch-size", "Batch size",
               "Accepted for compatibility with DL Streamer; frames run singly, several at a time", 0, 1024, 1);
  install_uint(klass, kInferenceInterval, "inference-interval", "Inference interval",
               "Run the model on every Nth frame; the others pass through in order", 1, G_MAXUINT, 1);
  g_object_class_install_property(klass, kInferenceRegion,
                                  g_param_spec_enum("inference-region", "Inference region",
                                                    "What the model sees: the whole frame or each region of interest",
                                                    region_type(), static_cast<gint>(info.default_region), kFlags));
  install_string(
      klass, kObjectClass, "object-class", "Object class",
      "Labels of the regions to look at, separated by commas; all when unset. Needs inference-region=roi-list");
  install_string(klass, kLabels, "labels", "Labels", "Labels of the model's classes, separated by commas");
  install_string(klass, kLabelsFile, "labels-file", "Labels file", "File with one label a line; wins over labels");
  if (info.kind == InferenceKind::kDetect) {
    g_object_class_install_property(
        klass, kThreshold,
        g_param_spec_double(
            "threshold", "Threshold",
            "Least confidence of a detection, 0 to 1; -1: what the model description recommends, else 0.5", -1, 1, -1,
            kFlags));
  }
  if (info.kind == InferenceKind::kClassify) {
    install_uint(
        klass, kReclassifyInterval, "reclassify-interval", "Reclassify interval",
        "Frames between two looks at the same tracked object; 0: only once. Needs a tracker before this element", 0,
        G_MAXUINT, 1);
  }
  install_uint(klass, kMaxInFlight, "max-in-flight", "Frames in flight",
               "Frames under inference at the same time; 0: nireq + 1", 0, 1024, 0);
  g_object_class_install_property(
      klass, kOverflow,
      g_param_spec_enum("overflow", "Overflow", "What happens to a frame when max-in-flight is reached",
                        overflow_type(), static_cast<gint>(Overflow::kAuto), kFlags));
  install_uint(klass, kLatencyBudget, "latency-budget", "Latency budget",
               "Latency in milliseconds this element reports to live pipelines; 0: measured (99th percentile)", 0,
               60000, 0);
  g_object_class_install_property(
      klass, kKeepTensors,
      g_param_spec_boolean("keep-tensors", "Keep tensors", "Attach the model's raw outputs as well", FALSE, kFlags));
  g_object_class_install_property(
      klass, kStats,
      g_param_spec_boxed(
          "stats", "Statistics",
          "frames-in, frames-out, inferred, skipped, failed, in-flight (counts), latency-p50-ms, -p95-ms, -p99-ms",
          GST_TYPE_STRUCTURE, static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(FOVEA_VIDEO_CAPS));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(FOVEA_VIDEO_CAPS));

void class_init(gpointer klass, gpointer data) {
  const auto* info = static_cast<const InferenceElementInfo*>(data);
  parent_class = static_cast<GstElementClass*>(g_type_class_peek_parent(klass));
  static_cast<FvInferenceClass*>(klass)->info = info;
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  auto* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, info->long_name, info->klass, info->description,
                                        "The Fovea authors");
  install_properties(object_class, *info);
  gst_type_mark_as_plugin_api(region_type(), static_cast<GstPluginAPIFlags>(0));
  gst_type_mark_as_plugin_api(overflow_type(), static_cast<GstPluginAPIFlags>(0));
}

InferenceStream& stream_of(GstObject* parent) { return *self_of(parent)->stream; }

GstFlowReturn on_chain(GstPad* /*pad*/, GstObject* parent, GstBuffer* buffer) {
  return guarded(GST_ELEMENT(parent), GST_FLOW_ERROR, [&] { return stream_of(parent).chain(buffer); });
}

gboolean on_sink_event(GstPad* /*pad*/, GstObject* parent, GstEvent* event) {
  return stream_of(parent).sink_event(event);
}
gboolean on_sink_query(GstPad* /*pad*/, GstObject* parent, GstQuery* query) {
  return stream_of(parent).sink_query(query);
}
gboolean on_src_event(GstPad* /*pad*/, GstObject* parent, GstEvent* event) {
  return stream_of(parent).src_event(event);
}
gboolean on_src_query(GstPad* /*pad*/, GstObject* parent, GstQuery* query) {
  return stream_of(parent).src_query(query);
}

gboolean on_activate_src(GstPad* /*pad*/, GstObject* parent, GstPadMode mode, gboolean active) {
  return mode == GST_PAD_MODE_PUSH ? stream_of(parent).activate_src(active != FALSE) : FALSE;
}

void instance_init(GTypeInstance* instance, gpointer klass) {
  auto* self = reinterpret_cast<FvInference*>(instance);
  const InferenceElementInfo* info = static_cast<FvInferenceClass*>(klass)->info;
  auto* element = GST_ELEMENT(instance);
  GstPad* sink = gst_pad_new_from_static_template(&sink_template, "sink");
  GstPad* src = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_set_chain_function(sink, GST_DEBUG_FUNCPTR(on_chain));
  gst_pad_set_event_function(sink, GST_DEBUG_FUNCPTR(on_sink_event));
  gst_pad_set_query_function(sink, GST_DEBUG_FUNCPTR(on_sink_query));
  gst_pad_set_event_function(src, GST_DEBUG_FUNCPTR(on_src_event));
  gst_pad_set_query_function(src, GST_DEBUG_FUNCPTR(on_src_query));
  gst_pad_set_activatemode_function(src, GST_DEBUG_FUNCPTR(on_activate_src));
  GST_PAD_SET_PROXY_CAPS(sink);
  GST_PAD_SET_PROXY_CAPS(src);
  GST_PAD_SET_PROXY_SCHEDULING(sink);
  gst_element_add_pad(element, sink);
  gst_element_add_pad(element, src);
  self->settings = new InferenceSettings();
  self->settings->kind = info->kind;
  self->settings->region = info->default_region;
  self->stream = new InferenceStream(element, sink, src);
}

}  // namespace

GType register_inference_element(const char* type_name, const InferenceElementInfo* info) {
  const GTypeInfo type = {sizeof(FvInferenceClass), nullptr, nullptr,       class_init, nullptr, info,
                          sizeof(FvInference),      0,       instance_init, nullptr};
  return g_type_register_static(GST_TYPE_ELEMENT, type_name, &type, static_cast<GTypeFlags>(0));
}

}  // namespace fovea
