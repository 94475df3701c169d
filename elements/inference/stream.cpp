#include "elements/inference/stream.hpp"

#include <algorithm>

#include "elements/analysis_meta.hpp"
#include "elements/guard.hpp"
#include "engine/base/text.hpp"

GST_DEBUG_CATEGORY_EXTERN(fovea_debug);
#define GST_CAT_DEFAULT fovea_debug

namespace fovea {
namespace {

/// Frames in a row whose inference failed before the element gives up.
constexpr std::uint64_t kMaxConsecutiveFailures = 30;
/// A new latency is announced when it grew by more than this share; NNStreamer uses the same threshold.
constexpr double kLatencyChange = 0.25;
constexpr std::size_t kLatencySamples = 16;
/// Frames that a long inference interval may keep waiting; at 1080p NV12 these are 100 MB.
constexpr std::size_t kMostWaiting = 32;

gpointer to_pointer(InferenceStream* stream) { return stream; }

}  // namespace

InferenceStream::InferenceStream(GstElement* element, GstPad* sink, GstPad* src)
    : element_(element), sink_(sink), src_(src) {
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
}

void InferenceStream::start(const InferenceSettings& settings) {
  user_ = std::make_shared<ModelUser>(settings);
  stream_id_ = user_->model().core->scheduler().new_stream();
  credits_ = settings.max_in_flight > 0 ? settings.max_in_flight : user_->model().requests + 1;
  // Frames between inferred ones wait for them; a few more keep events from blocking.
  queue_limit_ = std::max(credits_, std::min(credits_ * std::max(settings.interval, 1U), kMostWaiting)) + 4;
  const MutexLock lock(signal_->mutex);
  planner_.emplace(RegionPolicy{.region = settings.region,
                                .object_classes = split(settings.object_class, ','),
                                .reclassify_interval = static_cast<int>(settings.reclassify_interval)});
  stats_ = {};
  latency_.clear();
  announced_latency_ = static_cast<GstClockTime>(settings.latency_budget_ms) * GST_MSECOND;
}

void InferenceStream::stop() {
  if (user_ != nullptr) {
    user_->model().pool->drop(stream_id_);
  }
  {
    MutexLock lock(signal_->mutex);
    clear_items();
    planner_.reset();
    while (signal_->inferring > 0) {
      lock.wait(signal_->changed);
    }
  }
  user_.reset();
  info_.reset();
  live_.reset();
  frame_number_ = 0;
  consecutive_failures_ = 0;
}

void InferenceStream::clear_items() {
  for (const Item& item : items_) {
    if (item.event != nullptr) {
      gst_event_unref(item.event);
    }
  }
  items_.clear();
}

// Streaming thread ----------------------------------------------------------------------------------------------------

bool InferenceStream::is_live() {
  if (!live_) {
    GstQuery* query = gst_query_new_latency();
    gboolean live = FALSE;
    if (gst_pad_peer_query(sink_, query) != FALSE) {
      gst_query_parse_latency(query, &live, nullptr, nullptr);
    }
    gst_query_unref(query);
    live_ = live != FALSE;
  }
  return *live_;
}

bool InferenceStream::late_by_qos(GstBuffer* buffer) {
  const GstClockTime running = gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  return GST_CLOCK_TIME_IS_VALID(earliest_time_) && GST_CLOCK_TIME_IS_VALID(running) && running < earliest_time_;
}

std::vector<RegionTask> InferenceStream::plan(GstBuffer* buffer, std::uint64_t number) {
  const FrameAnalysis analysis = read_analysis(buffer, *info_);
  const MutexLock lock(signal_->mutex);
  return planner_ ? planner_->plan(analysis, number) : std::vector<RegionTask>{};
}

/// Waits for room in the queue and, for a frame to infer, for a credit; `skip` is set when it goes on without.
bool InferenceStream::wait_for_credit(bool infer, bool& skip) {
  const Overflow overflow = user_->settings().overflow;
  const bool may_skip = overflow == Overflow::kSkipInference || (overflow == Overflow::kAuto && is_live());
  MutexLock lock(signal_->mutex);
  while (!flushing_ && flow_ == GST_FLOW_OK) {
    const bool room = items_.size() < queue_limit_;
    const bool credit = !infer || signal_->inferring < credits_;
    if (room && (credit || may_skip)) {
      skip = infer && !credit;
      return true;
    }
    lock.wait(signal_->changed);
  }
  return false;
}

GstFlowReturn InferenceStream::chain(GstBuffer* buffer) {
  if (!info_) {
    gst_buffer_unref(buffer);
    GST_ELEMENT_ERROR(element_, CORE, NEGOTIATION, ("no caps before the first buffer"), (nullptr));
    return GST_FLOW_NOT_NEGOTIATED;
  }
  const std::uint64_t number = frame_number_++;
  bool infer = number % std::max(user_->settings().interval, 1U) == 0;
  bool skip = false;
  if (!wait_for_credit(infer, skip)) {
    gst_buffer_unref(buffer);
    const MutexLock lock(signal_->mutex);
    return flow_;
  }
  {
    const MutexLock lock(signal_->mutex);
    ++stats_.frames_in;
    skip = skip || (infer && late_by_qos(buffer));
    stats_.skipped += skip ? 1U : 0U;
  }
  if (skip) {
    post_skipped(buffer);
  }
  infer = infer && !skip;
  std::vector<RegionTask> regions = infer ? plan(buffer, number) : std::vector<RegionTask>{};
  auto task = std::make_shared<FrameTask>(buffer, *info_, number);
  {
    const MutexLock lock(signal_->mutex);
    if (flushing_) {
      return GST_FLOW_FLUSHING;
    }
    task->expect(regions.size(), *signal_);
    items_.push_back({.task = task});
  }
  FrameTask::start(task, *user_, stream_id_, std::move(regions), signal_);
  const MutexLock lock(signal_->mutex);
  signal_->changed.notify_all();
  return GST_FLOW_OK;
}

void InferenceStream::post_skipped(GstBuffer* buffer) {
  GstMessage* message = nullptr;
  {
    const MutexLock lock(signal_->mutex);
    const GstClockTime pts = GST_BUFFER_PTS(buffer);
    message = gst_message_new_qos(GST_OBJECT(element_), live_.value_or(false) ? TRUE : FALSE,
                                  gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, pts),
                                  gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, pts), pts,
                                  GST_BUFFER_DURATION(buffer));
    gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, stats_.frames_in, stats_.skipped);
  }
  gst_element_post_message(element_, message);
}

void InferenceStream::set_caps(GstEvent* event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  GstVideoInfo info;
  if (gst_video_info_from_caps(&info, caps) == FALSE) {
    info_.reset();
    return;
  }
  info_ = info;
  const MutexLock lock(signal_->mutex);
  frame_duration_ = GST_VIDEO_INFO_FPS_N(&info) > 0
                        ? gst_util_uint64_scale(GST_SECOND, static_cast<guint64>(GST_VIDEO_INFO_FPS_D(&info)),
                                                static_cast<guint64>(GST_VIDEO_INFO_FPS_N(&info)))
                        : GST_CLOCK_TIME_NONE;
}

bool InferenceStream::enqueue_event(GstEvent* event) {
  MutexLock lock(signal_->mutex);
  if (flushing_) {
    gst_event_unref(event);
    return false;
  }
  const bool eos = GST_EVENT_TYPE(event) == GST_EVENT_EOS;
  const bool begins = GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START || GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT;
  if (flow_ == GST_FLOW_EOS && begins) {
    flow_ = GST_FLOW_OK;  // upstream goes on after an end: the next stream, or another segment
  }
  if (flow_ != GST_FLOW_OK) {
    gst_event_unref(event);
    // After EOS upstream sends no buffer that could carry the flow return back, so the error must be told here.
    const GstFlowReturn flow = flow_;
    if (eos && (flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS)) {
      lock.unlock();
      GST_ELEMENT_FLOW_ERROR(element_, flow);
    }
    return flow == GST_FLOW_EOS;
  }
  items_.push_back({.task = nullptr, .event = event});
  signal_->changed.notify_all();
  return true;
}

gboolean InferenceStream::sink_event(GstEvent* event) {
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START: {
      const gboolean pushed = gst_pad_push_event(src_, event);
      begin_flush();
      return pushed;
    }
    case GST_EVENT_FLUSH_STOP: {
      const gboolean pushed = gst_pad_push_event(src_, event);
      end_flush();
      return pushed;
    }
    case GST_EVENT_CAPS:
      set_caps(event);
      if (!info_) {
        gst_event_unref(event);
        return FALSE;
      }
      break;
    case GST_EVENT_SEGMENT: {
      const MutexLock lock(signal_->mutex);
      gst_event_copy_segment(event, &segment_);
      break;
    }
    default:
      break;
  }
  if (GST_EVENT_IS_SERIALIZED(event)) {
    return enqueue_event(event) ? TRUE : FALSE;
  }
  return gst_pad_push_event(src_, event);
}

/// \return false when flushing or when the output has stopped.
bool InferenceStream::wait_until_drained() {
  MutexLock lock(signal_->mutex);
  while (!flushing_ && flow_ == GST_FLOW_OK && (!items_.empty() || pushing_)) {
    lock.wait(signal_->changed);
  }
  return !flushing_ && flow_ == GST_FLOW_OK;
}

gboolean InferenceStream::answer_allocation(GstQuery* query) {
  if (gst_pad_peer_query(src_, query) == FALSE) {
    // Nobody behind us cares; we read frames with any strides.
    gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  }
  const auto held = static_cast<guint>(queue_limit_);
  if (gst_query_get_n_allocation_pools(query) == 0) {
    GstCaps* caps = nullptr;
    GstVideoInfo info;
    gst_query_parse_allocation(query, &caps, nullptr);
    if (caps != nullptr && gst_video_info_from_caps(&info, caps) != FALSE) {
      // No pool of ours, but word of how many frames we hold: decoders with a fixed pool would stall without.
      gst_query_add_allocation_pool(query, nullptr, static_cast<guint>(GST_VIDEO_INFO_SIZE(&info)), held, 0);
    }
    return TRUE;
  }
  // The frames we hold are missing from the pool downstream proposed.
  for (guint i = 0; i < gst_query_get_n_allocation_pools(query); ++i) {
    GstBufferPool* pool = nullptr;
    guint size = 0;
    guint least = 0;
    guint most = 0;
    gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &least, &most);
    gst_query_set_nth_allocation_pool(query, i, pool, size, least + held, most == 0 ? 0 : most + held);
    if (pool != nullptr) {
      gst_object_unref(pool);
    }
  }
  return TRUE;
}

gboolean InferenceStream::sink_query(GstQuery* query) {
  if (GST_QUERY_IS_SERIALIZED(query) && !wait_until_drained()) {
    return FALSE;
  }
  if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION) {
    return answer_allocation(query);
  }
  return gst_pad_query_default(sink_, GST_OBJECT(element_), query);
}

// Flushing and activation ---------------------------------------------------------------------------------------------

void InferenceStream::begin_flush() {
  {
    const MutexLock lock(signal_->mutex);
    flushing_ = true;
    flow_ = GST_FLOW_FLUSHING;
    clear_items();
    signal_->changed.notify_all();
  }
  if (user_ != nullptr) {
    user_->model().pool->drop(stream_id_);
  }
  gst_pad_pause_task(src_);
}

void InferenceStream::end_flush() {
  {
    const MutexLock lock(signal_->mutex);
    clear_items();
    flushing_ = false;
    flow_ = GST_FLOW_OK;
    earliest_time_ = GST_CLOCK_TIME_NONE;
    gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
    if (planner_) {
      planner_->reset();
    }
  }
  gst_pad_start_task(
      src_, [](gpointer self) { static_cast<InferenceStream*>(self)->push_next(); }, to_pointer(this), nullptr);
}

gboolean InferenceStream::activate_src(bool active) {
  if (active) {
    end_flush();
    return TRUE;
  }
  begin_flush();
  return gst_pad_stop_task(src_);
}

gboolean InferenceStream::src_event(GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_QOS) {
    GstClockTimeDiff jitter = 0;
    GstClockTime timestamp = GST_CLOCK_TIME_NONE;
    gst_event_parse_qos(event, nullptr, nullptr, &jitter, &timestamp);
    const MutexLock lock(signal_->mutex);
    if (GST_CLOCK_TIME_IS_VALID(timestamp) && jitter > 0) {
      // As GstVideoDecoder does: what is late twice over will not come in time either.
      const GstClockTime duration = GST_CLOCK_TIME_IS_VALID(frame_duration_) ? frame_duration_ : 0;
      earliest_time_ = timestamp + 2 * static_cast<GstClockTime>(jitter) + duration;
    } else {
      earliest_time_ = GST_CLOCK_TIME_NONE;
    }
  }
  return gst_pad_push_event(sink_, event);
}

gboolean InferenceStream::answer_latency(GstQuery* query) {
  if (gst_pad_peer_query(sink_, query) == FALSE) {
    return FALSE;
  }
  gboolean live = FALSE;
  GstClockTime least = 0;
  GstClockTime most = GST_CLOCK_TIME_NONE;
  gst_query_parse_latency(query, &live, &least, &most);
  const MutexLock lock(signal_->mutex);
  const GstClockTime duration = GST_CLOCK_TIME_IS_VALID(frame_duration_) ? frame_duration_ : 0;
  const GstClockTime own = std::max(announced_latency_, duration);
  least += own;
  if (GST_CLOCK_TIME_IS_VALID(most)) {
    most += own + duration * credits_;
  }
  gst_query_set_latency(query, live, least, most);
  return TRUE;
}

gboolean InferenceStream::src_query(GstQuery* query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) {
    return answer_latency(query);
  }
  return gst_pad_query_default(src_, GST_OBJECT(element_), query);
}

// Output task ---------------------------------------------------------------------------------------------------------

void InferenceStream::push_next() {
  Item item;
  {
    MutexLock lock(signal_->mutex);
    while (!flushing_ && (flow_ != GST_FLOW_OK || items_.empty() ||
                          (items_.front().task != nullptr && !items_.front().task->ready()))) {
      lock.wait(signal_->changed);
    }
    if (flushing_) {
      lock.unlock();
      gst_pad_pause_task(src_);
      return;
    }
    item = std::move(items_.front());
    items_.pop_front();
    pushing_ = true;
    signal_->changed.notify_all();
  }
  if (item.event != nullptr) {
    const bool eos = GST_EVENT_TYPE(item.event) == GST_EVENT_EOS;
    gst_pad_push_event(src_, item.event);
    if (eos) {
      stop_output(GST_FLOW_EOS);
    }
  } else if (!push_frame(item.task)) {
    stop_output(GST_FLOW_ERROR);
  }
  const MutexLock lock(signal_->mutex);
  pushing_ = false;
  signal_->changed.notify_all();
}

/// \return false when the element gave up; other flow returns are handled here.
bool InferenceStream::push_frame(const std::shared_ptr<FrameTask>& task) {
  return guarded(element_, false, [&] {
    GstBuffer* buffer = nullptr;
    const std::exception_ptr failure = task->failure();
    if (task->inferred()) {
      update_latency(*task);
    }
    if (failure != nullptr) {
      handle_failure(failure);
    } else if (task->inferred()) {
      consecutive_failures_ = 0;
    }
    {
      const MutexLock lock(signal_->mutex);
      if (!planner_) {
        return true;
      }
      buffer = task->release(*user_, *planner_);
      ++stats_.frames_out;
      stats_.inferred += task->inferred() && failure == nullptr ? 1U : 0U;
    }
    const GstFlowReturn flow = gst_pad_push(src_, buffer);
    if (flow != GST_FLOW_OK) {
      stop_output(flow);
    }
    return true;
  });
}

/// A failed frame goes on without results; only a model that never works again is an error.
void InferenceStream::handle_failure(const std::exception_ptr& failure) {
  {
    const MutexLock lock(signal_->mutex);
    ++stats_.failed;
  }
  if (++consecutive_failures_ >= kMaxConsecutiveFailures) {
    std::rethrow_exception(failure);
  }
  if (const std::uint64_t count = failures_limiter_.admit(); count > 0) {
    GST_ELEMENT_WARNING(element_, LIBRARY, FAILED,
                        ("inference failed on %" G_GUINT64_FORMAT " frames", static_cast<guint64>(count)),
                        ("%s", describe_exception(failure).c_str()));
  }
}

/// Counts until the frame could have left: time spent waiting for downstream is not ours, and a sink that waits for
/// the latency we announce would drive it up without end.
void InferenceStream::update_latency(const FrameTask& task) {
  last_ready_ = std::max(last_ready_, task.ready_at());
  const MutexLock lock(signal_->mutex);
  latency_.add(last_ready_ - task.created_at());
  if (user_->settings().latency_budget_ms > 0 || latency_.count() % kLatencySamples != 0) {
    return;
  }
  const auto measured = static_cast<GstClockTime>(latency_.percentile(0.99).count());
  const GstClockTime duration = GST_CLOCK_TIME_IS_VALID(frame_duration_) ? frame_duration_ : GST_MSECOND;
  const GstClockTime rounded = (measured + duration - 1) / duration * duration;
  if (static_cast<double>(rounded) > static_cast<double>(announced_latency_) * (1 + kLatencyChange)) {
    announced_latency_ = rounded;
    GST_DEBUG_OBJECT(element_, "latency is now %" GST_TIME_FORMAT, GST_TIME_ARGS(rounded));
    gst_element_post_message(element_, gst_message_new_latency(GST_OBJECT(element_)));
  }
}

/// Remembers why nothing more goes out; the next `chain` returns it upstream.
void InferenceStream::stop_output(GstFlowReturn flow) {
  {
    const MutexLock lock(signal_->mutex);
    if (!flushing_) {
      flow_ = flow;
      clear_items();
    }
    signal_->changed.notify_all();
  }
}

StreamStats InferenceStream::stats() {
  const MutexLock lock(signal_->mutex);
  StreamStats stats = stats_;
  stats.in_flight = signal_->inferring;
  stats.p50 = latency_.percentile(0.5);
  stats.p95 = latency_.percentile(0.95);
  stats.p99 = latency_.percentile(0.99);
  return stats;
}

}  // namespace fovea
