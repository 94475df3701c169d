// Logging: FOVEA_LOG(kInfo, "camera", "{} connected", id). Formatted only when the level is enabled.
//
// Level and category come from FOVEA_LOG, for example FOVEA_LOG=info,engine:debug. Output goes to stderr, with the
// journald priority prefix when stderr is the journal.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace fovea {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarning, kError, kOff };

/// Thread-safe. True when a message of this level and category would be printed.
bool log_enabled(LogLevel level, std::string_view category);

/// Thread-safe. Prints one line; prefer FOVEA_LOG.
void log_line(LogLevel level, std::string_view category, std::string_view message);

/// Replaces the printing of lines (the GStreamer bridge, tests); an empty function restores stderr.
/// \thread Call before other threads log.
void set_log_sink(std::function<void(LogLevel, std::string_view, std::string_view)> sink);

/// Counts repeated trouble and lets one line a second through, so that a broken camera cannot flood the journal.
/// Thread-safe.
class LogLimiter {
 public:
  explicit LogLimiter(std::chrono::steady_clock::duration period = std::chrono::seconds(1)) : period_(period) {}

  /// \return Number of calls this line stands for (≥ 1) when it may be printed now, 0 when it was only counted.
  std::uint64_t admit();

 private:
  std::mutex mutex_;
  std::chrono::steady_clock::duration period_;
  std::chrono::steady_clock::time_point next_{};
  std::uint64_t pending_ = 0;
};

}  // namespace fovea

#define FOVEA_LOG(level, category, ...)                                                  \
  do {                                                                                   \
    if (::fovea::log_enabled(::fovea::LogLevel::level, category)) {                      \
      ::fovea::log_line(::fovea::LogLevel::level, category, ::fmt::format(__VA_ARGS__)); \
    }                                                                                    \
  } while (false)
