// A mutex whose locking rules clang checks (-Wthread-safety): see GUARDED_BY in the classes that use it.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define FOVEA_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define FOVEA_THREAD_ANNOTATION(x)
#endif

#define FOVEA_CAPABILITY(x) FOVEA_THREAD_ANNOTATION(capability(x))
#define FOVEA_SCOPED_CAPABILITY FOVEA_THREAD_ANNOTATION(scoped_lockable)
#define FOVEA_GUARDED_BY(x) FOVEA_THREAD_ANNOTATION(guarded_by(x))
#define FOVEA_REQUIRES(...) FOVEA_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define FOVEA_ACQUIRE(...) FOVEA_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define FOVEA_RELEASE(...) FOVEA_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define FOVEA_NO_THREAD_SAFETY_ANALYSIS FOVEA_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace fovea {

/// std::mutex with annotations. Not recursive.
class FOVEA_CAPABILITY("mutex") Mutex {
 public:
  void lock() FOVEA_ACQUIRE() { mutex_.lock(); }
  void unlock() FOVEA_RELEASE() { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

/// Holds a Mutex for a scope; can wait on a condition variable meanwhile.
class FOVEA_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) FOVEA_ACQUIRE(mutex) : lock_(mutex.mutex_) {}
  ~MutexLock() FOVEA_RELEASE() = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  /// Gives the mutex back before the end of the scope.
  void unlock() FOVEA_RELEASE() { lock_.unlock(); }

  /// Waits until `condition` is notified; callers loop over their predicate.
  void wait(std::condition_variable& condition) { condition.wait(lock_); }

  /// \return false when `deadline` passed without a notification.
  template <class TimePoint>
  bool wait_until(std::condition_variable& condition, const TimePoint& deadline) {
    return condition.wait_until(lock_, deadline) == std::cv_status::no_timeout;
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace fovea
