// Harness: an element between a source and a sink pad that a test plays, with its bus and pictures to feed it.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "elements/analysis_meta.hpp"

namespace fovea::testing {

/// How long a test waits for what must happen; far above what a slow machine with sanitizers needs.
inline constexpr std::chrono::seconds kPatience{20};

/// Polls. \return false when it did not become true in time.
bool eventually(const std::function<bool()>& condition);

/// 25 pictures a second.
inline constexpr GstClockTime kFrameDuration = 40 * GST_MSECOND;

std::string video_caps(const std::string& format, int width, int height);

struct UnrefBuffer {
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
};
using BufferPtr = std::unique_ptr<GstBuffer, UnrefBuffer>;

struct UnrefMessage {
  void operator()(GstMessage* message) const { gst_message_unref(message); }
};
using MessagePtr = std::unique_ptr<GstMessage, UnrefMessage>;

/// The text and debug text of an error or warning.
std::string text_of(GstMessage* message);

/// The level (0…255) that make_detector's model saw, or -1 when the buffer carries no detection.
double seen_level(GstBuffer* buffer);

/// Takes an element or bin to PAUSED. \return the text of its error; empty when it starts.
std::string start_error(const std::string& launch);

class Harness {
 public:
  /// \param launch  An element with properties, or several linked ones, as for gst-launch-1.0. It is PLAYING at once,
  ///                so a start that fails ends the test program; see start_error.
  ///                The source is not live unless a test says so.
  explicit Harness(const std::string& launch);
  ~Harness();
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  [[nodiscard]] GstHarness* get() const { return harness_; }
  [[nodiscard]] GstElement* element() const { return harness_->element; }

  void caps(const std::string& format, int width, int height);
  /// Small grey pictures from now on.
  void grey() { caps("GRAY8", 32, 32); }

  /// Picture `number` with all bytes `level`. The buffer's offset is the number, too.
  [[nodiscard]] BufferPtr picture(int level, std::uint64_t number) const;
  GstFlowReturn push(BufferPtr buffer) { return gst_harness_push(harness_, buffer.release()); }
  GstFlowReturn push_level(int level) { return push(picture(level, next_++)); }
  bool push_event(GstEvent* event) { return gst_harness_push_event(harness_, event) != FALSE; }
  bool eos() { return push_event(gst_event_new_eos()); }

  /// The next buffer, or nullptr when none came in time.
  BufferPtr pull();
  [[nodiscard]] unsigned waiting_buffers() const { return gst_harness_buffers_in_queue(harness_); }
  /// EOS came out.
  bool wait_for_eos();

  /// The next message of a type, or nullptr. Others are dropped.
  MessagePtr message(GstMessageType type, std::chrono::nanoseconds patience = kPatience);
  /// Text of the next error.
  std::string error();

  std::uint64_t stat(const char* name);

 private:
  GstHarness* harness_;
  GstBus* bus_;
  std::optional<GstVideoInfo> info_;
  std::uint64_t next_ = 0;
};

/// What left an element, in order: "buffer 3", "caps", "tag", "eos", ….
class OutputLog {
 public:
  /// Watches the element's source pad as long as it lives.
  explicit OutputLog(GstElement* element);
  ~OutputLog();
  OutputLog(const OutputLog&) = delete;
  OutputLog& operator=(const OutputLog&) = delete;

  [[nodiscard]] std::vector<std::string> lines();

 private:
  struct State;
  std::unique_ptr<State> state_;
  GstPad* pad_;
  gulong probe_;
};

}  // namespace fovea::testing
