// MessageSink: where messages go (a file, standard output, an MQTT broker), and the message they take.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace fovea {

/// What a message is worth when a sink must choose what to lose. Ordered: a later one outlives an earlier one.
enum class MessageClass : std::uint8_t {
  kFrame,  ///< Per-frame analysis; the next one comes soon.
  kState,  ///< Present state of something; only the latest per topic counts.
  kEvent,  ///< Something happened.
  kAlarm,  ///< Something happened that a person waits for.
};
inline constexpr std::size_t kMessageClassCount = 4;

/// One message on its way out.
struct Message {
  std::string topic = {};    ///< MQTT topic; sinks without topics ignore it.
  std::string payload = {};  ///< JSON text without line ends, or any bytes when `content_type` says so.
  int qos = 0;               ///< 0 or 1; 2 is sent as 1.
  bool retain = false;
  MessageClass message_class = MessageClass::kFrame;
  std::string schema = {};             ///< "fovea.frame/1"; sent as an MQTT 5 user property. Empty: none.
  std::optional<std::uint64_t> seq{};  ///< The payload's sequence number, so that a gap record can name it.
  std::chrono::seconds expiry{0};      ///< After this the broker may forget the message; 0: never.
  std::string content_type = "application/json";
  std::string reason = {};  ///< Sent as an MQTT 5 user property of this name. Empty: none.
};

/// Counters since a sink was made.
struct SinkStats {
  std::uint64_t published = 0;      ///< Written, or acknowledged as far as the quality of service asks for it.
  std::uint64_t dropped = 0;        ///< Given up: queue full, refused by the broker, disk full.
  std::uint64_t reconnects = 0;     ///< Connections made after the first.
  std::size_t queued_messages = 0;  ///< Waiting now, unacknowledged ones included.
  std::size_t queued_bytes = 0;
  bool connected = false;  ///< Files are always connected.
};

/// Takes messages. All functions are thread-safe.
class MessageSink {
 public:
  MessageSink() = default;
  MessageSink(const MessageSink&) = delete;
  MessageSink& operator=(const MessageSink&) = delete;
  virtual ~MessageSink() = default;

  /// Hands a message over. Trouble with the destination is counted and logged, never thrown: video goes on.
  virtual void publish(Message message) = 0;

  /// Waits until everything handed over has arrived. \return false when `timeout` passed before.
  virtual bool flush(std::chrono::milliseconds timeout) = 0;

  [[nodiscard]] virtual SinkStats stats() const = 0;
};

}  // namespace fovea
