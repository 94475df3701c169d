// RequestPool: many streams share a few requests of one compiled model.
#pragma once

#include <exception>
#include <functional>
#include <memory>

#include "engine/runtime/core.hpp"

namespace fovea {

/// A job waits here without memory of its own until a request is free, so memory grows with the lanes and not with the
/// number of streams. Streams take turns; jobs of one stream start in order. Thread-safe.
class RequestPool {
 public:
  struct Job {
    StreamId stream = kNoStream;
    double weight = 1;
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    /// \thread A lane. Fills the request's inputs; what it throws reaches `done`.
    std::function<void(InferRequest&)> prepare;
    /// \thread A lane, or the caller of `drop`. Called exactly once; `request` is nullptr when the job never ran.
    /// Outputs are valid during the call. Must not throw.
    std::function<void(InferRequest* request, std::exception_ptr error)> done;
  };

  /// \param requests  How many run or wait on lanes at the same time; ≥ 1.
  RequestPool(const CompiledModel& model, std::size_t requests);
  /// Answers waiting jobs with Error{kCancelled}, waits for running ones.
  ~RequestPool();
  RequestPool(const RequestPool&) = delete;
  RequestPool& operator=(const RequestPool&) = delete;

  /// Callers bound how many jobs they have in flight.
  void submit(Job job);

  /// Answers the waiting jobs of a stream with Error{kCancelled}; running ones finish as usual.
  void drop(StreamId stream);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fovea
