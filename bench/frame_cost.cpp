// What a frame costs outside inference: map, preprocess, decode, track, message, one thread's CPU time each, on 1080p
// NV12 frames of the synthetic street and the real outputs of a detector. Prints a table of medians.
//   frame_cost MODEL.xml
#include <fmt/format.h>
#include <gst/video/video.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <vector>

#include "elements/frame_map.hpp"
#include "engine/base/error.hpp"
#include "engine/runtime/core.hpp"
#include "publish/message.hpp"
#include "vision/model_spec_resolve.hpp"
#include "vision/picture_input.hpp"
#include "vision/post_process.hpp"
#include "vision/street/street.hpp"
#include "vision/tracker.hpp"

namespace fovea::bench {
namespace {

constexpr int kWidth = 1920;
constexpr int kHeight = 1080;
constexpr int kFrames = 60;  // two seconds of street: people and cars move, tracks begin and end
constexpr int kRounds = 10;  // over the same frames

double thread_cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

/// Times of one stage over all frames and rounds.
class Stage {
 public:
  explicit Stage(std::string name) : name_(std::move(name)) {}

  template <class Work>
  void measure(const Work& work) {
    const double begin = thread_cpu_us();
    work();
    times_us_.push_back(thread_cpu_us() - begin);
  }

  /// Prints median and 95th percentile, returns the median.
  double report() {
    std::ranges::sort(times_us_);
    const double median = times_us_[times_us_.size() / 2];
    fmt::print("{:<34} {:8.1f} {:8.1f}\n", name_, median, times_us_[times_us_.size() * 95 / 100]);
    return median;
  }

 private:
  std::string name_;
  std::vector<double> times_us_;
};

/// A frame as a decoder would hand it over, and what the detector said about it.
struct Recorded {
  GstBuffer* buffer = nullptr;
  std::vector<Tensor> outputs;
  Mapping mapping;
};

class FrameCost {
 public:
  explicit FrameCost(const char* model)
      : compiled_(core_.compile_model(core_.read_model(model), "CPU", {{"PERFORMANCE_HINT", "LATENCY"}})),
        request_(compiled_.create_infer_request()),
        spec_(resolve_model_spec(compiled_.model())) {
    const Graph& graph = compiled_.model().graph;
    input_ = find_picture_input(graph.inputs, spec_);
    const TensorType& type = graph.value(graph.inputs[input_].value).type;
    preprocess_.emplace(resolve_preprocess(spec_, type, picture_layout(graph.inputs[input_], type.shape)));
    for (const GraphPort& port : graph.outputs) {
      infos_.push_back({port.name, graph.value(port.value).type});
    }
    decoder_ = make_post_process(spec_, infos_);
    gst_video_info_set_format(&info_, GST_VIDEO_FORMAT_NV12, kWidth, kHeight);
  }

  void record() {
    Street street({.seed = 300000, .width_px = kWidth, .height_px = kHeight, .light = StreetLight::kDay});
    for (std::uint64_t number = 0; number < kFrames; ++number) {
      Recorded frame{.buffer = gst_buffer_new_allocate(nullptr, info_.size, nullptr), .outputs = {}, .mapping = {}};
      with_map(frame.buffer, GST_MAP_WRITE,
               [&](GstVideoFrame& mapped) { street.render(number, mutable_view_of(mapped)); });
      with_map(frame.buffer, GST_MAP_READ, [&](GstVideoFrame& mapped) {
        frame.mapping = preprocess_->run(view_of(mapped), {0, 0, 1, 1}, request_.input(input_));
      });
      request_.infer();
      for (std::size_t i = 0; i < infos_.size(); ++i) {
        Tensor copy(infos_[i].type);
        std::copy_n(request_.output(i).bytes, copy.bytes().size(), copy.mutable_view().bytes);
        frame.outputs.push_back(std::move(copy));
      }
      frames_.push_back(std::move(frame));
    }
  }

  void measure() {
    Stage map("map and unmap");
    Stage preprocess(fmt::format("preprocess to {}x{}", preprocess_->spec().width_px, preprocess_->spec().height_px));
    Stage decode("decode boxes");
    Stage track("track");
    Stage message("JSON message");
    Tensor picture(request_.input(input_).type);
    std::size_t objects = 0;
    std::size_t bytes = 0;
    for (int round = 0; round < kRounds; ++round) {
      Tracker tracker({});
      for (int number = 0; number < kFrames; ++number) {
        const Recorded& frame = frames_[static_cast<std::size_t>(number)];
        const std::chrono::nanoseconds pts = std::chrono::milliseconds(number * 1000 / 30);
        map.measure([&] { with_map(frame.buffer, GST_MAP_READ, [](GstVideoFrame& mapped) { view_of(mapped); }); });
        with_map(frame.buffer, GST_MAP_READ, [&](GstVideoFrame& mapped) {
          const FrameView view = view_of(mapped);
          preprocess.measure([&] { preprocess_->run(view, {0, 0, 1, 1}, picture.mutable_view()); });
        });
        Decoded decoded;
        std::vector<NamedView> views;
        for (std::size_t i = 0; i < infos_.size(); ++i) {
          views.push_back({infos_[i].name, frame.outputs[i].view()});
        }
        const PreProcessSpec& spec = preprocess_->spec();
        const DecodeContext context{.mapping = frame.mapping,
                                    .threshold = spec_.threshold.value_or(0.5F),
                                    .input_width_px = spec.width_px,
                                    .input_height_px = spec.height_px};
        decode.measure([&] { decoder_->decode(views, context, decoded); });
        track.measure([&] { tracker.update(decoded.objects, pts, true); });
        FrameAnalysis analysis;
        analysis.width_px = kWidth;
        analysis.height_px = kHeight;
        analysis.inferred = true;
        analysis.objects = std::move(decoded.objects);
        message.measure([&] {
          bytes += frame_message(analysis, {.node = "bench", .pipeline = "street", .pts = pts}, {}).value_or("").size();
        });
        objects += analysis.objects.size();
      }
    }
    fmt::print("{:<34} {:>8} {:>8}   CPU microseconds of one thread, {} frames of {}x{} NV12\n", "", "median", "p95",
               kRounds * kFrames, kWidth, kHeight);
    const double sum = map.report() + preprocess.report() + decode.report() + track.report() + message.report();
    fmt::print("{:<34} {:8.1f}            {:.1f} objects and {} bytes of JSON a frame\n", "together", sum,
               static_cast<double>(objects) / (kRounds * kFrames), bytes / (kRounds * kFrames));
  }

  ~FrameCost() {
    for (const Recorded& frame : frames_) {
      gst_buffer_unref(frame.buffer);
    }
  }
  FrameCost(const FrameCost&) = delete;
  FrameCost& operator=(const FrameCost&) = delete;

 private:
  template <class Use>
  void with_map(GstBuffer* buffer, GstMapFlags flags, const Use& use) {
    GstVideoFrame mapped;
    if (!gst_video_frame_map(&mapped, &info_, buffer, flags)) {
      fail(ErrorCode::kInternal, "a {}x{} buffer cannot be mapped", kWidth, kHeight);
    }
    use(mapped);
    gst_video_frame_unmap(&mapped);
  }

  Core core_;
  CompiledModel compiled_;
  InferRequest request_;
  ModelSpec spec_;
  std::size_t input_ = 0;
  std::optional<PreProcess> preprocess_;
  std::vector<OutputInfo> infos_;
  std::unique_ptr<PostProcess> decoder_;
  GstVideoInfo info_{};
  std::vector<Recorded> frames_;
};

}  // namespace
}  // namespace fovea::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: frame_cost MODEL.xml\n");
    return 2;
  }
  gst_init(nullptr, nullptr);
  try {
    fovea::bench::FrameCost cost(argv[1]);
    cost.record();
    cost.measure();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
