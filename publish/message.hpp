// Builds message payloads: a frame's analysis in our format or DL Streamer's, and the node's own records.
//
// The formats are described by docs/schemas/*.json and, for people, docs/mqtt.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "publish/sink.hpp"
#include "vision/analysis.hpp"

namespace fovea {

using WallTime = std::chrono::system_clock::time_point;

/// Schema names with version, as in Message::schema.
inline constexpr std::string_view kFrameSchema = "fovea.frame/1";
inline constexpr std::string_view kStateSchema = "fovea.state/1";
inline constexpr std::string_view kStatsSchema = "fovea.stats/1";
inline constexpr std::string_view kGapSchema = "fovea.gap/1";

/// How the capture time of a frame is known.
enum class TimeSource : std::uint8_t {
  kArrival,  ///< Our clock when the frame came out of the decoder.
  kCamera,   ///< The camera's own clock (RTCP sender reports).
};

/// Where a frame comes from.
struct MessageContext {
  std::string node = {};
  std::string pipeline = {};
  std::uint64_t seq = 0;                             ///< Counts the messages of a pipeline, without holes.
  std::optional<std::chrono::nanoseconds> pts = {};  ///< Stream time.
  WallTime capture_time{};
  TimeSource time_source = TimeSource::kArrival;
  std::string source = {};  ///< URI; credentials and query are removed before it is published. Empty: left out.
};

enum class MessageFormat : std::uint8_t {
  kNative,  ///< docs/schemas/frame.json
  kGva,     ///< DL Streamer's gvametaconvert
};

/// What goes into a frame's message.
struct FrameFormat {
  MessageFormat format = MessageFormat::kNative;
  bool add_empty_results = false;  ///< Also for frames on which nothing was found.
  bool add_tensor_data = false;    ///< Raw outputs; large.
  bool add_mask_runs = false;      ///< Masks cell by cell, run-length encoded; without it only the areas by class.
  std::string tags = {};           ///< A JSON object copied into gva messages; empty: none.
};

/// The payload for one frame, one line of JSON; nothing when nothing was found and empty results are not wanted.
/// Objects whose box or confidence is not finite cannot be written as JSON and are left out; text that is not UTF-8
/// gets replacement characters.
/// \throws Error{kInvalidArgument} when `format.tags` is no JSON object.
std::optional<std::string> frame_message(const FrameAnalysis& analysis, const MessageContext& context,
                                         const FrameFormat& format);

/// \throws Error{kInvalidArgument} when `format` could not be used, so that it can be refused before the first frame.
void check_frame_format(const FrameFormat& format);

/// Life of a pipeline instance.
enum class PipelineState : std::uint8_t { kStarting, kRunning, kStalled, kRetrying, kFinished, kStopped, kFailed };

/// "starting", "running", … as published.
std::string_view to_string(PipelineState state);

/// What `fovea.state` says about a pipeline.
struct StateRecord {
  std::string node = {};
  std::string pipeline = {};
  std::uint64_t seq = 0;
  WallTime time{};
  PipelineState state = PipelineState::kStarting;
  std::string reason = {};  ///< Why it is not running; empty: left out.
  std::string source = {};  ///< As MessageContext::source.
  std::uint64_t restarts = 0;
  std::uint64_t frames = 0;  ///< Since the daemon started.
};

/// What `fovea.stats` says about a node.
struct StatsRecord {
  struct Pipeline {
    std::string name = {};
    PipelineState state = PipelineState::kStarting;
    std::uint64_t frames = 0;
    double frames_per_second = 0;  ///< Since the last record.
    std::uint64_t restarts = 0;
  };
  std::string node = {};
  std::uint64_t seq = 0;
  WallTime time{};
  std::string version = {};
  std::chrono::seconds uptime{0};
  std::uint64_t memory_bytes = 0;      ///< Resident.
  double cpu_cores = 0;                ///< CPU time over wall time since the last record.
  std::optional<SinkStats> mqtt = {};  ///< Absent without a broker.
  std::vector<Pipeline> pipelines = {};
};

/// What `fovea.gap` says: messages of a topic that were given up.
struct GapRecord {
  std::string topic = {};
  WallTime from{};                              ///< When the first of them was handed over.
  WallTime to{};                                ///< When the last of them was.
  std::optional<std::uint64_t> first_seq = {};  ///< Smallest and largest sequence number among them, where known.
  std::optional<std::uint64_t> last_seq = {};
  std::uint64_t dropped = 0;
};

std::string to_json(const StateRecord& record);
std::string to_json(const StatsRecord& record);
std::string to_json(const GapRecord& record);

/// "2026-08-21T11:23:19.123Z".
std::string rfc3339(WallTime time);

/// `uri` without user, password, query and fragment: what may be shown to others.
std::string without_credentials(std::string_view uri);

}  // namespace fovea
