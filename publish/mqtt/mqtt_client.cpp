// MqttClient: the publisher thread and the rules in the header.
#include "publish/mqtt/mqtt_client.hpp"

#include <unistd.h>

#include <algorithm>
#include <random>
#include <utility>

#include "engine/base/error.hpp"
#include "publish/mqtt/paho_connection.hpp"

namespace fovea {
namespace {

using namespace std::chrono_literals;

/// Messages sent and not yet acknowledged. Enough to fill a round trip to a distant broker at camera rates.
constexpr std::size_t kWindow = 64;
/// Retained topics we remember; a node has a handful per camera.
constexpr std::size_t kMaxRetained = 4096;
/// A connection that lived less does not count as a success for the back-off: two clients with one id throw each other
/// out in a loop that must slow down.
constexpr auto kStableAfter = 5s;
constexpr auto kTick = 500ms;

std::string default_client_id() {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  return fmt::format("fovea-{}-{}", host, ::getpid());
}

/// Between half of `backoff` and all of it, so that a hundred boxes do not return to their broker in one instant.
std::chrono::milliseconds with_jitter(std::chrono::milliseconds backoff) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(backoff.count() / 2, backoff.count())(random));
}

Message status_message(const std::string& topic, const char* status, const std::string& reason) {
  return {.topic = topic,
          .payload = status,
          .qos = 1,
          .retain = true,
          .message_class = MessageClass::kState,
          .content_type = "text/plain",
          .reason = reason};
}

struct Registry {
  Mutex mutex;
  std::map<std::string, std::weak_ptr<MqttClient>> clients FOVEA_GUARDED_BY(mutex);
};

/// The one mutable global: elements of one process find each other's connection through it.
Registry& registry() {
  static Registry instance;
  return instance;
}

}  // namespace

MqttClient::MqttClient(MqttSettings settings)
    : settings_(std::move(settings)),
      client_id_(settings_.client_id.empty() ? default_client_id() : settings_.client_id),
      address_([this] {
        check_mqtt_settings(settings_);
        const MqttAddress address = parse_mqtt_address(settings_.address);
        return fmt::format("{}:{}", address.host, address.port);
      }()),
      queue_(settings_.max_queued_messages, settings_.max_queued_bytes),
      publisher_([this] { run(); }) {}

MqttClient::~MqttClient() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  publisher_.join();
  if (const std::size_t left = stats().queued_messages; left > 0) {
    FOVEA_LOG(kWarning, "mqtt", "{}: {} messages undelivered at the end", address_, left);
  }
}

std::shared_ptr<MqttClient> MqttClient::shared(const MqttSettings& settings) {
  const std::string key = connection_key(settings);
  Registry& all = registry();
  const MutexLock lock(all.mutex);
  std::erase_if(all.clients, [](const auto& entry) { return entry.second.expired(); });
  if (auto found = all.clients[key].lock()) {
    if (const auto name = find_mismatch(found->settings(), settings)) {
      fail(ErrorCode::kInvalidConfig,
           "MQTT connection {}: setting '{}' differs from the one in use; give the same value or another client id",
           key, *name);
    }
    return found;
  }
  if (settings.client_id.empty()) {
    for (const auto& [other_key, weak] : all.clients) {
      auto other = other_key.starts_with(key) ? weak.lock() : nullptr;
      if (other && !find_mismatch(other->settings(), settings)) {
        return other;
      }
    }
  }
  auto made = std::make_shared<MqttClient>(settings);
  all.clients[key] = made;
  return made;
}

void MqttClient::publish(Message message) {
  try {
    check_topic(message.topic);
  } catch (const Error& error) {
    if (const auto times = bad_topics_.admit(); times > 0) {
      FOVEA_LOG(kError, "mqtt", "message dropped ({} times): {}", times, error.what());
    }
    const MutexLock lock(mutex_);
    ++invalid_;
    return;
  }
  {
    const MutexLock lock(mutex_);
    const bool known = retained_.contains(message.topic);
    if (message.retain && message.payload.empty()) {
      retained_.erase(message.topic);  // An empty retained message deletes the topic's state.
    } else if (message.retain && message.message_class == MessageClass::kState && (known || retained_.size() < kMaxRetained)) {
      retained_[message.topic] = message;
    }
    queue_.push(std::move(message), std::chrono::system_clock::now());
  }
  changed_.notify_all();
}

bool MqttClient::flush(std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  MutexLock lock(mutex_);
  while (queue_.messages() > 0) {
    if (!lock.wait_until(changed_, deadline) && Clock::now() >= deadline) {
      return queue_.messages() == 0;
    }
  }
  return true;
}

SinkStats MqttClient::stats() const {
  const MutexLock lock(mutex_);
  return {.published = queue_.published(),
          .dropped = queue_.dropped() + invalid_,
          .reconnects = connections_ > 0 ? connections_ - 1 : 0,
          .queued_messages = queue_.messages(),
          .queued_bytes = queue_.bytes(),
          .connected = connected_};
}

void MqttClient::connect_now(std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  MutexLock lock(mutex_);
  const std::uint64_t failed_before = failed_attempts_;
  hurry_ = true;
  changed_.notify_all();
  while (!connected_) {
    const bool failed = failed_attempts_ > failed_before;
    if (failed || Clock::now() >= deadline) {
      hurry_ = false;
      fail(ErrorCode::kNotFound, "MQTT broker {}: {}", address_, failed ? last_trouble_ : "no connection in time");
    }
    lock.wait_until(changed_, deadline);
  }
}

bool MqttClient::stopping() const {
  const MutexLock lock(mutex_);
  return stopping_;
}

void MqttClient::run() {
  std::chrono::milliseconds backoff = settings_.min_backoff;
  for (std::uint64_t generation = 1; !stopping(); ++generation) {
    heartbeat_.fetch_add(1, std::memory_order_relaxed);
    const std::unique_ptr<PahoConnection> connection = connect(generation);
    const auto connected_at = Clock::now();
    if (connection) {
      serve(*connection);
    }
    if (connection && Clock::now() - connected_at >= kStableAfter) {
      backoff = settings_.min_backoff;
    }
    wait_before_retry(with_jitter(backoff));
    backoff = std::min(backoff * 2, settings_.max_backoff);
  }
}

std::unique_ptr<PahoConnection> MqttClient::connect(std::uint64_t generation) {
  {
    const MutexLock lock(mutex_);
    generation_ = generation;
    lost_ = false;
    hurry_ = false;
  }
  PahoEvents events{.delivered =
                        [this](std::uint64_t id) {
                          // An acknowledgement is true whichever connection it comes through.
                          {
                            const MutexLock lock(mutex_);
                            queue_.acknowledge(id);
                          }
                          changed_.notify_all();
                        },
                    .refused = [this, generation](std::uint64_t id,
                                                  const std::string& reason) { on_refused(generation, id, reason); },
                    .lost = [this, generation](const std::string& reason) { on_lost(generation, reason); }};
  std::string trouble;
  try {
    auto connection = std::make_unique<PahoConnection>(settings_, client_id_, std::move(events), [this] {
      heartbeat_.fetch_add(1, std::memory_order_relaxed);
      return stopping();
    });
    FOVEA_LOG(kInfo, "mqtt", "{}: connected as '{}'", address_, client_id_);
    return connection;
  } catch (const Error& error) {
    trouble = error.what();
  }
  {
    const MutexLock lock(mutex_);
    last_trouble_ = trouble;
    ++failed_attempts_;
  }
  changed_.notify_all();
  if (const auto times = connect_trouble_.admit(); times > 0 && !stopping()) {
    FOVEA_LOG(kWarning, "mqtt", "{}: no connection ({} attempts): {}", address_, times, trouble);
  }
  return nullptr;
}

void MqttClient::on_lost(std::uint64_t generation, const std::string& reason) {
  {
    const MutexLock lock(mutex_);
    if (generation != generation_) {
      return;  // A connection that was replaced already.
    }
    note_lost(reason);
  }
  changed_.notify_all();
}

void MqttClient::note_lost(const std::string& reason) {
  if (!lost_) {
    last_trouble_ = reason;
  }
  lost_ = true;
}

void MqttClient::on_refused(std::uint64_t generation, std::uint64_t id, const std::string& reason) {
  {
    const MutexLock lock(mutex_);
    if (generation != generation_) {
      return;
    }
    queue_.refuse(id);
  }
  changed_.notify_all();
  if (const auto times = refusals_.admit(); times > 0) {
    FOVEA_LOG(kError, "mqtt", "{}: the broker refuses messages ({} so far): {}", address_, times, reason);
  }
}

void MqttClient::announce() {
  const auto now = std::chrono::system_clock::now();
  const MutexLock lock(mutex_);
  for (const auto& [topic, message] : retained_) {
    queue_.push(message, now);  // Latest wins: replaces the one that may be waiting already.
  }
  if (!settings_.status_topic.empty()) {
    queue_.push(status_message(settings_.status_topic, kStatusOnline, ""), now);
  }
  connected_ = true;
  ++connections_;
}

void MqttClient::serve(PahoConnection& connection) {
  announce();
  changed_.notify_all();
  send_until(connection, Clock::time_point::max(), false);
  if (stopping()) {
    say_goodbye(connection);
  }
  std::string reason;
  std::size_t waiting = 0;
  {
    const MutexLock lock(mutex_);
    queue_.connection_lost();
    connected_ = false;
    reason = last_trouble_;
    waiting = queue_.messages();
  }
  changed_.notify_all();
  if (!stopping()) {
    FOVEA_LOG(kWarning, "mqtt", "{}: connection lost: {}; {} messages wait", address_, reason, waiting);
  }
}

void MqttClient::send_until(PahoConnection& connection, Clock::time_point deadline, bool stop_when_empty) {
  while (connection.is_connected()) {
    MessageQueue::Entry entry;
    {
      MutexLock lock(mutex_);
      const bool ends = stop_when_empty ? queue_.messages() == 0 : stopping_;
      if (lost_ || ends || Clock::now() >= deadline) {
        return;
      }
      if (queue_.in_flight() < kWindow) {
        entry = queue_.take();
      }
      if (!entry.message) {
        heartbeat_.fetch_add(1, std::memory_order_relaxed);
        lock.wait_until(changed_, std::min(deadline, Clock::now() + kTick));
        continue;
      }
    }
    heartbeat_.fetch_add(1, std::memory_order_relaxed);
    try {
      connection.send(entry.id, *entry.message);
    } catch (const Error& error) {
      const MutexLock lock(mutex_);
      note_lost(error.what());
      return;
    }
  }
  // Paho knows of the loss before it tells the reason; the reason is worth a moment.
  const auto told_by = Clock::now() + 100ms;
  MutexLock lock(mutex_);
  while (!lost_ && lock.wait_until(changed_, told_by)) {
  }
  note_lost("connection closed");
}

void MqttClient::say_goodbye(PahoConnection& connection) {
  const auto start = Clock::now();
  send_until(connection, start + settings_.stop_timeout / 2, true);
  if (!settings_.status_topic.empty()) {
    {
      const MutexLock lock(mutex_);
      queue_.push(status_message(settings_.status_topic, kStatusOffline, "stopped"), std::chrono::system_clock::now());
    }
    send_until(connection, start + settings_.stop_timeout, true);
  }
  connection.disconnect(500ms);
}

void MqttClient::wait_before_retry(std::chrono::milliseconds backoff) {
  const auto deadline = Clock::now() + backoff;
  MutexLock lock(mutex_);
  while (!stopping_ && !hurry_ && Clock::now() < deadline) {
    heartbeat_.fetch_add(1, std::memory_order_relaxed);
    lock.wait_until(changed_, std::min(deadline, Clock::now() + kTick));
  }
}

}  // namespace fovea
