// Supervisor: keeps pipelines running.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/config/node_config.hpp"
#include "daemon/config/pipeline_config.hpp"
#include "publish/message.hpp"

namespace fovea {

/// What is known about one pipeline instance.
struct PipelineStatus {
  std::string name = {};
  PipelineState state = PipelineState::kStarting;
  std::string reason = {};  ///< Why it is not running.
  std::string source = {};
  std::uint64_t frames = 0;  ///< That reached the first sink, since the daemon started.
  std::uint64_t restarts = 0;
  WallTime since{};  ///< When the state was entered.
};

/// What the supervisor runs: a name, a gst-launch description and how patient to be.
struct PipelineJob {
  std::string name = {};
  std::string description = {};
  std::string source = {};  ///< For status; without credentials.
  bool loop = false;
  ReconnectConfig reconnect = {};
  bool operator==(const PipelineJob&) const = default;
};

/// The jobs of a pipeline, one per source. A disabled pipeline has none.
std::vector<PipelineJob> jobs_of(const PipelineConfig& pipeline, const NodeConfig& node);

/// Runs jobs as GStreamer pipelines: starts them, starts them again with growing delays when they fail or stall, loops
/// or finishes them at the end of their source.
///
/// Thread-bound: created, called and destroyed by the thread that runs the default GLib main context; the bus messages
/// arrive there. GStreamer must be initialised. `announce` is called there, too, at each change of state.
class Supervisor {
 public:
  using Announce = std::function<void(const PipelineStatus&)>;

  explicit Supervisor(Announce announce);

  /// Stops everything at once, without waiting for ends of streams.
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Makes these the jobs: those that are new or changed are (re)started, those that are gone are stopped, the others
  /// are not touched. \return Names of those that are gone. Names are unique.
  std::vector<std::string> set_jobs(const std::vector<PipelineJob>& jobs);

  /// Does what is due: call it about every 100 ms.
  void tick();

  /// Ends all streams properly; tick() completes it. Nothing is started any more.
  void begin_stop(std::chrono::milliseconds patience);
  [[nodiscard]] bool stopped() const;

  /// No instance will do anything more by itself: all are finished, failed or stopped.
  [[nodiscard]] bool idle() const;

  [[nodiscard]] std::vector<PipelineStatus> status() const;

 private:
  class Instance;
  std::vector<std::unique_ptr<Instance>> instances_;
  Announce announce_;
};

}  // namespace fovea
