#include "elements/truth_meta.hpp"

#include <gst/video/video.h>

namespace fovea {
namespace {

struct TruthMeta {
  GstMeta meta;
  FrameAnalysis* truth;
};

const GstMetaInfo* truth_info();

/// No tags: elements that change pixels, size or orientation keep the meta. Boxes are normalised and survive scaling.
/// The plugin and a program that reads its metas both hold this file: the first of them registers.
GType truth_api() {
  static const gchar* const kNoTags[] = {nullptr};
  static const GType type = [] {
    constexpr const char* kName = "FoveaTruthMetaAPI";
    const GType known = g_type_from_name(kName);
    return known != 0 ? known : gst_meta_api_type_register(kName, const_cast<const gchar**>(kNoTags));
  }();
  return type;
}

gboolean truth_init(GstMeta* meta, gpointer /*params*/, GstBuffer* /*buffer*/) {
  reinterpret_cast<TruthMeta*>(meta)->truth = new FrameAnalysis();
  return TRUE;
}

void truth_free(GstMeta* meta, GstBuffer* /*buffer*/) { delete reinterpret_cast<TruthMeta*>(meta)->truth; }

gboolean truth_transform(GstBuffer* target, GstMeta* meta, GstBuffer* /*source*/, GQuark type, gpointer data) {
  FrameAnalysis copy = *reinterpret_cast<TruthMeta*>(meta)->truth;
  if (type == gst_video_meta_transform_scale_get_quark()) {
    const auto* scale = static_cast<const GstVideoMetaTransform*>(data);
    copy.width_px = GST_VIDEO_INFO_WIDTH(scale->out_info);
    copy.height_px = GST_VIDEO_INFO_HEIGHT(scale->out_info);
  }
  add_truth(target, std::move(copy));
  return TRUE;
}

const GstMetaInfo* truth_info() {
  static const GstMetaInfo* info = g_type_from_name("FoveaTruthMeta") != 0
                                       ? gst_meta_get_info("FoveaTruthMeta")
                                       : gst_meta_register(truth_api(), "FoveaTruthMeta", sizeof(TruthMeta), truth_init,
                                                           truth_free, truth_transform);
  return info;
}

}  // namespace

void add_truth(GstBuffer* buffer, FrameAnalysis truth) {
  GstMeta* meta = gst_buffer_get_meta(buffer, truth_api());
  if (meta == nullptr) {
    meta = gst_buffer_add_meta(buffer, truth_info(), nullptr);
  }
  *reinterpret_cast<TruthMeta*>(meta)->truth = std::move(truth);
}

const FrameAnalysis* find_truth(GstBuffer* buffer) {
  GstMeta* meta = gst_buffer_get_meta(buffer, truth_api());
  return meta == nullptr ? nullptr : reinterpret_cast<TruthMeta*>(meta)->truth;
}

}  // namespace fovea
