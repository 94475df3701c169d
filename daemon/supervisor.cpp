// Supervisor and the life of one instance.
#include "daemon/supervisor.hpp"

#include <gst/gst.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "daemon/pipeline_builder.hpp"
#include "engine/base/error.hpp"
#include "engine/base/log.hpp"

namespace fovea {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// A run that lasted so long was a success: the next failure starts with the shortest delay again.
constexpr auto kStableAfter = std::chrono::seconds(10);

struct Unref {
  void operator()(GstElement* element) const { gst_object_unref(element); }
  void operator()(GstBus* bus) const { gst_object_unref(bus); }
};
using ElementPtr = std::unique_ptr<GstElement, Unref>;
using BusPtr = std::unique_ptr<GstBus, Unref>;

/// Counts buffers at a pad. Shared with GStreamer's streaming threads, which may outlast the instance for a moment.
using FrameCounter = std::shared_ptr<std::atomic<std::uint64_t>>;

GstPadProbeReturn count_frame(GstPad* /*pad*/, GstPadProbeInfo* /*info*/, gpointer data) {
  (*static_cast<FrameCounter*>(data))->fetch_add(1, std::memory_order_relaxed);
  return GST_PAD_PROBE_OK;
}

void watch_frames(GstElement* pipeline, const FrameCounter& counter) {
  const ElementPtr sink(gst_bin_get_by_name(GST_BIN(pipeline), "sink0"));
  if (!sink) {
    fail(ErrorCode::kInternal, "the pipeline has no element 'sink0'");
  }
  GstPad* pad = gst_element_get_static_pad(sink.get(), "sink");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, count_frame, new FrameCounter(counter),
                    [](gpointer data) { delete static_cast<FrameCounter*>(data); });
  gst_object_unref(pad);
}

ElementPtr parse(const std::string& description) {
  GError* error = nullptr;
  ElementPtr pipeline(gst_parse_launch_full(description.c_str(), nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error));
  if (error != nullptr) {
    const std::string message = error->message;
    g_error_free(error);
    fail(ErrorCode::kInvalidConfig, "{}", message);
  }
  if (GST_IS_PIPELINE(pipeline.get())) {
    return pipeline;
  }
  ElementPtr whole(gst_pipeline_new(nullptr));  // A single element is no pipeline yet.
  gst_bin_add(GST_BIN(whole.get()), pipeline.release());
  return whole;
}

/// `text` with the credentials of all URIs in it removed: elements quote the URI they failed with.
std::string redacted(std::string text) {
  for (auto scheme = text.find("://"); scheme != std::string::npos; scheme = text.find("://", scheme + 3)) {
    const auto start = scheme + 3;
    const auto end = std::min(text.find_first_of(" \t\n\"'", start), text.size());
    const auto at = text.rfind('@', end - 1);
    if (at != std::string::npos && at >= start) {
      text.erase(start, at + 1 - start);
    }
  }
  return text;
}

/// "filesrc0: Resource not found.: No such file \"x\"": the element's words and the last line of its details.
std::string message_text(GstMessage* message) {
  GError* error = nullptr;
  gchar* debug = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) {
    gst_message_parse_warning(message, &error, &debug);
  } else {
    gst_message_parse_error(message, &error, &debug);
  }
  const std::string details = redacted(debug == nullptr ? "" : debug);
  std::string text = redacted(fmt::format("{}: {}", GST_OBJECT_NAME(GST_MESSAGE_SRC(message)), error->message));
  FOVEA_LOG(kDebug, "supervisor", "{} ({})", text, details);
  if (const auto line = details.rfind('\n'); line != std::string::npos && line + 1 < details.size()) {
    text += " " + details.substr(line + 1);
  }
  g_error_free(error);
  g_free(debug);
  return text;
}

bool is_up(PipelineState state) { return state == PipelineState::kStarting || state == PipelineState::kRunning; }

bool waits(PipelineState state) { return state == PipelineState::kRetrying || state == PipelineState::kStalled; }

}  // namespace

class Supervisor::Instance {
 public:
  Instance(PipelineJob job, const Announce& announce) : job_(std::move(job)), announce_(announce) {
    status_.name = job_.name;
    status_.source = job_.source;
    backoff_ = job_.reconnect.min_backoff;
    enter(PipelineState::kStarting, "");
    retry_at_ = Clock::now();  // The first tick starts it, so that many do not start in one blocking call.
  }
  ~Instance() { tear_down(); }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  void tick() {
    const auto now = Clock::now();
    if (!pipeline_) {
      if (!stopping_ && (waits(status_.state) || status_.state == PipelineState::kStarting) && now >= retry_at_) {
        start();
      }
      return;
    }
    see_frames(now);
    if (!error_.empty()) {
      fail_and_retry(PipelineState::kRetrying, std::exchange(error_, ""));
    } else if (std::exchange(end_of_stream_, false)) {
      at_end();
    } else if (stopping_ && now >= stop_by_) {
      FOVEA_LOG(kWarning, "supervisor", "{}: did not end its stream in time", job_.name);
      finish(PipelineState::kStopped);
    } else if (now - last_frame_ >= job_.reconnect.stall_timeout) {
      fail_and_retry(PipelineState::kStalled, fmt::format("no frame for {} ms", job_.reconnect.stall_timeout.count()));
    }
  }

  void begin_stop(milliseconds patience) {
    stopping_ = true;
    stop_by_ = Clock::now() + patience;
    if (!pipeline_) {
      if (status_.state != PipelineState::kFinished && status_.state != PipelineState::kFailed) {
        enter(PipelineState::kStopped, "");
      }
    } else if (gst_element_send_event(pipeline_.get(), gst_event_new_eos()) == FALSE) {
      finish(PipelineState::kStopped);
    }
  }

  [[nodiscard]] bool up() const { return pipeline_ != nullptr; }
  [[nodiscard]] bool idle() const { return !pipeline_ && !is_up(status_.state) && !waits(status_.state); }
  [[nodiscard]] const PipelineJob& job() const { return job_; }

  [[nodiscard]] PipelineStatus status() const {
    PipelineStatus status = status_;
    status.frames = frames_->load(std::memory_order_relaxed);
    return status;
  }

 private:
  void enter(PipelineState state, const std::string& reason) {
    status_.state = state;
    status_.reason = reason;
    status_.since = std::chrono::system_clock::now();
    FOVEA_LOG(kInfo, "supervisor", "{}: {}{}{}", job_.name, to_string(state), reason.empty() ? "" : ": ", reason);
    announce_(status());
  }

  void start() {
    if (waits(status_.state)) {
      ++status_.restarts;
      enter(PipelineState::kStarting, "");
    }
    started_ = last_frame_ = Clock::now();
    frames_at_start_ = frames_seen_ = frames_->load(std::memory_order_relaxed);
    error_.clear();
    end_of_stream_ = false;
    try {
      pipeline_ = parse(job_.description);
      watch_frames(pipeline_.get(), frames_);
    } catch (const Error& error) {
      pipeline_.reset();
      FOVEA_LOG(kError, "supervisor", "{}: {}", job_.name, error.what());
      enter(PipelineState::kFailed, error.what());  // The text does not get better by waiting.
      return;
    }
    const BusPtr bus(gst_element_get_bus(pipeline_.get()));
    bus_watch_ = gst_bus_add_watch(bus.get(), on_message, this);
    if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
      // The reason is on the bus; take it from there instead of waiting for the main loop.
      while (GstMessage* message = gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR)) {
        on_message(bus.get(), message, this);
        gst_message_unref(message);
      }
      if (error_.empty()) {
        error_ = "the pipeline cannot be started";
      }
    }
  }

  /// \thread The main loop's.
  static gboolean on_message(GstBus* /*bus*/, GstMessage* message, gpointer data) {
    auto* self = static_cast<Instance*>(data);
    switch (GST_MESSAGE_TYPE(message)) {
      case GST_MESSAGE_ERROR:
        if (self->error_.empty()) {  // The first one is the cause.
          self->error_ = message_text(message);
        }
        break;
      case GST_MESSAGE_WARNING:
        if (const auto times = self->warnings_.admit(); times > 0) {
          FOVEA_LOG(kWarning, "supervisor", "{}: {} ({} warnings)", self->job_.name, message_text(message), times);
        }
        break;
      case GST_MESSAGE_EOS:
        self->end_of_stream_ = true;
        break;
      default:
        break;
    }
    return TRUE;
  }

  void see_frames(Clock::time_point now) {
    const std::uint64_t frames = frames_->load(std::memory_order_relaxed);
    if (frames != frames_seen_) {
      frames_seen_ = frames;
      last_frame_ = now;
      if (status_.state == PipelineState::kStarting) {
        enter(PipelineState::kRunning, "");
      }
    }
  }

  void at_end() {
    if (stopping_) {
      finish(PipelineState::kStopped);
    } else if (!job_.loop) {
      finish(PipelineState::kFinished);
    } else if (frames_seen_ == frames_at_start_) {
      fail_and_retry(PipelineState::kRetrying, "the source ended without a frame");
    } else {
      begin_again();
    }
  }

  void begin_again() {
    const bool rewound = frames_seen_ != frames_at_rewind_;  // Else rewinding had no effect.
    frames_at_rewind_ = frames_seen_;
    constexpr auto kFlags = static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT);
    if (!rewound || gst_element_seek_simple(pipeline_.get(), GST_FORMAT_TIME, kFlags, 0) == FALSE) {
      tear_down();  // Some sources cannot be rewound; a new pipeline begins at the beginning, too.
      start();
    }
    last_frame_ = Clock::now();
  }

  void finish(PipelineState state) {
    tear_down();
    enter(state, "");
  }

  void fail_and_retry(PipelineState state, const std::string& reason) {
    if (Clock::now() - started_ >= kStableAfter && frames_seen_ > frames_at_start_) {
      backoff_ = job_.reconnect.min_backoff;
    }
    tear_down();
    if (stopping_) {
      enter(PipelineState::kStopped, reason);
      return;
    }
    retry_at_ = Clock::now() + backoff_;
    FOVEA_LOG(kWarning, "supervisor", "{}: {}; again in {} ms", job_.name, reason, backoff_.count());
    backoff_ = std::min(backoff_ * 2, job_.reconnect.max_backoff);
    enter(state, reason);
  }

  void tear_down() {
    if (!pipeline_) {
      return;
    }
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    g_source_remove(bus_watch_);
    pipeline_.reset();
  }

  const PipelineJob job_;
  const Announce& announce_;
  PipelineStatus status_;
  FrameCounter frames_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  LogLimiter warnings_{std::chrono::seconds(10)};
  ElementPtr pipeline_;  ///< Null while there is nothing to watch.
  guint bus_watch_ = 0;
  std::string error_;  ///< From the bus, dealt with in tick().
  bool end_of_stream_ = false;
  bool stopping_ = false;
  std::uint64_t frames_at_start_ = 0;
  std::uint64_t frames_seen_ = 0;
  std::uint64_t frames_at_rewind_ = 0;
  milliseconds backoff_{0};
  Clock::time_point started_;
  Clock::time_point last_frame_;
  Clock::time_point retry_at_;
  Clock::time_point stop_by_;
};

std::vector<PipelineJob> jobs_of(const PipelineConfig& pipeline, const NodeConfig& node) {
  std::vector<PipelineJob> jobs;
  for (const SourceConfig& source : pipeline.sources) {
    if (pipeline.enabled) {
      const std::string& shown = !source.uri.empty() ? source.uri : source.file.empty() ? source.device : source.file;
      jobs.push_back({.name = pipeline.instance_name(source),
                      .description = launch_description(pipeline, source, node),
                      .source = without_credentials(shown),
                      .loop = source.loop,
                      .reconnect = source.reconnect});
    }
  }
  return jobs;
}

Supervisor::Supervisor(Announce announce) : announce_(std::move(announce)) {}

Supervisor::~Supervisor() = default;

std::vector<std::string> Supervisor::set_jobs(const std::vector<PipelineJob>& jobs) {
  std::vector<std::unique_ptr<Instance>> next;
  for (const PipelineJob& job : jobs) {
    const auto same = std::find_if(instances_.begin(), instances_.end(),
                                   [&](const auto& instance) { return instance && instance->job() == job; });
    next.push_back(same == instances_.end() ? nullptr : std::move(*same));
  }
  std::vector<std::string> gone;
  for (const auto& old : instances_) {
    if (old && std::none_of(jobs.begin(), jobs.end(), [&](const auto& job) { return job.name == old->job().name; })) {
      gone.push_back(old->job().name);
    }
  }
  instances_.clear();  // Before their successors open the same devices.
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!next[i]) {
      next[i] = std::make_unique<Instance>(jobs[i], announce_);
    }
  }
  instances_ = std::move(next);
  return gone;
}

void Supervisor::tick() {
  for (const auto& instance : instances_) {
    instance->tick();
  }
}

void Supervisor::begin_stop(std::chrono::milliseconds patience) {
  for (const auto& instance : instances_) {
    instance->begin_stop(patience);
  }
}

bool Supervisor::stopped() const {
  return std::none_of(instances_.begin(), instances_.end(), [](const auto& instance) { return instance->up(); });
}

bool Supervisor::idle() const {
  return std::all_of(instances_.begin(), instances_.end(), [](const auto& instance) { return instance->idle(); });
}

std::vector<PipelineStatus> Supervisor::status() const {
  std::vector<PipelineStatus> all;
  for (const auto& instance : instances_) {
    all.push_back(instance->status());
  }
  return all;
}

}  // namespace fovea
