// run_service: timers and signals in one GLib main loop.
#include "daemon/service.hpp"

#include <glib-unix.h>
#include <gst/gst.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <memory>

#include "daemon/pipeline_builder.hpp"
#include "engine/base/error.hpp"
#include "engine/base/log.hpp"
#include "publish/mqtt/mqtt_client.hpp"

namespace fovea {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr guint kTickMs = 100;
constexpr auto kStopPatience = milliseconds(5000);  // TimeoutStopSec=20 in the unit leaves room for the broker.
constexpr auto kStatusInterval = std::chrono::seconds(5);
constexpr auto kWatchdogInterval = std::chrono::seconds(1);
constexpr auto kPublisherSilence = std::chrono::seconds(20);
constexpr auto kFrameSilence = std::chrono::minutes(5);

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void notify_systemd(const std::string& text) { sd_notify(0, text.c_str()); }

class Service {
 public:
  explicit Service(const ServiceOptions& options)
      : options_(options), supervisor_([this](const PipelineStatus& status) { announce(status); }) {}

  int run();

 private:
  void apply(LoadedConfig config);
  void announce(const PipelineStatus& status);
  void announce_broken(const BrokenPipeline& broken);
  void publish_state(const StateRecord& record);
  void forget(const std::string& pipeline);
  void publish_stats(Clock::time_point now);
  void reload();
  void begin_stop();
  void tick();
  void tell_systemd(Clock::time_point now);

  static gboolean on_tick(gpointer self) {
    static_cast<Service*>(self)->tick();
    return G_SOURCE_CONTINUE;
  }
  static gboolean on_stop_signal(gpointer self) {
    static_cast<Service*>(self)->begin_stop();
    return G_SOURCE_CONTINUE;
  }
  static gboolean on_reload_signal(gpointer self) {
    static_cast<Service*>(self)->reload();
    return G_SOURCE_CONTINUE;
  }

  const ServiceOptions options_;
  LoadedConfig config_;
  std::shared_ptr<MqttClient> mqtt_;
  Supervisor supervisor_;
  Watchdog watchdog_;
  GMainLoop* loop_ = nullptr;
  std::map<std::string, std::uint64_t> state_seq_;
  std::map<std::string, std::uint64_t> frames_at_stats_;
  std::uint64_t stats_seq_ = 0;
  double cpu_at_stats_ = 0;
  Clock::time_point started_ = Clock::now();
  Clock::time_point last_stats_ = started_;
  Clock::time_point next_status_ = started_;
  Clock::time_point next_watchdog_ = started_;
  bool ready_ = false;
  bool stopping_ = false;
};

void Service::apply(LoadedConfig config) {
  if (config.node != config_.node || (!mqtt_ && config.node.mqtt.enabled)) {
    supervisor_.set_jobs({});  // Their elements hold the old connection.
    mqtt_.reset();
    config_.node = config.node;
    if (config.node.mqtt.enabled) {
      mqtt_ = MqttClient::shared(config.node.mqtt_settings());
    }
  }
  std::vector<PipelineJob> jobs;
  for (const PipelineConfig& pipeline : config.pipelines) {
    for (PipelineJob& job : jobs_of(pipeline, config.node)) {
      const auto same = [&](const PipelineJob& other) { return other.name == job.name; };
      if (std::any_of(jobs.begin(), jobs.end(), same)) {
        config.broken.push_back(
            {job.name, fmt::format("{}: another pipeline is called '{}' already", pipeline.file.string(), job.name)});
      } else {
        jobs.push_back(std::move(job));
      }
    }
  }
  config_ = std::move(config);
  for (const std::string& name : supervisor_.set_jobs(jobs)) {
    forget(name);
  }
  for (const BrokenPipeline& broken : config_.broken) {
    announce_broken(broken);
  }
}

void Service::publish_state(const StateRecord& record) {
  if (mqtt_) {
    mqtt_->publish({.topic = fmt::format("{}/{}/state", config_.node.topic_root(), record.pipeline),
                    .payload = to_json(record),
                    .qos = 1,
                    .retain = true,
                    .message_class = MessageClass::kState,
                    .schema = std::string(kStateSchema)});
  }
}

void Service::announce(const PipelineStatus& status) {
  publish_state({.node = config_.node.node,
                 .pipeline = status.name,
                 .seq = state_seq_[status.name]++,
                 .time = status.since,
                 .state = status.state,
                 .reason = status.reason,
                 .source = status.source,
                 .restarts = status.restarts,
                 .frames = status.frames});
}

void Service::announce_broken(const BrokenPipeline& broken) {
  FOVEA_LOG(kError, "daemon", "{}", broken.message);
  publish_state({.node = config_.node.node,
                 .pipeline = broken.name,
                 .seq = state_seq_[broken.name]++,
                 .time = std::chrono::system_clock::now(),
                 .state = PipelineState::kFailed,
                 .reason = broken.message});
}

void Service::forget(const std::string& pipeline) {
  state_seq_.erase(pipeline);
  frames_at_stats_.erase(pipeline);
  if (mqtt_) {  // An empty retained message deletes the state at the broker.
    mqtt_->publish({.topic = fmt::format("{}/{}/state", config_.node.topic_root(), pipeline),
                    .qos = 1,
                    .retain = true,
                    .message_class = MessageClass::kState});
  }
}

void Service::publish_stats(Clock::time_point now) {
  const double elapsed = std::chrono::duration<double>(now - last_stats_).count();
  const double cpu = cpu_seconds();
  StatsRecord record{.node = config_.node.node,
                     .seq = stats_seq_++,
                     .time = std::chrono::system_clock::now(),
                     .version = FOVEA_VERSION,
                     .uptime = std::chrono::duration_cast<std::chrono::seconds>(now - started_),
                     .memory_bytes = resident_bytes(),
                     .cpu_cores = (cpu - cpu_at_stats_) / elapsed};
  if (mqtt_) {
    record.mqtt = mqtt_->stats();
  }
  for (const PipelineStatus& status : supervisor_.status()) {
    std::uint64_t& before = frames_at_stats_[status.name];
    before = std::min(before, status.frames);  // A changed pipeline counts from zero again.
    record.pipelines.push_back({.name = status.name,
                                .state = status.state,
                                .frames = status.frames,
                                .frames_per_second = static_cast<double>(status.frames - before) / elapsed,
                                .restarts = status.restarts});
    before = status.frames;
  }
  cpu_at_stats_ = cpu;
  last_stats_ = now;
  if (mqtt_) {
    mqtt_->publish({.topic = config_.node.topic_root() + "/stats",
                    .payload = to_json(record),
                    .message_class = MessageClass::kState,
                    .schema = std::string(kStatsSchema),
                    .seq = record.seq});
  }
}

void Service::reload() {
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count();
  notify_systemd(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading", now_us));
  std::string result = "reloaded";
  try {
    LoadedConfig next = load_config(options_);
    for (const BrokenPipeline& broken : next.broken) {  // What ran before goes on with its last good version.
      const auto file_of = [&](const PipelineConfig& old) { return old.file.stem() == broken.name; };
      const auto old = std::find_if(config_.pipelines.begin(), config_.pipelines.end(), file_of);
      if (old != config_.pipelines.end()) {
        next.pipelines.push_back(*old);
        FOVEA_LOG(kError, "daemon", "{}; the version loaded before goes on", broken.message);
      }
    }
    std::erase_if(next.broken, [&](const BrokenPipeline& broken) {
      return std::any_of(next.pipelines.begin(), next.pipelines.end(),
                         [&](const PipelineConfig& pipeline) { return pipeline.file.stem() == broken.name; });
    });
    apply(std::move(next));
  } catch (const Error& error) {
    FOVEA_LOG(kError, "daemon", "reload refused, everything goes on as before: {}", error.what());
    result = fmt::format("reload refused: {}", error.what());
  }
  notify_systemd("READY=1\nSTATUS=" + result);
  next_status_ = Clock::now() + kStatusInterval;
}

void Service::begin_stop() {
  if (stopping_) {
    return;
  }
  stopping_ = true;
  notify_systemd("STOPPING=1\nSTATUS=stopping");
  FOVEA_LOG(kInfo, "daemon", "stopping");
  supervisor_.begin_stop(kStopPatience);
}

void Service::tell_systemd(Clock::time_point now) {
  const std::vector<PipelineStatus> pipelines = supervisor_.status();
  const auto count = [&](PipelineState state) {
    return std::count_if(pipelines.begin(), pipelines.end(), [&](const auto& p) { return p.state == state; });
  };
  const auto running = count(PipelineState::kRunning);
  if (!ready_ && (running > 0 || count(PipelineState::kStarting) == 0)) {
    ready_ = true;
    notify_systemd("READY=1");
  }
  if (now >= next_watchdog_) {
    next_watchdog_ = now + kWatchdogInterval;
    if (watchdog_.alive(now, mqtt_ ? std::optional(mqtt_->heartbeat()) : std::nullopt, pipelines)) {
      notify_systemd("WATCHDOG=1");
    }
  }
  if (now >= next_status_) {
    next_status_ = now + kStatusInterval;
    const SinkStats stats = mqtt_ ? mqtt_->stats() : SinkStats{};
    notify_systemd(fmt::format("STATUS={}/{} pipelines running, mqtt {}, {} messages wait", running, pipelines.size(),
                               !mqtt_            ? "off"
                               : stats.connected ? "up"
                                                 : "down",
                               stats.queued_messages));
  }
}

void Service::tick() {
  supervisor_.tick();
  const auto now = Clock::now();
  if (stopping_) {
    if (supervisor_.stopped()) {
      g_main_loop_quit(loop_);
    }
    return;
  }
  tell_systemd(now);
  if (now - last_stats_ >= config_.node.stats_interval) {
    publish_stats(now);
  }
  if (options_.exit_when_finished && supervisor_.idle()) {
    begin_stop();
  }
}

int Service::run() {
  LoadedConfig config = load_config(options_);
  if (options_.exit_when_finished && !config.broken.empty()) {
    fail(ErrorCode::kInvalidConfig, "{}", config.broken.front().message);
  }
  apply(std::move(config));
  loop_ = g_main_loop_new(nullptr, FALSE);
  const guint sources[] = {g_timeout_add(kTickMs, on_tick, this), g_unix_signal_add(SIGTERM, on_stop_signal, this),
                           g_unix_signal_add(SIGINT, on_stop_signal, this),
                           g_unix_signal_add(SIGHUP, on_reload_signal, this)};
  g_main_loop_run(loop_);
  for (const guint source : sources) {
    g_source_remove(source);
  }
  g_main_loop_unref(loop_);
  const std::vector<PipelineStatus> last = supervisor_.status();
  const bool failed = std::any_of(last.begin(), last.end(),
                                  [](const PipelineStatus& status) { return status.state == PipelineState::kFailed; });
  return options_.exit_when_finished && failed ? 1 : 0;
}

}  // namespace

bool Watchdog::alive(Clock::time_point now, std::optional<std::uint64_t> heartbeat,
                     const std::vector<PipelineStatus>& pipelines) {
  if (!heartbeat || *heartbeat != heartbeat_ || heartbeat_changed_ == Clock::time_point{}) {
    heartbeat_ = heartbeat.value_or(0);
    heartbeat_changed_ = now;
  }
  std::vector<Progress> next;
  bool moving = true;
  for (const PipelineStatus& status : pipelines) {
    const auto known = std::find_if(progress_.begin(), progress_.end(),
                                    [&](const Progress& progress) { return progress.name == status.name; });
    const bool stands_still =
        known != progress_.end() && known->frames == status.frames && status.state == PipelineState::kRunning;
    next.push_back({status.name, status.frames, stands_still ? known->changed : now});
    moving = moving && now - next.back().changed < kFrameSilence;
  }
  progress_ = std::move(next);
  return moving && now - heartbeat_changed_ < kPublisherSilence;
}

namespace {

/// Stages that say nothing about a cache use the node's.
void add_cache(PipelineConfig& pipeline, const NodeConfig& node) {
  const std::string properties = node.cache_properties();
  for (StageConfig& stage : pipeline.stages) {
    auto* const model = std::get_if<ModelStage>(&stage);
    if (model != nullptr && !properties.empty() && model->ie_config.find("CACHE_DIR") == std::string::npos) {
      model->ie_config += (model->ie_config.empty() ? "" : ",") + properties;
    }
  }
}

}  // namespace

LoadedConfig load_config(const ServiceOptions& options) {
  LoadedConfig loaded;
  loaded.node = options.config.empty() ? default_node_config() : read_node_config(options.config);
  const std::vector<std::filesystem::path> files =
      options.pipelines.empty() ? find_pipeline_files(loaded.node.pipelines) : options.pipelines;
  for (const std::filesystem::path& file : files) {
    try {
      loaded.pipelines.push_back(read_pipeline_config(file, loaded.node.models));
      add_cache(loaded.pipelines.back(), loaded.node);
    } catch (const Error& error) {
      loaded.broken.push_back({file.stem().string(), error.what()});
    }
  }
  return loaded;
}

int run_service(const ServiceOptions& options) {
  gst_init(nullptr, nullptr);
  return Service(options).run();
}

int print_launch_lines(const ServiceOptions& options) {
  const LoadedConfig loaded = load_config(options);
  for (const PipelineConfig& pipeline : loaded.pipelines) {
    for (const PipelineJob& job : jobs_of(pipeline, loaded.node)) {
      fmt::print("{}\n", shell_command(job.description));
    }
  }
  for (const BrokenPipeline& broken : loaded.broken) {
    fmt::print(stderr, "{}\n", broken.message);
  }
  return loaded.broken.empty() ? 0 : 1;
}

int check_config(const ServiceOptions& options) {
  const LoadedConfig loaded = load_config(options);
  for (const BrokenPipeline& broken : loaded.broken) {
    fmt::print(stderr, "{}\n", broken.message);
  }
  for (const PipelineConfig& pipeline : loaded.pipelines) {
    fmt::print("{}: {} is good, {} source{}\n", pipeline.file.string(), pipeline.name, pipeline.sources.size(),
               pipeline.sources.size() == 1 ? "" : "s");
  }
  return loaded.broken.empty() ? 0 : 1;
}

}  // namespace fovea
