// Probes at both ends of a GStreamer pipeline.
#include "tools/assess/pipeline_run.hpp"

#include <gst/gst.h>
#include <gst/video/video.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>

#include "daemon/pipeline_builder.hpp"
#include "elements/analysis_meta.hpp"
#include "elements/frame_map.hpp"
#include "elements/truth_meta.hpp"
#include "engine/base/error.hpp"
#include "tools/assess/surgery.hpp"
#include "vision/metrics/comparison.hpp"

namespace fovea::assess {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kBegin = "assess-begin";
constexpr const char* kEnd = "assess-end";
constexpr auto kStallTimeout = std::chrono::minutes(2);
constexpr auto kTick = std::chrono::milliseconds(500);

std::string source_description(const RunSettings& settings) {
  std::string text;
  if (settings.video.empty()) {
    gint numerator = 0;
    gint denominator = 1;
    gst_util_double_to_fraction(settings.street.fps, &numerator, &denominator);
    text = fmt::format(
        "fvtestsrc seed={} light={} density={} camera-shake={} is-live={} num-buffers={} ! "
        "video/x-raw,width={},height={},framerate={}/{}",
        settings.street.seed, to_string(settings.street.light), settings.street.density, settings.street.camera_shake,
        settings.live, settings.frames, settings.street.width_px, settings.street.height_px, numerator, denominator);
  } else {
    text = fmt::format("filesrc location={} ! decodebin caps=\"video/x-raw(ANY)\" expose-all-streams=false",
                       quote_value(settings.video.string()));
  }
  // A recording keeps to the clock here, a street by itself.
  text += fmt::format(" ! identity name={} silent=true sync={}", kBegin, settings.live && !settings.video.empty());
  if (settings.live) {
    text += " ! " + intake_queue_description();
  }
  return text + " ! videoconvert";
}

/// What both probes share. They run on streaming threads; the caller looks at the atomics and, when the pipeline has
/// stopped, at the rest.
class Collector {
 public:
  Collector(const RunSettings& settings, std::uint64_t sequence, Judge& judge, WorstFrames* worst)
      : settings_(settings), sequence_(sequence), judge_(judge), worst_(worst) {}

  /// \thread Source. A buffer leaves: its truth and the time travel with it. A recording ends after the frames asked
  /// for.
  GstPadProbeReturn depart(GstPad* pad, GstPadProbeInfo* info) {
    if (settings_.truth != nullptr && settings_.frames > 0 && left_ >= settings_.frames) {
      gst_pad_push_event(pad, gst_event_new_eos());  // The pad answers further buffers with GST_FLOW_EOS by itself.
      return GST_PAD_PROBE_DROP;
    }
    GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    const std::uint64_t number = left_.fetch_add(1);
    if (settings_.truth != nullptr) {
      GST_BUFFER_OFFSET(buffer) = number;
    }
    last_number_ = GST_BUFFER_OFFSET_IS_VALID(buffer) ? GST_BUFFER_OFFSET(buffer) : number;
    FrameAnalysis truth;
    if (settings_.truth != nullptr) {
      truth = settings_.truth->frame(number, GST_VIDEO_INFO_WIDTH(&departing_), GST_VIDEO_INFO_HEIGHT(&departing_));
    } else if (const FrameAnalysis* known = find_truth(buffer)) {
      truth = *known;
    }
    truth.latency.push_back({.stage = kBegin, .wait = Clock::now().time_since_epoch(), .work = {}});
    add_truth(buffer, std::move(truth));
    return GST_PAD_PROBE_OK;
  }

  /// \thread End of the chain.
  void arrive(GstBuffer* buffer) {
    const auto now = Clock::now().time_since_epoch();
    const FrameAnalysis* truth = find_truth(buffer);
    if (truth == nullptr || truth->latency.empty()) {
      fail(ErrorCode::kUnsupported,
           "a frame arrived without its truth: a stage makes new buffers without copying metas");
    }
    if (arrived_ == 0) {
      judge_.begin_sequence(height_px_);
    }
    const std::chrono::duration<double, std::milli> latency = now - truth->latency.back().wait;
    const Verdict verdict = judge_.add(*truth, read_analysis(buffer, arriving_), latency.count());
    const double seconds = GST_BUFFER_PTS_IS_VALID(buffer) ? static_cast<double>(GST_BUFFER_PTS(buffer)) / GST_SECOND
                                                           : static_cast<double>(arrived_);
    if (worst_ != nullptr && worst_->wants(sequence_, seconds, verdict.badness())) {
      draw(buffer, verdict, seconds);
    }
    arrived_.fetch_add(1);
  }

  /// \thread Source or end.
  void see_caps(GstEvent* event, bool at_end) {
    GstCaps* caps = nullptr;
    gst_event_parse_caps(event, &caps);
    GstVideoInfo& info = at_end ? arriving_ : departing_;
    if (gst_video_info_from_caps(&info, caps) == FALSE) {
      fail(ErrorCode::kUnsupported, "the {} carries no raw video", at_end ? "chain's end" : "source");
    }
    if (!at_end) {
      height_px_ = GST_VIDEO_INFO_HEIGHT(&info);
    }
  }

  /// Runs `action`; what it throws stops the pipeline. \return What the action returns, or DROP after an error.
  template <class Action>
  GstPadProbeReturn guarded(GstPad* pad, Action action) {
    try {
      return action();
    } catch (const std::exception& error) {
      {
        const std::lock_guard lock(mutex_);
        error_ = error_.empty() ? error.what() : error_;
      }
      GstElement* element = gst_pad_get_parent_element(pad);
      GST_ELEMENT_ERROR(element, STREAM, FAILED, ("%s", error.what()), (nullptr));
      gst_object_unref(element);
      return GST_PAD_PROBE_DROP;
    }
  }

  [[nodiscard]] std::string error() {
    const std::lock_guard lock(mutex_);
    return error_;
  }
  [[nodiscard]] std::uint64_t arrived() const { return arrived_; }
  [[nodiscard]] std::uint64_t left() const { return left_; }
  /// Frames of the source's time that did not arrive.
  [[nodiscard]] std::uint64_t dropped() const { return left_ == 0 ? 0 : last_number_ + 1 - arrived_; }

 private:
  void draw(GstBuffer* buffer, const Verdict& verdict, double seconds) {
    GstVideoFrame frame;
    if (gst_video_frame_map(&frame, &arriving_, buffer, GST_MAP_READ) == FALSE) {
      fail(ErrorCode::kInternal, "cannot map a {}x{} buffer for reading", GST_VIDEO_INFO_WIDTH(&arriving_),
           GST_VIDEO_INFO_HEIGHT(&arriving_));
    }
    const auto unmap = std::unique_ptr<GstVideoFrame, void (*)(GstVideoFrame*)>(&frame, gst_video_frame_unmap);
    const std::string where = settings_.truth != nullptr ? "" : fmt::format("seed {}, ", sequence_);
    const std::string caption = fmt::format("{}{:.2f} s: {}", where, seconds, verdict.text());
    worst_->keep(sequence_, seconds, verdict.badness(),
                 draw_comparison(to_bgr(view_of(frame)), verdict.frame, verdict.matches, caption));
  }

  const RunSettings& settings_;
  const std::uint64_t sequence_;
  Judge& judge_;
  WorstFrames* worst_;
  GstVideoInfo departing_{};  ///< Source thread.
  GstVideoInfo arriving_{};   ///< End's thread.
  std::atomic<int> height_px_{0};
  std::atomic<std::uint64_t> left_{0};
  std::atomic<std::uint64_t> last_number_{0};
  std::atomic<std::uint64_t> arrived_{0};
  std::mutex mutex_;
  std::string error_;
};

template <bool kAtEnd>
GstPadProbeReturn on_data(GstPad* pad, GstPadProbeInfo* info, gpointer data) {
  auto* collector = static_cast<Collector*>(data);
  return collector->guarded(pad, [&] {
    if ((GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) != 0) {
      if constexpr (kAtEnd) {
        collector->arrive(GST_PAD_PROBE_INFO_BUFFER(info));
      } else {
        return collector->depart(pad, info);
      }
    } else if (GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info); GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {
      collector->see_caps(event, kAtEnd);
    }
    return GST_PAD_PROBE_OK;
  });
}

void watch(GstElement* pipeline, const char* element, const char* pad_name, GstPadProbeCallback callback,
           Collector& collector) {
  const ElementPtr watched(gst_bin_get_by_name(GST_BIN(pipeline), element));
  GstPad* pad = watched ? gst_element_get_static_pad(watched.get(), pad_name) : nullptr;
  if (pad == nullptr) {
    fail(ErrorCode::kInternal, "the pipeline has no pad {}.{}", element, pad_name);
  }
  constexpr auto kWhat = static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  gst_pad_add_probe(pad, kWhat, callback, &collector, nullptr);
  gst_object_unref(pad);
}

/// Until end of stream. \throws what the pipeline or the judge complained of.
void wait_for_end(GstElement* pipeline, Collector& collector, const std::function<void(std::uint64_t)>& progress) {
  const BusPtr bus(gst_element_get_bus(pipeline));
  constexpr auto kWhat = static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  std::uint64_t seen = 0;
  auto moved = Clock::now();
  while (true) {
    const GstClockTime tick = static_cast<GstClockTime>(std::chrono::nanoseconds(kTick).count());
    GstMessage* message = gst_bus_timed_pop_filtered(bus.get(), tick, kWhat);
    if (message != nullptr) {
      const bool ended = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
      const std::string complaint = ended ? "" : error_text(message);
      gst_message_unref(message);
      if (ended) {
        return;
      }
      const std::string own = collector.error();
      fail(ErrorCode::kInvalidArgument, "{}", own.empty() ? complaint : own);
    }
    if (progress) {
      progress(collector.arrived());
    }
    if (const std::uint64_t now = collector.arrived() + collector.left(); now != seen) {
      seen = now;
      moved = Clock::now();
    } else if (Clock::now() - moved > kStallTimeout) {
      fail(ErrorCode::kInternal, "no frame moved for {} s, after {} frames",
           std::chrono::seconds(kStallTimeout).count(), collector.arrived());
    }
  }
}

/// The first complaint on the bus of a pipeline that did not start.
std::string start_error(GstElement* pipeline) {
  const BusPtr bus(gst_element_get_bus(pipeline));
  GstMessage* message = gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR);
  if (message == nullptr) {
    return "the pipeline cannot be started";
  }
  std::string text = error_text(message);
  gst_message_unref(message);
  return text;
}

}  // namespace

std::vector<WorstFrames::Entry>::const_iterator WorstFrames::neighbour(std::uint64_t sequence, double seconds) const {
  return std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.sequence == sequence && std::abs(entry.seconds - seconds) < 1;
  });
}

bool WorstFrames::wants(std::uint64_t sequence, double seconds, std::size_t badness) const {
  if (badness == 0) {
    return false;
  }
  const auto near = neighbour(sequence, seconds);
  if (near != entries_.end()) {
    return badness > near->badness;
  }
  return entries_.size() < kCount || badness > entries_.back().badness;
}

void WorstFrames::keep(std::uint64_t sequence, double seconds, std::size_t badness, Image drawn) {
  const auto near = neighbour(sequence, seconds);
  if (near != entries_.end()) {
    entries_.erase(near);
  } else if (entries_.size() == kCount) {
    entries_.pop_back();
  }
  const auto place = std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.badness < badness; });
  entries_.insert(place, Entry{sequence, seconds, badness, std::move(drawn)});
}

std::vector<Image> WorstFrames::pictures() const {
  std::vector<Image> pictures;
  for (const Entry& entry : entries_) {
    pictures.push_back(entry.drawn);
  }
  return pictures;
}

void initialise() {
  gst_init(nullptr, nullptr);
  GstElementFactory* factory = gst_element_factory_find("fvtestsrc");
  if (factory == nullptr) {
    fail(ErrorCode::kNotFound, "GStreamer finds no element fvtestsrc: set GST_PLUGIN_PATH to where libgstfovea.so is");
  }
  gst_object_unref(factory);
  // Registered here first, on one thread: the plugin then finds and uses the same metas.
  GstBuffer* buffer = gst_buffer_new();
  add_truth(buffer, {});
  write_analysis(buffer, {});
  gst_buffer_unref(buffer);
}

void run_sequence(const PipelineConfig& pipeline, const RunSettings& settings, std::uint64_t sequence, Judge& judge,
                  WorstFrames* worst, const std::function<void(std::uint64_t)>& progress) {
  const std::string stages = stages_description(pipeline);
  const std::string description = fmt::format("{}{}{} ! fakesink name={} sync=false async=false qos=false",
                                              source_description(settings), stages.empty() ? "" : " ! ", stages, kEnd);
  const ElementPtr whole = parse_pipeline(description);
  remove_ways_out(whole.get(), kEnd);
  if (!settings.device.empty()) {
    set_device(whole.get(), settings.device);
  }
  if (settings.threshold) {
    set_threshold(whole.get(), *settings.threshold);
  }
  judge.expect({.objects = has_element(whole.get(), "fvdetect"),
                .tracks = has_element(whole.get(), "fvtrack"),
                .masks = has_element(whole.get(), "fvsegment")});
  Collector collector(settings, sequence, judge, worst);
  watch(whole.get(), kBegin, "src", on_data<false>, collector);
  watch(whole.get(), kEnd, "sink", on_data<true>, collector);
  // However this function is left, no streaming thread outlives the collector.
  const auto stop = std::unique_ptr<GstElement, void (*)(GstElement*)>(
      whole.get(), [](GstElement* element) { gst_element_set_state(element, GST_STATE_NULL); });
  if (gst_element_set_state(whole.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
    fail(ErrorCode::kInvalidConfig, "{}", start_error(whole.get()));
  }
  wait_for_end(whole.get(), collector, progress);
  if (collector.arrived() == 0) {
    fail(ErrorCode::kInvalidArgument, "no frame arrived at the chain's end; {} left the source", collector.left());
  }
  judge.end_sequence(collector.dropped());
}

}  // namespace fovea::assess
