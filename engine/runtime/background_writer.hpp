// Work that nobody waits for: writing files while what they hold is in use already.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>

#include "engine/base/mutex.hpp"

namespace fovea {

/// Runs what is submitted one after another, on a thread that begins with the first piece. Destroying it waits for all.
/// Thread-safe.
class BackgroundWriter {
 public:
  BackgroundWriter() = default;
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;
  ~BackgroundWriter();

  /// \param work  Must not throw.
  void submit(std::function<void()> work);

 private:
  void run();

  Mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_ FOVEA_GUARDED_BY(mutex_);
  bool ending_ FOVEA_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace fovea
