#include "elements/fps_meter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace fovea {

FpsMeter& FpsMeter::shared() {
  static FpsMeter instance;
  return instance;
}

FpsMeter::Stream* FpsMeter::add_stream(std::chrono::seconds interval) {
  const MutexLock lock(mutex_);
  if (streams_.empty()) {
    started_ = false;
  }
  interval_ = interval;
  return &streams_.emplace_back();
}

void FpsMeter::remove_stream(Stream* stream) {
  const MutexLock lock(mutex_);
  streams_.remove_if([&](const Stream& other) { return &other == stream; });
}

void FpsMeter::count(Stream* stream) {
  const auto now = Clock::now();
  const MutexLock lock(mutex_);
  if (!started_) {
    started_ = true;
    first_ = last_line_ = now;
  }
  ++stream->total;
  ++stream->recent;
  const std::chrono::duration<double> since = now - last_line_;
  if (since < interval_) {
    return;
  }
  print("last", since.count(), &Stream::recent);
  print("average", std::chrono::duration<double>(now - first_).count(), &Stream::total);
  for (Stream& each : streams_) {
    each.recent = 0;
  }
  last_line_ = now;
}

void FpsMeter::finish(Stream* stream) {
  const MutexLock lock(mutex_);
  stream->finished = true;
  const bool all = std::ranges::all_of(streams_, [](const Stream& each) { return each.finished; });
  if (all && started_) {
    print("overall", std::chrono::duration<double>(Clock::now() - first_).count(), &Stream::total);
  }
}

double FpsMeter::average() {
  const MutexLock lock(mutex_);
  std::uint64_t total = 0;
  for (const Stream& stream : streams_) {
    total += stream.total;
  }
  const double seconds = started_ ? std::chrono::duration<double>(Clock::now() - first_).count() : 0;
  return seconds > 0 ? static_cast<double>(total) / seconds : 0;
}

void FpsMeter::print(const char* title, double seconds, std::uint64_t Stream::*frames) {
  if (seconds <= 0) {
    return;
  }
  double total = 0;
  std::string each;
  for (const Stream& stream : streams_) {
    const double rate = static_cast<double>(stream.*frames) / seconds;
    total += rate;
    each += fmt::format("{}{:.2f}", each.empty() ? "" : ", ", rate);
  }
  fmt::print("FpsCounter({} {:.2f}sec): total={:.2f} fps, number-streams={}, per-stream={:.2f} fps ({})\n", title,
             seconds, total, streams_.size(), total / static_cast<double>(streams_.size()), each);
  std::fflush(stdout);
}

}  // namespace fovea
