#include "engine/runtime/background_writer.hpp"

#include <utility>

namespace fovea {

BackgroundWriter::~BackgroundWriter() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) {
    thread_.join();
  }
}

void BackgroundWriter::submit(std::function<void()> work) {
  const MutexLock lock(mutex_);
  queue_.push_back(std::move(work));
  changed_.notify_all();
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { run(); });
  }
}

void BackgroundWriter::run() {
  while (true) {
    std::function<void()> work;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !ending_) {
        lock.wait(changed_);
      }
      if (queue_.empty()) {
        return;
      }
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace fovea
