// One frame on its way through an inference element: the buffer, the runs of the model on it, and their results.
#pragma once

#include <gst/video/video.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <vector>

#include "elements/inference/settings.hpp"
#include "elements/inference/shared_model.hpp"
#include "engine/base/mutex.hpp"
#include "vision/post_process.hpp"
#include "vision/preprocess.hpp"
#include "vision/region_planner.hpp"

namespace fovea {

/// How one element uses its model. Immutable while the element runs; outlives its jobs in flight, which do not own it:
/// the last owner of a model waits for the lanes and so cannot be one.
class ModelUser {
 public:
  /// \throws Error when the model cannot be loaded or its description does not suit it.
  explicit ModelUser(const InferenceSettings& settings);

  [[nodiscard]] const InferenceSettings& settings() const { return settings_; }
  [[nodiscard]] const ModelSpec& spec() const { return spec_; }
  [[nodiscard]] SharedModel& model() const { return *model_; }
  [[nodiscard]] const PostProcess& post_process() const { return *post_process_; }
  [[nodiscard]] float threshold() const { return threshold_; }
  [[nodiscard]] ModelUse use() const;

  /// Fills a request's input from a region. \thread A lane.
  Mapping feed(InferRequest& request, const FrameView& frame, const Box& region);
  /// Reads a request's outputs. \thread A lane.
  [[nodiscard]] Decoded read(const InferRequest& request, const Mapping& mapping) const;

 private:
  InferenceSettings settings_;
  std::shared_ptr<SharedModel> model_;
  ModelSpec spec_;
  std::size_t image_input_ = 0;
  PreProcessSpec preprocess_;
  std::unique_ptr<PostProcess> post_process_;
  std::vector<std::string> output_names_;
  float threshold_ = 0.5F;

  Mutex mutex_;
  std::vector<PreProcess> idle_preprocess_ FOVEA_GUARDED_BY(mutex_);  ///< One a lane at most; they keep their tables.
};

/// Wakes the element's output task when a frame's last run has finished. Outlives the element while jobs are in flight.
struct CompletionSignal {
  Mutex mutex;
  std::condition_variable changed;
  std::size_t inferring FOVEA_GUARDED_BY(mutex) = 0;  ///< Frames with unfinished runs, those given up by a flush too.
};

/// Owns the buffer and its mapping until `release`.
class FrameTask {
 public:
  using Clock = std::chrono::steady_clock;

  /// Takes the buffer.
  FrameTask(GstBuffer* buffer, const GstVideoInfo& info, std::uint64_t number);
  ~FrameTask();
  FrameTask(const FrameTask&) = delete;
  FrameTask& operator=(const FrameTask&) = delete;

  /// Announces how many runs `start` will begin. Requires the signal's mutex; call before the task is visible to
  /// others.
  void expect(std::size_t runs, CompletionSignal& signal) FOVEA_REQUIRES(signal.mutex);

  /// Starts the runs announced. \param self  Keeps the task alive in the jobs. \param user  Lives until the signal
  /// counts no more frames. A buffer that cannot be mapped makes all runs fail.
  static void start(const std::shared_ptr<FrameTask>& self, ModelUser& user, StreamId stream,
                    std::vector<RegionTask> regions, const std::shared_ptr<CompletionSignal>& signal);

  /// All runs have finished. Requires the signal's mutex.
  [[nodiscard]] bool ready() const { return pending_ == 0; }
  [[nodiscard]] bool inferred() const { return !runs_.empty(); }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] Clock::time_point created_at() const { return created_; }
  /// When the last run finished; valid once ready, for an inferred frame.
  [[nodiscard]] Clock::time_point ready_at() const { return ready_; }

  /// What happened to the runs, for counters and messages; valid once ready.
  [[nodiscard]] std::exception_ptr failure() const;

  /// Gives the buffer back with the results merged into its analysis. Once ready, once.
  GstBuffer* release(const ModelUser& user, RegionPlanner& planner);

 private:
  struct Run {
    RegionTask region;
    Mapping mapping;
    Decoded decoded;
    std::exception_ptr error;
    RequestTiming timing;
  };

  void finish_runs(std::size_t count, CompletionSignal& signal) FOVEA_REQUIRES(signal.mutex);
  void unmap();

  GstBuffer* buffer_;
  GstVideoInfo info_;
  std::uint64_t number_;
  Clock::time_point created_ = Clock::now();
  Clock::time_point ready_ = created_;
  GstVideoFrame frame_{};
  bool mapped_ = false;
  std::vector<Run> runs_;
  std::size_t pending_ = 0;  ///< Guarded by the signal's mutex.
};

}  // namespace fovea
