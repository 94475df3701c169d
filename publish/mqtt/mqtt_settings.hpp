// Settings of a broker connection and what can be said about them without a broker.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fovea {

struct MqttTls {
  bool enabled = false;
  std::string ca_file;    ///< Certificates to trust; empty: the system's.
  std::string cert_file;  ///< Our own certificate, with `key_file`; empty: none.
  std::string key_file;
  bool verify = true;  ///< Check the broker's certificate and host name.
  bool operator==(const MqttTls&) const = default;
};

/// How to reach a broker and how much to hold for it. An empty or default value in a later request for a shared
/// connection means "as it is"; see MqttClient::shared().
struct MqttSettings {
  std::string address = "127.0.0.1:1883";  ///< host:port, or mqtt://host[:port], mqtts://host[:port] (TLS).
  std::string client_id;                   ///< Unique at the broker; empty: made of host name and process id.
  std::string username;
  std::string password;
  std::string password_file;  ///< Read anew for every connection; its trailing line end is removed.
  MqttTls tls;
  std::string status_topic;  ///< Retained online/offline; the broker says offline when we die. Empty: none.
  std::chrono::seconds keep_alive{15};
  std::size_t max_queued_messages = 10000;  ///< While the broker is absent or slow; then the least important go.
  std::size_t max_queued_bytes = 64U << 20U;
  std::chrono::milliseconds min_backoff{500};  ///< Between attempts to connect; doubles up to the next one.
  std::chrono::milliseconds max_backoff{30000};
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds stop_timeout{3000};  ///< To deliver what is queued when the client is destroyed.
  bool operator==(const MqttSettings&) const = default;
};

struct MqttAddress {
  std::string host;  ///< IPv6 addresses in brackets.
  std::uint16_t port = 1883;
  bool tls = false;
  bool operator==(const MqttAddress&) const = default;
};

/// \throws Error{kInvalidConfig} naming the text and what was expected.
MqttAddress parse_mqtt_address(std::string_view text);

/// \throws Error{kInvalidConfig} naming the setting that cannot work.
void check_mqtt_settings(const MqttSettings& settings);

/// \throws Error{kInvalidConfig} when messages cannot be published on `topic`: empty, wildcards, control characters,
/// not UTF-8 length 1..65535.
void check_topic(std::string_view topic);

/// What makes a connection the same connection: address and client id.
std::string connection_key(const MqttSettings& settings);

/// Name of a setting that `wanted` sets to something else than `in_force`; nothing when `wanted` can share it.
std::optional<std::string_view> find_mismatch(const MqttSettings& in_force, const MqttSettings& wanted);

/// The password for the next connection, from `password` or `password_file`.
/// \throws Error{kNotFound} naming the file when it cannot be read.
std::string read_password(const MqttSettings& settings);

}  // namespace fovea
