// MqttClient: delivers messages to one broker, through its absences.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "engine/base/log.hpp"
#include "engine/base/mutex.hpp"
#include "publish/mqtt/message_queue.hpp"
#include "publish/mqtt/mqtt_settings.hpp"
#include "publish/sink.hpp"

namespace fovea {

class PahoConnection;

/// One connection to one broker with a publisher thread of its own. All functions are thread-safe.
///
/// * Messages with QoS 1 stay in our queue until the broker has acknowledged them and are sent again, in order, after a
///   reconnect: duplicates are possible, gaps are not, as long as the queue does not overflow. What overflow or a lost
///   connection (QoS 0) cost is counted and told by a gap record per topic; see MessageQueue.
/// * Retained state is remembered (latest per topic) and published again after each reconnect, since a broker may have
///   forgotten it. Then the status topic says "online". The broker itself says "offline" when we vanish.
/// * publish() only takes a lock and appends to the queue: it never waits for the network.
///
/// Threads: the publisher thread connects and sends; paho's threads report acknowledgements. Neither calls user code.
class MqttClient final : public MessageSink {
 public:
  /// Starts connecting in the background.
  /// \throws Error{kInvalidConfig} for settings that cannot work; an absent broker is no error.
  explicit MqttClient(MqttSettings settings);

  /// Delivers what is queued if that is possible within `stop_timeout`, says "offline" and disconnects.
  ~MqttClient() override;

  /// The process's connection for this address and client id, made when there is none, so that several elements and the
  /// daemon share one. Settings left at their default accept those in force; without a client id any connection to the
  /// address will do.
  /// \throws Error{kInvalidConfig} naming the setting that contradicts the connection in use.
  static std::shared_ptr<MqttClient> shared(const MqttSettings& settings);

  /// A topic that cannot be published on is counted as dropped and logged.
  void publish(Message message) override;

  bool flush(std::chrono::milliseconds timeout) override;

  [[nodiscard]] SinkStats stats() const override;

  /// Waits until there is a connection, for tools that want to say at once that there is none.
  /// \throws Error{kNotFound} naming the address and the reason after a failed attempt or after `timeout`.
  void connect_now(std::chrono::milliseconds timeout);

  /// Grows while the publisher thread is alive, at least once a second, whether or not there is a broker.
  [[nodiscard]] std::uint64_t heartbeat() const { return heartbeat_.load(std::memory_order_relaxed); }

  [[nodiscard]] const MqttSettings& settings() const { return settings_; }

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  std::unique_ptr<PahoConnection> connect(std::uint64_t generation);
  void serve(PahoConnection& connection);
  void send_until(PahoConnection& connection, Clock::time_point deadline, bool stop_when_empty);
  void say_goodbye(PahoConnection& connection);
  void announce();
  void wait_before_retry(std::chrono::milliseconds backoff);
  void on_lost(std::uint64_t generation, const std::string& reason);
  void on_refused(std::uint64_t generation, std::uint64_t id, const std::string& reason);
  void note_lost(const std::string& reason) FOVEA_REQUIRES(mutex_);
  [[nodiscard]] bool stopping() const;

  const MqttSettings settings_;
  const std::string client_id_;
  const std::string address_;  ///< host:port for messages.
  LogLimiter connect_trouble_{std::chrono::seconds(30)};
  LogLimiter refusals_{std::chrono::seconds(10)};
  LogLimiter bad_topics_;

  mutable Mutex mutex_;
  std::condition_variable changed_;
  MessageQueue queue_ FOVEA_GUARDED_BY(mutex_);
  std::map<std::string, Message> retained_ FOVEA_GUARDED_BY(mutex_);  ///< Latest retained state by topic.
  bool connected_ FOVEA_GUARDED_BY(mutex_) = false;
  bool stopping_ FOVEA_GUARDED_BY(mutex_) = false;
  bool lost_ FOVEA_GUARDED_BY(mutex_) = false;
  bool hurry_ FOVEA_GUARDED_BY(mutex_) = false;  ///< Somebody waits in connect_now(): try at once.
  std::uint64_t generation_ FOVEA_GUARDED_BY(mutex_) = 0;
  std::uint64_t connections_ FOVEA_GUARDED_BY(mutex_) = 0;
  std::uint64_t failed_attempts_ FOVEA_GUARDED_BY(mutex_) = 0;
  std::uint64_t invalid_ FOVEA_GUARDED_BY(mutex_) = 0;  ///< Messages refused before they were queued.
  std::string last_trouble_ FOVEA_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> heartbeat_{0};

  std::jthread publisher_;  ///< Last: it uses everything above.
};

}  // namespace fovea
