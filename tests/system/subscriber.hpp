// A durable MQTT 5 subscriber written with paho alone, so that it shares no code with what it observes.
#pragma once

#include <mqtt/async_client.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace fovea::testing {

struct Received {
  std::string topic;
  std::string payload;
  bool retained = false;
  std::string schema;  ///< User property of that name.
  std::string reason;  ///< User property of that name.
  std::string content_type;
};

/// Keeps its session at the broker and reconnects by itself; every message once it is there.
class Subscriber {
 public:
  Subscriber(const std::string& address, const std::string& client_id, const std::string& filter,
             const std::string& user = "", const std::string& password = "")
      : client_("tcp://" + address, client_id, mqtt::create_options_builder().mqtt_version(MQTTVERSION_5).finalize(),
                nullptr),
        filter_(filter) {
    client_.set_message_callback([this](const mqtt::const_message_ptr& message) { on_message(*message); });
    mqtt::connect_options_builder options;
    options.mqtt_version(MQTTVERSION_5)
        .clean_start(false)
        .properties({{mqtt::property::SESSION_EXPIRY_INTERVAL, 3600}})
        .automatic_reconnect(std::chrono::seconds(1), std::chrono::seconds(2));
    if (!user.empty()) {
      options.user_name(user).password(password);
    }
    client_.connect(options.finalize())->wait();
    client_.subscribe(filter_, 1)->wait();
  }

  ~Subscriber() {
    try {
      client_.disconnect(500)->wait_for(std::chrono::seconds(2));
    } catch (const mqtt::exception&) {
      // Already gone with its broker.
    }
  }

  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  /// Waits until `condition` holds for what came so far. \return false after `timeout`.
  bool wait_for(const std::function<bool(const std::vector<Received>&)>& condition,
                std::chrono::seconds timeout = std::chrono::seconds(30)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return condition(messages_); });
  }

  std::vector<Received> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  void on_message(const mqtt::message& message) {
    Received received{message.get_topic(), message.to_string(), message.is_retained(), {}, {}, {}};
    const mqtt::properties& properties = message.get_properties();
    for (std::size_t i = 0; i < properties.count(mqtt::property::USER_PROPERTY); ++i) {
      const auto [name, value] = mqtt::get<mqtt::string_pair>(properties, mqtt::property::USER_PROPERTY, i);
      if (name == "schema") {
        received.schema = value;
      } else if (name == "reason") {
        received.reason = value;
      }
    }
    if (properties.contains(mqtt::property::CONTENT_TYPE)) {
      received.content_type = mqtt::get<std::string>(properties, mqtt::property::CONTENT_TYPE);
    }
    {
      const std::lock_guard lock(mutex_);
      messages_.push_back(std::move(received));
    }
    changed_.notify_all();
  }

  mqtt::async_client client_;
  std::string filter_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Received> messages_;
};

}  // namespace fovea::testing
