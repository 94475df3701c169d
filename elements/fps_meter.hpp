// Counts frames of several streams and prints rates in DL Streamer's form.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>

#include "engine/base/mutex.hpp"

namespace fovea {

/// One per process, since its line sums up all streams. Thread-safe.
class FpsMeter {
 public:
  using Clock = std::chrono::steady_clock;

  struct Stream {
    std::uint64_t total = 0;
    std::uint64_t recent = 0;  ///< Since the last line.
    bool finished = false;
  };

  static FpsMeter& shared();

  /// The stream lives until remove_stream.
  Stream* add_stream(std::chrono::seconds interval);
  void remove_stream(Stream* stream);
  /// One frame; prints a line when the interval is over.
  void count(Stream* stream);
  /// The stream has ended; prints the overall line when it was the last.
  void finish(Stream* stream);
  [[nodiscard]] double average();

 private:
  void print(const char* title, double seconds, std::uint64_t Stream::*frames) FOVEA_REQUIRES(mutex_);

  Mutex mutex_;
  std::list<Stream> streams_ FOVEA_GUARDED_BY(mutex_);
  std::chrono::seconds interval_ FOVEA_GUARDED_BY(mutex_){1};
  bool started_ FOVEA_GUARDED_BY(mutex_) = false;
  Clock::time_point first_ FOVEA_GUARDED_BY(mutex_);
  Clock::time_point last_line_ FOVEA_GUARDED_BY(mutex_);
};

}  // namespace fovea
