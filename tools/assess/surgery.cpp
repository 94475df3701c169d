// Pads unlinked and linked again.
#include "tools/assess/surgery.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/base/error.hpp"

namespace fovea::assess {
namespace {

struct UnrefPad {
  void operator()(GstPad* pad) const { gst_object_unref(pad); }
};
using PadPtr = std::unique_ptr<GstPad, UnrefPad>;

std::string factory_of(GstElement* element) {
  GstElementFactory* factory = gst_element_get_factory(element);
  return factory == nullptr ? "" : GST_OBJECT_NAME(factory);
}

/// All elements at any depth.
std::vector<ElementPtr> elements_of(GstElement* pipeline) {
  std::vector<ElementPtr> elements;
  GstIterator* all = gst_bin_iterate_recurse(GST_BIN(pipeline));
  GValue item = G_VALUE_INIT;
  while (gst_iterator_next(all, &item) == GST_ITERATOR_OK) {  // Nothing else changes the bin before it runs.
    elements.emplace_back(GST_ELEMENT(g_value_dup_object(&item)));
    g_value_reset(&item);
  }
  g_value_unset(&item);
  gst_iterator_free(all);
  return elements;
}

PadPtr peer_of(GstElement* element, const char* name) {
  const PadPtr pad(gst_element_get_static_pad(element, name));
  PadPtr peer(pad ? gst_pad_get_peer(pad.get()) : nullptr);
  if (!peer) {
    fail(ErrorCode::kUnsupported,
         "{} '{}' among the stages is not linked at its pad {}; put it into 'publish' or 'outputs'",
         factory_of(element), GST_OBJECT_NAME(element), name);
  }
  return peer;
}

void take_out(GstElement* element) {
  const PadPtr before = peer_of(element, "sink");
  const PadPtr after = peer_of(element, "src");
  GstObject* bin = gst_element_get_parent(element);
  gst_bin_remove(GST_BIN(bin), element);  // unlinks it
  gst_object_unref(bin);
  if (GST_PAD_LINK_FAILED(gst_pad_link(before.get(), after.get()))) {
    fail(ErrorCode::kInternal, "the neighbours of '{}' cannot be linked", GST_OBJECT_NAME(element));
  }
}

void replace_by_fakesink(GstElement* element) {
  const PadPtr before = peer_of(element, "sink");
  GstObject* bin = gst_element_get_parent(element);
  gst_bin_remove(GST_BIN(bin), element);
  GstElement* sink = gst_element_factory_make("fakesink", nullptr);
  g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
  gst_bin_add(GST_BIN(bin), sink);
  gst_object_unref(bin);
  const PadPtr pad(gst_element_get_static_pad(sink, "sink"));
  if (GST_PAD_LINK_FAILED(gst_pad_link(before.get(), pad.get()))) {
    fail(ErrorCode::kInternal, "the neighbour of '{}' cannot be linked", GST_OBJECT_NAME(element));
  }
}

}  // namespace

ElementPtr parse_pipeline(const std::string& description) {
  GError* error = nullptr;
  ElementPtr pipeline(gst_parse_launch_full(description.c_str(), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error));
  if (error != nullptr) {
    const std::string message = error->message;
    g_error_free(error);
    fail(ErrorCode::kInvalidConfig, "{}", message);
  }
  return pipeline;
}

void remove_ways_out(GstElement* pipeline, std::string_view end) {
  for (const ElementPtr& element : elements_of(pipeline)) {
    const bool is_sink = GST_OBJECT_FLAG_IS_SET(element.get(), GST_ELEMENT_FLAG_SINK);
    if (factory_of(element.get()) == "fvpublish") {
      take_out(element.get());
    } else if (is_sink && !GST_IS_BIN(element.get()) && GST_OBJECT_NAME(element.get()) != end) {
      replace_by_fakesink(element.get());
    }
  }
}

void set_device(GstElement* pipeline, const std::string& device) {
  static constexpr std::array<std::string_view, 4> kFactories = {"fvdetect", "fvclassify", "fvsegment", "fvinference"};
  for (const ElementPtr& element : elements_of(pipeline)) {
    if (std::ranges::find(kFactories, factory_of(element.get())) != kFactories.end()) {
      g_object_set(element.get(), "device", device.c_str(), nullptr);
    }
  }
}

void set_threshold(GstElement* pipeline, double threshold) {
  for (const ElementPtr& element : elements_of(pipeline)) {
    if (factory_of(element.get()) == "fvdetect") {
      g_object_set(element.get(), "threshold", threshold, nullptr);
    }
  }
}

bool has_element(GstElement* pipeline, std::string_view factory) {
  const std::vector<ElementPtr> elements = elements_of(pipeline);
  return std::ranges::any_of(elements, [&](const ElementPtr& element) { return factory_of(element.get()) == factory; });
}

std::string error_text(GstMessage* message) {
  GError* error = nullptr;
  gchar* debug = nullptr;
  gst_message_parse_error(message, &error, &debug);
  std::string text = fmt::format("{}: {}", GST_OBJECT_NAME(GST_MESSAGE_SRC(message)), error->message);
  const std::string details = debug == nullptr ? "" : debug;
  if (const auto line = details.rfind('\n'); line != std::string::npos && line + 1 < details.size()) {
    text += " " + details.substr(line + 1);
  }
  g_error_free(error);
  g_free(debug);
  return text;
}

}  // namespace fovea::assess
