/**
 * fvtestsrc: a synthetic street as a camera, with the exact truth of every frame attached (elements/truth_meta.hpp).
 * Like videotestsrc where it can be; the same seed and caps give the same bits on every machine.
 *
 * |[
 * gst-launch-1.0 fvtestsrc is-live=true light=night ! videoconvert ! autovideosink
 * gst-launch-1.0 fvtestsrc seed=7 num-buffers=300 ! video/x-raw,width=512,height=288 ! fvdetect model=street.xml !
 * fvoverlay ! …
 * ]|
 *
 * A live source drops frames when it cannot keep up, as a camera does; the street's time goes on.
 */
#include <gst/base/gstpushsrc.h>
#include <gst/video/video.h>

#include <memory>

#include "elements/frame_map.hpp"
#include "elements/guard.hpp"
#include "elements/registration.hpp"
#include "elements/truth_meta.hpp"
#include "vision/street/street.hpp"

namespace fovea::elements {
namespace {

constexpr int kMaskDivisor = 4;

enum Property : guint { kPattern = 1, kSeed, kLight, kDensity, kCameraShake, kIsLive, kMask };

/// What a running source owns.
struct State {
  std::unique_ptr<Street> street;
  GstVideoInfo info{};
  guint64 frames = 0;       ///< Of the present caps.
  GstClockTime before = 0;  ///< Time of the frames with earlier caps.
};

struct FvTestSrc {
  GstPushSrc parent;
  StreetSettings* settings;  ///< Size and rate unset; guarded by the object lock.
  gboolean with_mask;        ///< Guarded by the object lock.
  State* state;              ///< Touched by the streaming thread and by state changes while it rests.
};

struct FvTestSrcClass {
  GstPushSrcClass parent_class;
};

FvTestSrc* self_of(gpointer object) { return static_cast<FvTestSrc*>(object); }

GstPushSrcClass* base_class() {
  static auto* const klass = static_cast<GstPushSrcClass*>(g_type_class_ref(GST_TYPE_PUSH_SRC));
  return klass;
}

GType pattern_type() {
  static const GEnumValue kValues[] = {{0, "Street with traffic", "street"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("FvTestSrcPattern", kValues);
  return type;
}

GType light_type() {
  static const GEnumValue kValues[] = {{static_cast<int>(StreetLight::kMixed), "Chosen by the seed", "mixed"},
                                       {static_cast<int>(StreetLight::kDay), "Day", "day"},
                                       {static_cast<int>(StreetLight::kDusk), "Dusk", "dusk"},
                                       {static_cast<int>(StreetLight::kNight), "Night", "night"},
                                       {static_cast<int>(StreetLight::kRain), "Rain", "rain"},
                                       {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("FvTestSrcLight", kValues);
  return type;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* spec) {
  FvTestSrc* self = self_of(object);
  if (id == kIsLive) {
    gst_base_src_set_live(GST_BASE_SRC(object), g_value_get_boolean(value));
    return;
  }
  GST_OBJECT_LOCK(object);
  switch (id) {
    case kPattern:
      break;
    case kSeed:
      self->settings->seed = g_value_get_uint64(value);
      break;
    case kLight:
      self->settings->light = static_cast<StreetLight>(g_value_get_enum(value));
      break;
    case kDensity:
      self->settings->density = g_value_get_double(value);
      break;
    case kCameraShake:
      self->settings->camera_shake = g_value_get_double(value);
      break;
    case kMask:
      self->with_mask = g_value_get_boolean(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(object);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  FvTestSrc* self = self_of(object);
  if (id == kIsLive) {
    g_value_set_boolean(value, gst_base_src_is_live(GST_BASE_SRC(object)));
    return;
  }
  GST_OBJECT_LOCK(object);
  switch (id) {
    case kPattern:
      g_value_set_enum(value, 0);
      break;
    case kSeed:
      g_value_set_uint64(value, self->settings->seed);
      break;
    case kLight:
      g_value_set_enum(value, static_cast<int>(self->settings->light));
      break;
    case kDensity:
      g_value_set_double(value, self->settings->density);
      break;
    case kCameraShake:
      g_value_set_double(value, self->settings->camera_shake);
      break;
    case kMask:
      g_value_set_boolean(value, self->with_mask);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      break;
  }
  GST_OBJECT_UNLOCK(object);
}

gboolean start(GstBaseSrc* source) {
  self_of(source)->state = new State();
  return TRUE;
}

gboolean stop(GstBaseSrc* source) {
  delete self_of(source)->state;
  self_of(source)->state = nullptr;
  return TRUE;
}

GstCaps* fixate(GstBaseSrc* source, GstCaps* caps) {
  caps = gst_caps_make_writable(caps);
  GstStructure* structure = gst_caps_get_structure(caps, 0);
  gst_structure_fixate_field_nearest_int(structure, "width", 1280);
  gst_structure_fixate_field_nearest_int(structure, "height", 720);
  gst_structure_fixate_field_nearest_fraction(structure, "framerate", 30, 1);
  if (gst_structure_has_field(structure, "pixel-aspect-ratio") != FALSE) {
    gst_structure_fixate_field_nearest_fraction(structure, "pixel-aspect-ratio", 1, 1);
  }
  return GST_BASE_SRC_CLASS(base_class())->fixate(source, caps);
}

GstClockTime time_of(const State& state, guint64 frame) {
  return state.before + gst_util_uint64_scale(frame, static_cast<guint64>(state.info.fps_d) * GST_SECOND,
                                              static_cast<guint64>(state.info.fps_n));
}

gboolean set_caps(GstBaseSrc* source, GstCaps* caps) {
  FvTestSrc* self = self_of(source);
  return guarded(GST_ELEMENT(source), FALSE, [&] {
    GstVideoInfo info;
    if (gst_video_info_from_caps(&info, caps) == FALSE) {
      fail(ErrorCode::kInvalidArgument, "these caps are no raw video");
    }
    State& state = *self->state;
    state.before = state.street ? time_of(state, state.frames) : 0;
    state.frames = 0;
    GST_OBJECT_LOCK(source);
    StreetSettings settings = *self->settings;
    GST_OBJECT_UNLOCK(source);
    settings.width_px = GST_VIDEO_INFO_WIDTH(&info);
    settings.height_px = GST_VIDEO_INFO_HEIGHT(&info);
    settings.fps = static_cast<double>(info.fps_n) / info.fps_d;
    state.street = std::make_unique<Street>(settings);
    state.info = info;
    gst_base_src_set_blocksize(source, static_cast<guint>(GST_VIDEO_INFO_SIZE(&info)));
    return TRUE;
  });
}

/// A pool of video buffers, downstream's if it offers one, with GstVideoMeta so that its strides are used.
gboolean decide_allocation(GstBaseSrc* source, GstQuery* query) {
  GstBufferPool* pool = nullptr;
  guint size = static_cast<guint>(GST_VIDEO_INFO_SIZE(&self_of(source)->state->info));
  guint least = 0;
  guint most = 0;
  const bool offered = gst_query_get_n_allocation_pools(query) > 0;
  if (offered) {
    guint offered_size = 0;
    gst_query_parse_nth_allocation_pool(query, 0, &pool, &offered_size, &least, &most);
    size = MAX(size, offered_size);
  }
  if (pool == nullptr) {
    pool = gst_video_buffer_pool_new();
  }
  GstStructure* config = gst_buffer_pool_get_config(pool);
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  gst_buffer_pool_config_set_params(config, caps, size, least, most);
  if (gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr) != FALSE) {
    gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  }
  gst_buffer_pool_set_config(pool, config);
  if (offered) {
    gst_query_set_nth_allocation_pool(query, 0, pool, size, least, most);
  } else {
    gst_query_add_allocation_pool(query, pool, size, least, most);
  }
  gst_object_unref(pool);
  return GST_BASE_SRC_CLASS(base_class())->decide_allocation(source, query);
}

/// When to send: live sources wait for a frame's time, others never.
void get_times(GstBaseSrc* source, GstBuffer* buffer, GstClockTime* begin, GstClockTime* end) {
  *begin = GST_CLOCK_TIME_NONE;
  *end = GST_CLOCK_TIME_NONE;
  if (gst_base_src_is_live(source) != FALSE && GST_BUFFER_PTS_IS_VALID(buffer)) {
    *begin = GST_BUFFER_PTS(buffer);
    *end = *begin + GST_BUFFER_DURATION(buffer);
  }
}

/// Frames whose time has passed while the one before was made; 0 for a source that is not live.
guint64 missed_frames(GstBaseSrc* source, const State& state) {
  const GstClockTime now = gst_base_src_is_live(source) != FALSE
                               ? gst_element_get_current_running_time(GST_ELEMENT(source))
                               : GST_CLOCK_TIME_NONE;
  const GstClockTime next = time_of(state, state.frames + 1);
  if (!GST_CLOCK_TIME_IS_VALID(now) || now <= next) {
    return 0;
  }
  return gst_util_uint64_scale(now - next, static_cast<guint64>(state.info.fps_n),
                               static_cast<guint64>(state.info.fps_d) * GST_SECOND);
}

void draw(State& state, GstBuffer* buffer) {
  GstVideoFrame frame;
  if (gst_video_frame_map(&frame, &state.info, buffer, GST_MAP_WRITE) == FALSE) {
    fail(ErrorCode::kInternal, "cannot map a {}x{} buffer for writing", GST_VIDEO_INFO_WIDTH(&state.info),
         GST_VIDEO_INFO_HEIGHT(&state.info));
  }
  const auto unmap = std::unique_ptr<GstVideoFrame, void (*)(GstVideoFrame*)>(&frame, gst_video_frame_unmap);
  state.street->render(state.frames, mutable_view_of(frame));
}

void attach_truth(FvTestSrc* self, GstBuffer* buffer) {
  const State& state = *self->state;
  FrameAnalysis truth = to_analysis(state.street->truth());
  GST_OBJECT_LOCK(self);
  const bool with_mask = self->with_mask != FALSE;
  GST_OBJECT_UNLOCK(self);
  if (with_mask) {
    truth.masks.push_back(state.street->mask(kMaskDivisor));
  }
  add_truth(buffer, std::move(truth));
}

GstFlowReturn fill(GstPushSrc* source, GstBuffer* buffer) {
  FvTestSrc* self = self_of(source);
  return guarded(GST_ELEMENT(source), GST_FLOW_ERROR, [&] {
    State& state = *self->state;
    if (!state.street) {
      return GST_FLOW_NOT_NEGOTIATED;
    }
    const guint64 missed = missed_frames(GST_BASE_SRC(source), state);
    state.frames += missed;
    draw(state, buffer);
    attach_truth(self, buffer);  // after unmapping: a mapped frame holds a reference, and metas need the only one
    GST_BUFFER_PTS(buffer) = time_of(state, state.frames);
    GST_BUFFER_DURATION(buffer) = time_of(state, state.frames + 1) - GST_BUFFER_PTS(buffer);
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_OFFSET(buffer) = state.frames;
    GST_BUFFER_OFFSET_END(buffer) = state.frames + 1;
    if (missed > 0) {
      GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    }
    ++state.frames;
    return GST_FLOW_OK;
  });
}

gboolean query(GstBaseSrc* source, GstQuery* query) {
  const FvTestSrc* self = self_of(source);
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY && self->state != nullptr && self->state->info.fps_n > 0) {
    // A frame is complete when the next one begins, as with a camera.
    const GstClockTime frame = gst_util_uint64_scale(GST_SECOND, static_cast<guint64>(self->state->info.fps_d),
                                                     static_cast<guint64>(self->state->info.fps_n));
    gst_query_set_latency(query, gst_base_src_is_live(source), frame, GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  return GST_BASE_SRC_CLASS(base_class())->query(source, query);
}

void finalize(GObject* object) {
  delete self_of(object)->settings;
  delete self_of(object)->state;
  G_OBJECT_CLASS(base_class())->finalize(object);
}

GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("video/x-raw, format = (string) { NV12, I420, BGR }, width = (int) [ 16, 4096 ], "
                    "height = (int) [ 16, 4096 ], framerate = (fraction) [ 1/1, 240/1 ]"));

void install_properties(GObjectClass* klass) {
  constexpr auto kFlags =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  const StreetSettings defaults;
  g_object_class_install_property(klass, kPattern,
                                  g_param_spec_enum("pattern", "pattern", "What is shown", pattern_type(), 0, kFlags));
  g_object_class_install_property(
      klass, kSeed,
      g_param_spec_uint64("seed", "seed", "Decides the whole scene: houses, camera pose, traffic, noise", 0,
                          G_MAXUINT64, defaults.seed, kFlags));
  g_object_class_install_property(klass, kLight,
                                  g_param_spec_enum("light", "light", "Time of day and weather", light_type(),
                                                    static_cast<int>(defaults.light), kFlags));
  g_object_class_install_property(
      klass, kDensity,
      g_param_spec_double("density", "density", "Traffic: 0 (none) to 1 (rush hour)", 0, 1, defaults.density, kFlags));
  g_object_class_install_property(
      klass, kCameraShake,
      g_param_spec_double("camera-shake", "camera-shake", "How much the camera moves in the wind", 0, 1,
                          defaults.camera_shake, kFlags));
  g_object_class_install_property(
      klass, kIsLive, g_param_spec_boolean("is-live", "is-live", "Keep to the clock, as a camera does", FALSE, kFlags));
  g_object_class_install_property(
      klass, kMask,
      g_param_spec_boolean("mask", "mask", "Attach a semantic mask of a quarter of the size to the truth", TRUE,
                           kFlags));
}

void class_init(gpointer klass, gpointer /*data*/) {
  auto* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_properties(object_class);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "Street test source", "Source/Video",
                                        "Renders a street with traffic and attaches the exact truth",
                                        "The Fovea authors");
  auto* source_class = GST_BASE_SRC_CLASS(klass);
  source_class->start = start;
  source_class->stop = stop;
  source_class->fixate = fixate;
  source_class->set_caps = set_caps;
  source_class->decide_allocation = decide_allocation;
  source_class->get_times = get_times;
  source_class->query = query;
  GST_PUSH_SRC_CLASS(klass)->fill = fill;
}

void instance_init(GTypeInstance* instance, gpointer /*klass*/) {
  auto* self = reinterpret_cast<FvTestSrc*>(instance);
  self->settings = new StreetSettings();
  self->with_mask = TRUE;
  gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME);
  gst_base_src_set_live(GST_BASE_SRC(self), FALSE);
}

}  // namespace

GType fvtestsrc_get_type() {
  static const GTypeInfo kInfo = {sizeof(FvTestSrcClass), nullptr, nullptr,       class_init, nullptr, nullptr,
                                  sizeof(FvTestSrc),      0,       instance_init, nullptr};
  static const GType type = g_type_register_static(GST_TYPE_PUSH_SRC, "FvTestSrc", &kInfo, static_cast<GTypeFlags>(0));
  return type;
}

}  // namespace fovea::elements
