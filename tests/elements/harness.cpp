#include "tests/elements/harness.hpp"

#include <fmt/format.h>

#include <mutex>
#include <thread>

#include "tests/support/tiny_ir.hpp"

namespace fovea::testing {

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

std::string video_caps(const std::string& format, int width, int height) {
  return fmt::format("video/x-raw,format={},width={},height={},framerate=25/1", format, width, height);
}

std::string text_of(GstMessage* message) {
  GError* error = nullptr;
  gchar* debug = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) {
    gst_message_parse_warning(message, &error, &debug);
  } else {
    gst_message_parse_error(message, &error, &debug);
  }
  const std::string text = fmt::format("{} {}", error->message, debug == nullptr ? "" : debug);
  g_error_free(error);
  g_free(debug);
  return text;
}

double seen_level(GstBuffer* buffer) {
  const FrameAnalysis* analysis = find_analysis(buffer);
  return analysis == nullptr || analysis->objects.empty() ? -1 : level_of_left(analysis->objects.front().box.x);
}

std::string start_error(const std::string& launch) {
  GstElement* element = gst_parse_bin_from_description_full(launch.c_str(), FALSE, nullptr,
                                                            GST_PARSE_FLAG_NO_SINGLE_ELEMENT_BINS, nullptr);
  if (element == nullptr) {
    return {};
  }
  gst_object_ref_sink(element);
  GstBus* bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  std::string text;
  if (gst_element_set_state(element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE) {
    const MessagePtr message(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR));
    text = message == nullptr ? "" : text_of(message.get());
  }
  gst_element_set_state(element, GST_STATE_NULL);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(bus);
  gst_object_unref(element);
  return text;
}

Harness::Harness(const std::string& launch) : bus_(gst_bus_new()) {
  GError* problem = nullptr;
  GstElement* element = gst_parse_bin_from_description_full(launch.c_str(), TRUE, nullptr,
                                                            GST_PARSE_FLAG_NO_SINGLE_ELEMENT_BINS, &problem);
  if (element == nullptr) {
    const std::string text = fmt::format("{}: {}", launch, problem->message);
    g_error_free(problem);
    throw std::runtime_error(text);
  }
  gst_object_ref_sink(element);
  gst_element_set_bus(element, bus_);
  harness_ = gst_harness_new_with_element(element, "sink", "src");
  gst_harness_set_live(harness_, FALSE);
  gst_object_unref(element);
}

Harness::~Harness() {
  GstElement* element = GST_ELEMENT(gst_object_ref(harness_->element));
  gst_harness_teardown(harness_);
  gst_element_set_bus(element, nullptr);
  gst_object_unref(element);
  gst_object_unref(bus_);
}

void Harness::caps(const std::string& format, int width, int height) {
  info_.emplace();
  ASSERT_TRUE(gst_video_info_set_format(&*info_, gst_video_format_from_string(format.c_str()),
                                        static_cast<guint>(width), static_cast<guint>(height)));
  gst_harness_set_src_caps_str(harness_, video_caps(format, width, height).c_str());
}

BufferPtr Harness::picture(int level, std::uint64_t number) const {
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info_->size, nullptr);
  gst_buffer_memset(buffer, 0, static_cast<guint8>(level), info_->size);
  GST_BUFFER_PTS(buffer) = number * kFrameDuration;
  GST_BUFFER_DURATION(buffer) = kFrameDuration;
  GST_BUFFER_OFFSET(buffer) = number;
  return BufferPtr(buffer);
}

BufferPtr Harness::pull() {
  const bool came = eventually([&] { return waiting_buffers() > 0; });
  return BufferPtr(came ? gst_harness_try_pull(harness_) : nullptr);
}

bool Harness::wait_for_eos() {
  return eventually([&] {
    GstEvent* event = gst_harness_try_pull_event(harness_);
    const bool eos = event != nullptr && GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    if (event != nullptr) {
      gst_event_unref(event);
    }
    return eos;
  });
}

MessagePtr Harness::message(GstMessageType type, std::chrono::nanoseconds patience) {
  return MessagePtr(gst_bus_timed_pop_filtered(bus_, static_cast<GstClockTime>(patience.count()), type));
}

std::string Harness::error() {
  const MessagePtr found = message(GST_MESSAGE_ERROR);
  return found == nullptr ? "" : text_of(found.get());
}

std::uint64_t Harness::stat(const char* name) {
  GstStructure* stats = nullptr;
  g_object_get(element(), "stats", &stats, nullptr);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats, name, &value)) << name;
  gst_structure_free(stats);
  return value;
}

struct OutputLog::State {
  std::mutex mutex;
  std::vector<std::string> lines;
};

OutputLog::OutputLog(GstElement* element)
    : state_(std::make_unique<State>()), pad_(gst_element_get_static_pad(element, "src")) {
  const auto record = [](GstPad* /*pad*/, GstPadProbeInfo* info, gpointer data) {
    auto* state = static_cast<State*>(data);
    const std::lock_guard lock(state->mutex);
    if ((GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
      state->lines.push_back(fmt::format("buffer {}", GST_BUFFER_OFFSET(GST_PAD_PROBE_INFO_BUFFER(info))));
    } else {
      state->lines.emplace_back(GST_EVENT_TYPE_NAME(GST_PAD_PROBE_INFO_EVENT(info)));
    }
    return GST_PAD_PROBE_OK;
  };
  probe_ = gst_pad_add_probe(
      pad_, static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM), record,
      state_.get(), nullptr);
}

OutputLog::~OutputLog() {
  gst_pad_remove_probe(pad_, probe_);
  gst_object_unref(pad_);
}

std::vector<std::string> OutputLog::lines() {
  const std::lock_guard lock(state_->mutex);
  return state_->lines;
}

}  // namespace fovea::testing
