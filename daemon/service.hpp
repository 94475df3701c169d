// The daemon itself: configuration, supervisor, broker and systemd joined by one main loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/node_config.hpp"
#include "daemon/supervisor.hpp"

namespace fovea {

struct ServiceOptions {
  std::filesystem::path config;                  ///< Empty: defaults, and only `pipelines`.
  std::vector<std::filesystem::path> pipelines;  ///< Instead of those of the configured directory.
  bool exit_when_finished = false;               ///< End when no pipeline has anything left to do.
};

/// A file that cannot be run, and why.
struct BrokenPipeline {
  std::string name;  ///< The file's stem.
  std::string message;
};

/// Everything read from files.
struct LoadedConfig {
  NodeConfig node;
  std::vector<PipelineConfig> pipelines;
  std::vector<BrokenPipeline> broken;  ///< One bad file does not keep the others from running.
};

/// \throws Error when the node's own configuration is missing or wrong.
LoadedConfig load_config(const ServiceOptions& options);

/// Decides whether the service may tell systemd that it is alive.
class Watchdog {
 public:
  using Clock = std::chrono::steady_clock;

  /// \param now        When this was observed.
  /// \param heartbeat  Of the publisher thread; nothing without a broker.
  /// \param pipelines  From the supervisor, which restarts what stalls; one that runs without frames for far longer
  /// than
  ///                   its patience shows that the supervisor itself is stuck.
  bool alive(Clock::time_point now, std::optional<std::uint64_t> heartbeat,
             const std::vector<PipelineStatus>& pipelines);

 private:
  struct Progress {
    std::string name;
    std::uint64_t frames = 0;
    Clock::time_point changed;
  };
  std::uint64_t heartbeat_ = 0;
  Clock::time_point heartbeat_changed_{};
  std::vector<Progress> progress_;
};

/// Runs until SIGTERM or SIGINT; SIGHUP reloads. Initialises GStreamer. \thread main.
/// \return The process's exit status: 0 after a clean stop; 1 when `exit_when_finished` and a pipeline had failed.
/// \throws Error when there is nothing to start with: no configuration, or no pipeline that could run.
int run_service(const ServiceOptions& options);

/// Prints each pipeline as a gst-launch-1.0 command. \return Exit status: 1 when a file was wrong.
int print_launch_lines(const ServiceOptions& options);

/// Reads everything and prints what is wrong, or that all is well. \return Exit status.
int check_config(const ServiceOptions& options);

}  // namespace fovea
