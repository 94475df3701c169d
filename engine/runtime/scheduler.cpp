#include "engine/runtime/scheduler.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <thread>
#include <vector>

#include "engine/base/error.hpp"
#include "engine/base/mutex.hpp"

namespace fovea {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxLanes = 256;

/// Jobs of one stream and the weighted time they have received.
struct Queue {
  std::list<Job> jobs;
  double served = 0;  ///< Seconds on lanes divided by the weight.
  int running = 0;
};

/// One device's lanes and waiting jobs.
class DeviceLanes {
 public:
  explicit DeviceLanes(std::string name) : name_(std::move(name)) {}

  ~DeviceLanes() {
    {
      // Under the lock: a lane between its check and its wait would sleep through the notification.
      const MutexLock lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    lanes_.clear();  // joins
    Queues left;
    {
      const MutexLock lock(mutex_);
      left.swap(queues_);
      for (const auto& [stream, queue] : left) {
        stats_.rejected += queue.jobs.size();
        stats_.waiting -= queue.jobs.size();
      }
    }
    for (auto& [stream, queue] : left) {
      for (Job& job : queue.jobs) {
        job.reject();
      }
    }
  }

  DeviceLanes(const DeviceLanes&) = delete;
  DeviceLanes& operator=(const DeviceLanes&) = delete;

  void open(int count, int cores) {
    const MutexLock lock(mutex_);
    cores_ = std::max(cores_, cores);
    while (static_cast<int>(lanes_.size()) < std::min(count, kMaxLanes)) {
      const auto index = lanes_.size();
      lanes_.emplace_back([this, index] { run_lane(index); });
    }
  }

  void submit(Job job) {
    {
      MutexLock lock(mutex_);
      ++stats_.submitted;
      if (closing_) {
        ++stats_.rejected;
        lock.unlock();
        job.reject();
        return;
      }
      Queue& queue = queue_of(job.stream);
      if (queue.jobs.empty() && queue.running == 0) {
        // A stream that was idle does not get the time back that it did not use.
        queue.served = std::max(queue.served, least_served());
      }
      if (spare_jobs_.empty()) {
        spare_jobs_.emplace_back();
      }
      spare_jobs_.front() = std::move(job);
      queue.jobs.splice(queue.jobs.end(), spare_jobs_, spare_jobs_.begin());
      ++stats_.waiting;
    }
    wake_.notify_one();
  }

  SchedulerStats stats() {
    const MutexLock lock(mutex_);
    return stats_;
  }

 private:
  using Queues = std::map<StreamId, Queue>;
  using QueueEntry = Queues::iterator;

  Queue& queue_of(StreamId stream) FOVEA_REQUIRES(mutex_) {
    const auto found = queues_.find(stream);
    if (found != queues_.end() || spare_queues_.empty()) {
      return found != queues_.end() ? found->second : queues_[stream];
    }
    Queues::node_type node = std::move(spare_queues_.back());
    spare_queues_.pop_back();
    node.key() = stream;
    node.mapped() = {};
    return queues_.insert(std::move(node)).position->second;
  }

  double least_served() FOVEA_REQUIRES(mutex_) {
    double least = 0;
    bool found = false;
    for (const auto& [stream, queue] : queues_) {
      if (!queue.jobs.empty() || queue.running > 0) {
        least = found ? std::min(least, queue.served) : queue.served;
        found = true;
      }
    }
    return least;
  }

  /// The queue whose head runs next: least weighted time first, then earliest deadline.
  QueueEntry next_queue() FOVEA_REQUIRES(mutex_) {
    auto best = queues_.end();
    for (auto it = queues_.begin(); it != queues_.end(); ++it) {
      if (it->second.jobs.empty()) {
        continue;
      }
      const bool better = best == queues_.end() || it->second.served < best->second.served ||
                          (it->second.served == best->second.served &&
                           it->second.jobs.front().deadline < best->second.jobs.front().deadline);
      best = better ? it : best;
    }
    return best;
  }

  void run_lane(std::size_t index) {
    std::string thread_name = "fovea-" + name_ + "-" + std::to_string(index);
    std::ranges::transform(thread_name, thread_name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    pthread_setname_np(pthread_self(), thread_name.substr(0, 15).c_str());  // 15: the kernel's limit
    while (true) {
      Job job;
      StreamId stream = kNoStream;
      {
        MutexLock lock(mutex_);
        QueueEntry entry;
        while (true) {
          if (closing_) {
            return;
          }
          entry = next_queue();
          // The head waits for its cores rather than being overtaken, or wide jobs would starve.
          if (entry != queues_.end() &&
              (busy_cores_ == 0 || busy_cores_ + entry->second.jobs.front().threads <= cores_)) {
            break;
          }
          lock.wait(wake_);
        }
        stream = entry->first;
        std::list<Job>& jobs = entry->second.jobs;
        job = std::move(jobs.front());
        spare_jobs_.splice(spare_jobs_.begin(), jobs, jobs.begin());
        ++entry->second.running;
        busy_cores_ += job.threads;
        --stats_.waiting;
        stats_.late += Clock::now() > job.deadline ? 1U : 0U;
      }
      const auto begin = Clock::now();
      job.run();
      finish(stream, job, std::chrono::duration<double>(Clock::now() - begin).count());
    }
  }

  void finish(StreamId stream, const Job& job, double seconds) {
    {
      const MutexLock lock(mutex_);
      Queue& queue = queues_[stream];
      queue.served += seconds * job.threads / job.weight;
      --queue.running;
      busy_cores_ -= job.threads;
      ++stats_.finished;
      if (queue.jobs.empty() && queue.running == 0) {
        spare_queues_.push_back(queues_.extract(stream));  // keeps the map as small as the set of busy streams
      }
    }
    wake_.notify_all();
  }

  std::string name_;
  Mutex mutex_;
  std::condition_variable wake_;
  Queues queues_ FOVEA_GUARDED_BY(mutex_);
  // Memory of what has run, used again: a run allocates nothing. Never more than there were at the same time.
  std::list<Job> spare_jobs_ FOVEA_GUARDED_BY(mutex_);
  std::vector<Queues::node_type> spare_queues_ FOVEA_GUARDED_BY(mutex_);
  SchedulerStats stats_ FOVEA_GUARDED_BY(mutex_);
  int cores_ FOVEA_GUARDED_BY(mutex_) = 1;
  int busy_cores_ FOVEA_GUARDED_BY(mutex_) = 0;
  bool closing_ FOVEA_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> lanes_;
};

}  // namespace

struct Scheduler::State {
  Mutex mutex;
  std::map<std::string, std::unique_ptr<DeviceLanes>, std::less<>> devices FOVEA_GUARDED_BY(mutex);
  std::atomic<StreamId> next_stream{kNoStream + 1};

  /// nullptr when the device has no lanes. Lanes live as long as the scheduler.
  DeviceLanes* find(std::string_view device) {
    const MutexLock lock(mutex);
    const auto found = devices.find(device);
    return found == devices.end() ? nullptr : found->second.get();
  }
};

Scheduler::Scheduler() : state_(std::make_unique<State>()) {}
Scheduler::~Scheduler() = default;

void Scheduler::open_lanes(std::string_view device, int count, int cores) {
  const MutexLock lock(state_->mutex);
  auto& lanes = state_->devices[std::string(device)];
  if (lanes == nullptr) {
    lanes = std::make_unique<DeviceLanes>(std::string(device));
  }
  lanes->open(count, cores);
}

void Scheduler::submit(std::string_view device, Job job) {
  DeviceLanes* lanes = state_->find(device);
  if (lanes == nullptr) {
    fail(ErrorCode::kInvalidArgument, "device '{}' has no lanes", device);
  }
  lanes->submit(std::move(job));
}

StreamId Scheduler::new_stream() { return state_->next_stream++; }

SchedulerStats Scheduler::stats(std::string_view device) const {
  DeviceLanes* lanes = state_->find(device);
  return lanes == nullptr ? SchedulerStats{} : lanes->stats();
}

}  // namespace fovea
