// The only file that includes paho.
#include "publish/mqtt/paho_connection.hpp"

#include <mqtt/async_client.h>

#include <thread>

#include "engine/base/error.hpp"

namespace fovea {
namespace {

constexpr int kPahoBuffer = 256;  ///< Above MqttClient's window, which is the bound that matters.
constexpr auto kGrace = std::chrono::milliseconds(100);
constexpr int kFirstErrorReason = 0x80;  // MQTT 5, section 2.4: reason codes from here on mean failure.

mqtt::create_options create_options() {
  return mqtt::create_options_builder().mqtt_version(MQTTVERSION_5).max_buffered_messages(kPahoBuffer).finalize();
}

std::string server_uri(const MqttSettings& settings) {
  const MqttAddress address = parse_mqtt_address(settings.address);
  return fmt::format("{}://{}:{}", address.tls || settings.tls.enabled ? "ssl" : "tcp", address.host, address.port);
}

mqtt::ssl_options ssl_options(const MqttTls& tls) {
  mqtt::ssl_options options;
  if (tls.ca_file.empty()) {
    options.ca_path("/etc/ssl/certs");
  } else {
    options.set_trust_store(tls.ca_file);
  }
  if (!tls.cert_file.empty()) {
    options.set_key_store(tls.cert_file);
    options.set_private_key(tls.key_file);
  }
  options.set_ssl_version(MQTT_SSL_VERSION_TLS_1_2);
  options.set_enable_server_cert_auth(tls.verify);
  options.set_verify(tls.verify);  // Host name check.
  return options;
}

mqtt::connect_options connect_options(const MqttSettings& settings) {
  mqtt::connect_options_builder builder;
  builder.mqtt_version(MQTTVERSION_5)
      .clean_start(true)  // What is unacknowledged is kept by MessageQueue, not by the broker's session.
      .automatic_reconnect(false)
      .keep_alive_interval(settings.keep_alive)
      .connect_timeout(std::chrono::duration_cast<std::chrono::seconds>(settings.connect_timeout) +
                       std::chrono::seconds(1));
  if (!settings.username.empty()) {
    builder.user_name(settings.username).password(read_password(settings));
  }
  if (!settings.status_topic.empty()) {
    mqtt::properties properties{{mqtt::property::USER_PROPERTY, "reason", "lost"}};
    builder.will(mqtt::message(settings.status_topic, kStatusOffline, 1, true, properties));
  }
  if (settings.tls.enabled || parse_mqtt_address(settings.address).tls) {
    builder.ssl(ssl_options(settings.tls));
  }
  return builder.finalize();
}

mqtt::properties message_properties(const Message& message) {
  mqtt::properties properties;
  properties.add({mqtt::property::CONTENT_TYPE, message.content_type});
  if (message.content_type == "application/json") {
    properties.add({mqtt::property::PAYLOAD_FORMAT_INDICATOR, 1});  // UTF-8.
  }
  if (message.expiry.count() > 0) {
    properties.add({mqtt::property::MESSAGE_EXPIRY_INTERVAL, static_cast<std::int32_t>(message.expiry.count())});
  }
  if (!message.schema.empty()) {
    properties.add({mqtt::property::USER_PROPERTY, "schema", message.schema});
  }
  if (!message.reason.empty()) {
    properties.add({mqtt::property::USER_PROPERTY, "reason", message.reason});
  }
  return properties;
}

std::string reason_text(const mqtt::token& token) {
  const std::string reason = mqtt::exception::reason_code_str(token.get_reason_code());
  const std::string error = mqtt::exception::error_str(token.get_return_code());
  return token.get_reason_code() >= kFirstErrorReason ? reason : error;
}

}  // namespace

class PahoConnection::Impl : public mqtt::iaction_listener {
 public:
  Impl(const MqttSettings& settings, const std::string& client_id, PahoEvents events)
      : events_(std::move(events)), client_(server_uri(settings), client_id, create_options()) {
    client_.set_connection_lost_handler(
        [this](const std::string& cause) { events_.lost(cause.empty() ? "connection closed" : cause); });
    client_.set_disconnected_handler([this](const mqtt::properties&, mqtt::ReasonCode reason) {
      events_.lost("the broker closed it: " + mqtt::exception::reason_code_str(reason));
    });
  }

  /// Paho's threads signal a token or a loss first and touch the client once more on their way out.
  ~Impl() override { std::this_thread::sleep_for(kGrace); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void on_success(const mqtt::token& token) override { events_.delivered(id_of(token)); }

  void on_failure(const mqtt::token& token) override {
    if (token.get_reason_code() >= kFirstErrorReason) {
      events_.refused(id_of(token), reason_text(token));
    } else {
      events_.lost(reason_text(token));
    }
  }

  mqtt::async_client& client() { return client_; }

 private:
  static std::uint64_t id_of(const mqtt::token& token) {
    return reinterpret_cast<std::uintptr_t>(token.get_user_context());
  }

  PahoEvents events_;
  mqtt::async_client client_;
};

PahoConnection::PahoConnection(const MqttSettings& settings, const std::string& client_id, PahoEvents events,
                               const std::function<bool()>& cancelled) {
  try {
    impl_ = std::make_unique<Impl>(settings, client_id, std::move(events));
    const mqtt::token_ptr token = impl_->client().connect(connect_options(settings));
    const auto deadline = std::chrono::steady_clock::now() + settings.connect_timeout;
    while (!token->wait_for(std::chrono::milliseconds(50))) {
      if (cancelled()) {
        fail(ErrorCode::kCancelled, "connection attempt given up");
      }
      if (std::chrono::steady_clock::now() >= deadline) {
        fail(ErrorCode::kDevice, "no answer within {} ms", settings.connect_timeout.count());
      }
    }
  } catch (const mqtt::exception& exception) {
    // Paho puts the reason code of a refused CONNECT into the return code.
    const int code = std::max(exception.get_return_code(), exception.get_reason_code());
    if (code >= kFirstErrorReason) {
      fail(ErrorCode::kDevice, "the broker refuses the connection: {}", mqtt::exception::reason_code_str(code));
    }
    const std::string message = exception.get_message();
    fail(ErrorCode::kDevice, "{}", message.empty() ? exception.what() : message);
  }
}

PahoConnection::~PahoConnection() = default;

void PahoConnection::send(std::uint64_t id, const Message& message) {
  try {
    const auto outgoing = mqtt::message::create(message.topic, message.payload, message.qos > 0 ? 1 : 0, message.retain,
                                                message_properties(message));
    impl_->client().publish(outgoing, reinterpret_cast<void*>(static_cast<std::uintptr_t>(id)), *impl_);
  } catch (const mqtt::exception& exception) {
    fail(ErrorCode::kDevice, "{}", exception.what());
  }
}

bool PahoConnection::is_connected() const { return impl_->client().is_connected(); }

void PahoConnection::disconnect(std::chrono::milliseconds timeout) noexcept {
  try {
    impl_->client().disconnect(static_cast<int>(timeout.count()))->wait_for(timeout);
  } catch (const mqtt::exception&) {
    // It is gone already; that is what was wanted.
  }
}

}  // namespace fovea
