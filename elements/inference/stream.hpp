// The pads of an inference element: frames and serialized events leave in the order they came, from a task of the
// source pad, while the model works on several frames at once.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <deque>
#include <memory>
#include <optional>

#include "elements/inference/frame_task.hpp"
#include "elements/inference/latency_window.hpp"
#include "engine/base/log.hpp"

namespace fovea {

/// What the `stats` property shows.
struct StreamStats {
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;
  std::uint64_t inferred = 0;  ///< Frames a model looked at.
  std::uint64_t skipped = 0;   ///< Frames that should have been inferred but were not: overload or QoS.
  std::uint64_t failed = 0;    ///< Frames with a failed run.
  std::size_t in_flight = 0;
  std::chrono::nanoseconds p50{0}, p95{0}, p99{0};  ///< Submitted → ready to leave in order, of recent inferred frames.
};

/// One per element, made with it. The threads are GStreamer's: `chain` and `sink_event` on the streaming thread, the
/// output loop on the source pad's task, `start` and `stop` on the application's. Jobs in flight never point here, but
/// to `user_`, so `stop` waits for them.
class InferenceStream {
 public:
  InferenceStream(GstElement* element, GstPad* sink, GstPad* src);
  InferenceStream(const InferenceStream&) = delete;
  InferenceStream& operator=(const InferenceStream&) = delete;

  /// READY → PAUSED. \throws what loading the model throws.
  void start(const InferenceSettings& settings);
  /// PAUSED → READY, after the pads are inactive.
  void stop();

  GstFlowReturn chain(GstBuffer* buffer);
  gboolean sink_event(GstEvent* event);
  gboolean sink_query(GstQuery* query);
  gboolean src_event(GstEvent* event);
  gboolean src_query(GstQuery* query);
  gboolean activate_src(bool active);

  [[nodiscard]] StreamStats stats();

 private:
  /// A buffer with its task, or a serialized event.
  struct Item {
    std::shared_ptr<FrameTask> task;
    GstEvent* event = nullptr;
  };

  [[nodiscard]] bool late_by_qos(GstBuffer* buffer) FOVEA_REQUIRES(signal_->mutex);
  bool wait_for_credit(bool infer, bool& skip);
  [[nodiscard]] bool is_live();
  [[nodiscard]] std::vector<RegionTask> plan(GstBuffer* buffer, std::uint64_t number);
  bool enqueue_event(GstEvent* event);
  void set_caps(GstEvent* event);
  void begin_flush();
  void end_flush();
  void clear_items() FOVEA_REQUIRES(signal_->mutex);
  bool wait_until_drained();
  gboolean answer_allocation(GstQuery* query);
  gboolean answer_latency(GstQuery* query);
  void push_next();
  bool push_frame(const std::shared_ptr<FrameTask>& task);
  void handle_failure(const std::exception_ptr& failure);
  void update_latency(const FrameTask& task);
  void post_skipped(GstBuffer* buffer);
  void stop_output(GstFlowReturn flow);

  GstElement* element_;
  GstPad* sink_;
  GstPad* src_;
  std::shared_ptr<ModelUser> user_;
  StreamId stream_id_ = kNoStream;
  std::size_t credits_ = 1;           ///< Frames under inference at the same time.
  std::size_t queue_limit_ = 1;       ///< Frames and events in the queue.
  std::optional<GstVideoInfo> info_;  ///< Streaming thread only.
  std::optional<bool> live_;          ///< Streaming thread only.
  std::uint64_t frame_number_ = 0;    ///< Streaming thread only.
  LogLimiter failures_limiter_;
  std::uint64_t consecutive_failures_ = 0;   ///< Output task only.
  FrameTask::Clock::time_point last_ready_;  ///< When the frames so far were ready. Output task only.

  std::shared_ptr<CompletionSignal> signal_ = std::make_shared<CompletionSignal>();
  std::optional<RegionPlanner> planner_ FOVEA_GUARDED_BY(signal_->mutex);
  std::deque<Item> items_ FOVEA_GUARDED_BY(signal_->mutex);
  bool pushing_ FOVEA_GUARDED_BY(signal_->mutex) = false;
  bool flushing_ FOVEA_GUARDED_BY(signal_->mutex) = true;
  GstFlowReturn flow_ FOVEA_GUARDED_BY(signal_->mutex) = GST_FLOW_FLUSHING;
  GstClockTime earliest_time_ FOVEA_GUARDED_BY(signal_->mutex) = GST_CLOCK_TIME_NONE;
  GstSegment segment_ FOVEA_GUARDED_BY(signal_->mutex){};
  LatencyWindow latency_ FOVEA_GUARDED_BY(signal_->mutex);
  GstClockTime frame_duration_ FOVEA_GUARDED_BY(signal_->mutex) = GST_CLOCK_TIME_NONE;
  GstClockTime announced_latency_ FOVEA_GUARDED_BY(signal_->mutex) = 0;
  StreamStats stats_ FOVEA_GUARDED_BY(signal_->mutex);
};

}  // namespace fovea
