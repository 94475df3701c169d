// Building and changing GStreamer pipelines for an assessment.
#pragma once

#include <gst/gst.h>

#include <memory>
#include <string>
#include <string_view>

namespace fovea::assess {

struct Unref {
  void operator()(GstElement* element) const { gst_object_unref(element); }
  void operator()(GstBus* bus) const { gst_object_unref(bus); }
};
using ElementPtr = std::unique_ptr<GstElement, Unref>;
using BusPtr = std::unique_ptr<GstBus, Unref>;

/// \throws Error{kInvalidConfig} with GStreamer's words.
ElementPtr parse_pipeline(const std::string& description);

/// Takes out every fvpublish and puts a fakesink in the place of every sink but `end`.
/// \throws Error{kUnsupported} for one that is not linked yet.
void remove_ways_out(GstElement* pipeline, std::string_view end);

/// The `device` of every inference element of ours.
void set_device(GstElement* pipeline, const std::string& device);

/// The `threshold` of every fvdetect. \param threshold  In [0,1].
void set_threshold(GstElement* pipeline, double threshold);

/// Whether an element of this kind is in the pipeline, at any depth.
bool has_element(GstElement* pipeline, std::string_view factory);

/// "filesrc0: Resource not found. No such file \"x\"": who, what, and the last line of the details.
std::string error_text(GstMessage* message);

}  // namespace fovea::assess
