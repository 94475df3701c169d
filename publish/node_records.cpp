// Messages of the node about itself: state, statistics, gaps. docs/schemas/{state,stats,gap}.json.
#include "publish/json_text.hpp"

namespace fovea {

using json_text::dump;
using json_text::Json;
using json_text::schema;

std::string_view to_string(PipelineState state) {
  switch (state) {
    case PipelineState::kStarting:
      return "starting";
    case PipelineState::kRunning:
      return "running";
    case PipelineState::kStalled:
      return "stalled";
    case PipelineState::kRetrying:
      return "retrying";
    case PipelineState::kFinished:
      return "finished";
    case PipelineState::kStopped:
      return "stopped";
    case PipelineState::kFailed:
      return "failed";
  }
  return "unknown";
}

std::string to_json(const StateRecord& record) {
  Json message = {{"schema", schema(kStateSchema)}, {"node", record.node},
                  {"pipeline", record.pipeline},    {"seq", record.seq},
                  {"time", rfc3339(record.time)},   {"state", to_string(record.state)}};
  if (!record.reason.empty()) {
    message["reason"] = record.reason;
  }
  if (!record.source.empty()) {
    message["source"] = without_credentials(record.source);
  }
  message["restarts"] = record.restarts;
  message["frames"] = record.frames;
  return dump(message);
}

std::string to_json(const StatsRecord& record) {
  Json message = {{"schema", schema(kStatsSchema)},
                  {"node", record.node},
                  {"seq", record.seq},
                  {"time", rfc3339(record.time)},
                  {"version", record.version},
                  {"uptime_s", record.uptime.count()},
                  {"memory_bytes", record.memory_bytes},
                  {"cpu_cores", json_text::rounded(record.cpu_cores)}};
  if (record.mqtt) {
    message["mqtt"] = {{"connected", record.mqtt->connected},
                       {"published", record.mqtt->published},
                       {"dropped", record.mqtt->dropped},
                       {"reconnects", record.mqtt->reconnects},
                       {"queued_messages", record.mqtt->queued_messages},
                       {"queued_bytes", record.mqtt->queued_bytes}};
  }
  message["pipelines"] = Json::array();
  for (const StatsRecord::Pipeline& pipeline : record.pipelines) {
    message["pipelines"].push_back({{"name", pipeline.name},
                                    {"state", to_string(pipeline.state)},
                                    {"frames", pipeline.frames},
                                    {"fps", json_text::rounded(pipeline.frames_per_second)},
                                    {"restarts", pipeline.restarts}});
  }
  return dump(message);
}

std::string to_json(const GapRecord& record) {
  Json message = {{"schema", schema(kGapSchema)},
                  {"topic", record.topic},
                  {"from", rfc3339(record.from)},
                  {"to", rfc3339(record.to)}};
  if (record.first_seq && record.last_seq) {
    message["first_seq"] = *record.first_seq;
    message["last_seq"] = *record.last_seq;
  }
  message["dropped"] = record.dropped;
  return dump(message);
}

}  // namespace fovea
