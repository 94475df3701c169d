// spdlog does the printing; this file is the only one that includes it.
#include "engine/base/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>

namespace fovea {
namespace {

LogLevel parse_level(std::string_view text, LogLevel fallback) {
  static const std::map<std::string_view, LogLevel> kNames = {
      {"trace", LogLevel::kTrace},     {"debug", LogLevel::kDebug}, {"info", LogLevel::kInfo},
      {"warning", LogLevel::kWarning}, {"error", LogLevel::kError}, {"off", LogLevel::kOff}};
  const auto found = kNames.find(text);
  return found == kNames.end() ? fallback : found->second;
}

struct LogState {
  LogLevel general = LogLevel::kWarning;
  std::map<std::string, LogLevel, std::less<>> categories;
  bool under_journal = false;
  std::function<void(LogLevel, std::string_view, std::string_view)> sink;
  std::shared_ptr<spdlog::logger> printer;

  LogState() {
    // Read once, before the threads of this process exist.
    const char* setting = std::getenv("FOVEA_LOG");  // NOLINT(concurrency-mt-unsafe): see above
    std::stringstream parts(setting == nullptr ? "" : setting);
    for (std::string part; std::getline(parts, part, ',');) {
      const auto colon = part.find(':');
      if (colon == std::string::npos) {
        general = parse_level(part, general);
      } else {
        categories[part.substr(0, colon)] = parse_level(std::string_view(part).substr(colon + 1), general);
      }
    }
    under_journal = std::getenv("JOURNAL_STREAM") != nullptr;  // NOLINT(concurrency-mt-unsafe): see above
    printer = std::make_shared<spdlog::logger>("fovea", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    printer->set_level(spdlog::level::trace);
    printer->set_pattern(under_journal ? "%v" : "%H:%M:%S.%e %^%-7l%$ %v");
  }
};

LogState& state() {
  static LogState instance;
  return instance;
}

/// syslog priorities, which journald reads from a "<n>" prefix (sd-daemon(3)).
int journal_priority(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return 3;
    case LogLevel::kWarning:
      return 4;
    case LogLevel::kInfo:
      return 6;
    default:
      return 7;
  }
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

}  // namespace

bool log_enabled(LogLevel level, std::string_view category) {
  const LogState& log = state();
  const auto found = log.categories.find(category);
  return level >= (found == log.categories.end() ? log.general : found->second);
}

void log_line(LogLevel level, std::string_view category, std::string_view message) {
  const LogState& log = state();
  if (log.sink) {
    log.sink(level, category, message);
  } else if (log.under_journal) {
    log.printer->log(to_spdlog(level), "<{}>{}: {}", journal_priority(level), category, message);
  } else {
    log.printer->log(to_spdlog(level), "{}: {}", category, message);
  }
}

void set_log_sink(std::function<void(LogLevel, std::string_view, std::string_view)> sink) {
  state().sink = std::move(sink);
}

std::uint64_t LogLimiter::admit() {
  const std::lock_guard lock(mutex_);
  ++pending_;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) {
    return 0;
  }
  next_ = now + period_;
  return std::exchange(pending_, 0);
}

}  // namespace fovea
