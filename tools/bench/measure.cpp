#include "tools/bench/measure.hpp"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <random>

#include "engine/base/error.hpp"

namespace fovea::tools {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

/// What is given, else the same noise for every request: pictures' range for bytes, [-1,1) for floats, zeros for
/// indices.
void fill(InferRequest& request, const CompiledModel& compiled, const GivenInputs& given) {
  std::mt19937 random(1);
  for (std::size_t i = 0; i < compiled.model().graph.inputs.size(); ++i) {
    if (const auto found = given.find(i); found != given.end()) {
      request.set_input_tensor(compiled.model().graph.inputs[i].name, found->second);
      continue;
    }
    const TensorView input = request.input(i);
    if (input.type.data_type == DataType::kF32) {
      std::ranges::generate(input.data<float>(), [&] { return static_cast<float>(random() >> 8) / (1 << 23) - 1; });
    } else if (input.type.data_type == DataType::kU8) {
      std::ranges::generate(input.data<std::uint8_t>(), [&] { return static_cast<std::uint8_t>(random()); });
    }
  }
}

/// Keeps the requests running until it is time to stop.
class Loop {
 public:
  Loop(const CompiledModel& compiled, const GivenInputs& given, const BenchSettings& settings) : settings_(settings) {
    for (std::size_t i = 0; i < settings.requests; ++i) {
      requests_.push_back(compiled.create_infer_request());
      fill(requests_.back(), compiled, given);
      requests_.back().infer();
    }
    started_.resize(settings.requests);
  }

  BenchResult run() {
    begin_ = Clock::now();
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      requests_[i].set_callback([this, i](std::exception_ptr error) { ended(i, std::move(error)); });
      start(i);
    }
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return running_ == 0; });
    if (error_) {
      std::rethrow_exception(error_);
    }
    result_.seconds = std::chrono::duration<double>(end_ - begin_).count();
    std::ranges::sort(result_.latencies_ms);
    return std::move(result_);
  }

 private:
  /// Starts a request unless enough were started.
  void start(std::size_t i) {
    {
      const std::scoped_lock lock(mutex_);
      const auto now = Clock::now();
      const bool enough = (settings_.iterations > 0 && launched_ >= settings_.iterations) ||
                          (settings_.duration.count() > 0 && now - begin_ >= settings_.duration);
      if (enough || error_) {
        return;
      }
      ++launched_;
      ++running_;
      started_[i] = now;
    }
    requests_[i].start_async();
  }

  void ended(std::size_t i, std::exception_ptr error) {
    const auto now = Clock::now();
    {
      const std::scoped_lock lock(mutex_);
      end_ = now;
      result_.latencies_ms.push_back(milliseconds(now - started_[i]));
      error_ = error_ ? error_ : std::move(error);
    }
    start(i);
    const std::scoped_lock lock(mutex_);
    if (--running_ == 0) {
      idle_.notify_all();
    }
  }

  const BenchSettings& settings_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::vector<Clock::time_point> started_;
  Clock::time_point begin_, end_;
  std::uint64_t launched_ = 0;
  std::size_t running_ = 0;
  std::exception_ptr error_;
  BenchResult result_;
  std::vector<InferRequest> requests_;  ///< Last: destroyed first, which waits for the runs in flight.
};

}  // namespace

double BenchResult::percentile_ms(double p) const {
  const auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(latencies_ms.size())));
  return latencies_ms.at(std::max<std::size_t>(rank, 1) - 1);
}

BenchResult measure(const CompiledModel& compiled, const GivenInputs& given, const BenchSettings& settings) {
  if (settings.requests == 0 || (settings.duration.count() <= 0 && settings.iterations == 0)) {
    fail(ErrorCode::kInvalidArgument, "{} requests for {} iterations or {} ms: nothing to measure", settings.requests,
         settings.iterations, settings.duration.count() / 1000000);
  }
  return Loop(compiled, given, settings).run();
}

std::vector<StepTime> measure_steps(const CompiledModel& compiled, const GivenInputs& given,
                                    std::chrono::nanoseconds duration) {
  InferRequest request = compiled.create_infer_request();
  fill(request, compiled, given);
  request.infer();
  std::vector<std::vector<double>> times(request.profile().size());
  constexpr std::size_t kMostRuns = 10000;  // Bounds the memory; medians do not need more.
  const auto end = Clock::now() + duration;
  do {
    request.infer();
    for (std::size_t i = 0; i < times.size(); ++i) {
      times[i].push_back(milliseconds(request.profile()[i].time));
    }
  } while (Clock::now() < end && !times.empty() && times[0].size() < kMostRuns);
  // Views run nothing and are not profiled: names bring the rest together.
  const std::vector<StepInfo> steps = compiled.steps();
  std::vector<StepTime> result;
  auto step = steps.begin();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const StepProfile& profile = request.profile()[i];
    step = std::find_if(step, steps.end(),
                        [&](const StepInfo& s) { return s.node == profile.node && s.op == profile.op; });
    if (step == steps.end()) {
      fail(ErrorCode::kInternal, "profiled step '{}' is not among the steps", profile.node);
    }
    std::ranges::nth_element(times[i], times[i].begin() + static_cast<std::ptrdiff_t>(times[i].size() / 2));
    result.push_back({*step++, times[i][times[i].size() / 2]});
  }
  return result;
}

}  // namespace fovea::tools
