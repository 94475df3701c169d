#include "engine/runtime/request_pool.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <vector>

#include "engine/base/mutex.hpp"

namespace fovea {

struct RequestPool::State {
  std::vector<InferRequest> requests;
  Mutex mutex;
  std::condition_variable all_idle;
  std::vector<std::size_t> idle FOVEA_GUARDED_BY(mutex);
  std::map<StreamId, std::deque<Job>> waiting FOVEA_GUARDED_BY(mutex);
  StreamId last_served FOVEA_GUARDED_BY(mutex) = kNoStream;

  /// Takes the next job, streams in turn. False when none waits.
  bool take(Job& job) FOVEA_REQUIRES(mutex) {
    if (waiting.empty()) {
      return false;
    }
    auto next = waiting.upper_bound(last_served);
    next = next == waiting.end() ? waiting.begin() : next;
    last_served = next->first;
    job = std::move(next->second.front());
    next->second.pop_front();
    if (next->second.empty()) {
      waiting.erase(next);
    }
    return true;
  }

  void start(std::size_t index, Job job) {
    InferRequest& request = requests[index];
    auto shared = std::make_shared<Job>(std::move(job));
    request.set_stream(shared->stream, shared->weight);
    request.set_deadline(shared->deadline);
    request.set_prepare([shared, &request] { shared->prepare(request); });
    request.set_callback([this, index, shared](const std::exception_ptr& error) {
      shared->done(&requests[index], error);
      // The request keeps this function until its next run: what the job owns must not stay with an idle request.
      *shared = Job{};
      next_or_idle(index);
    });
    request.start_async();
  }

  void next_or_idle(std::size_t index) {
    Job job;
    {
      const MutexLock lock(mutex);
      if (!take(job)) {
        idle.push_back(index);
        all_idle.notify_all();
        return;
      }
    }
    start(index, std::move(job));
  }

  static void cancel(std::deque<Job>& jobs) {
    for (Job& job : jobs) {
      job.done(nullptr, std::make_exception_ptr(Error(ErrorCode::kCancelled, "dropped before it ran")));
    }
  }
};

RequestPool::RequestPool(const CompiledModel& model, std::size_t requests) : state_(std::make_unique<State>()) {
  for (std::size_t i = 0; i < requests; ++i) {
    state_->requests.push_back(model.create_infer_request());
    state_->idle.push_back(i);
  }
}

RequestPool::~RequestPool() {
  std::map<StreamId, std::deque<Job>> dropped;
  {
    MutexLock lock(state_->mutex);
    dropped.swap(state_->waiting);
    while (state_->idle.size() < state_->requests.size()) {
      lock.wait(state_->all_idle);
    }
  }
  for (auto& [stream, jobs] : dropped) {
    State::cancel(jobs);
  }
}

void RequestPool::submit(Job job) {
  std::size_t index = 0;
  {
    const MutexLock lock(state_->mutex);
    if (state_->idle.empty()) {
      state_->waiting[job.stream].push_back(std::move(job));
      return;
    }
    index = state_->idle.back();
    state_->idle.pop_back();
  }
  state_->start(index, std::move(job));
}

void RequestPool::drop(StreamId stream) {
  std::deque<Job> dropped;
  {
    const MutexLock lock(state_->mutex);
    const auto found = state_->waiting.find(stream);
    if (found == state_->waiting.end()) {
      return;
    }
    dropped = std::move(found->second);
    state_->waiting.erase(found);
  }
  State::cancel(dropped);
}

}  // namespace fovea
