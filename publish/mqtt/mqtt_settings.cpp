// Checks and comparisons of broker settings.
#include "publish/mqtt/mqtt_settings.hpp"

#include <fstream>
#include <iterator>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"

namespace fovea {
namespace {

constexpr std::size_t kMaxPasswordBytes = 65535;  // MQTT 5, section 1.5.6: binary data has a two-byte length.
constexpr std::size_t kMaxTopicBytes = 65535;

struct Scheme {
  std::string_view prefix;
  bool tls;
};
constexpr Scheme kSchemes[] = {{"mqtt://", false}, {"tcp://", false}, {"mqtts://", true}, {"ssl://", true}};

}  // namespace

MqttAddress parse_mqtt_address(std::string_view text) {
  MqttAddress address;
  std::string_view rest = text;
  for (const Scheme& scheme : kSchemes) {
    if (text.starts_with(scheme.prefix)) {
      rest = text.substr(scheme.prefix.size());
      address.tls = scheme.tls;
    }
  }
  address.port = address.tls ? 8883 : 1883;
  const auto bracket = rest.rfind(']');
  const auto colon = rest.rfind(':');
  const bool has_port = colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  address.host = rest.substr(0, has_port ? colon : rest.size());
  const bool good_host = !address.host.empty() && address.host.find_first_of("/@ \t\r\n") == std::string::npos &&
                         (address.host.front() == '[') == (address.host.back() == ']') &&
                         (address.host.front() == '[' || address.host.find(':') == std::string::npos);
  if (has_port) {
    const auto port = parse_int(rest.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) {
      fail(ErrorCode::kInvalidConfig, "broker address '{}': expected a port from 1 to 65535 after the last ':'", text);
    }
    address.port = static_cast<std::uint16_t>(*port);
  }
  if (!good_host) {
    fail(ErrorCode::kInvalidConfig,
         "broker address: expected host:port, mqtt://host:port or mqtts://host:port, IPv6 addresses in brackets; user "
         "name and password have settings of their own");
  }
  return address;
}

void check_mqtt_settings(const MqttSettings& settings) {
  parse_mqtt_address(settings.address);
  const auto require = [](bool good, std::string_view name, std::string_view expected) {
    if (!good) {
      fail(ErrorCode::kInvalidConfig, "broker setting '{}': expected {}", name, expected);
    }
  };
  require(settings.password.empty() || settings.password_file.empty(), "password-file", "no 'password' beside it");
  require(!settings.username.empty() || (settings.password.empty() && settings.password_file.empty()), "username",
          "a name when there is a password");
  require(settings.tls.cert_file.empty() == settings.tls.key_file.empty(), "tls.key-file",
          "certificate and key together");
  require(settings.max_queued_messages >= 1, "max-queued-messages", "at least 1");
  require(settings.max_queued_bytes >= 1024, "max-queued-bytes", "at least 1024");
  require(settings.keep_alive.count() >= 1 && settings.keep_alive.count() <= 65535, "keep-alive", "1 s to 65535 s");
  require(settings.min_backoff.count() >= 1 && settings.min_backoff <= settings.max_backoff, "min-backoff",
          "a time of at least 1 ms that is not above max-backoff");
  if (!settings.status_topic.empty()) {
    check_topic(settings.status_topic);
  }
}

void check_topic(std::string_view topic) {
  if (topic.empty() || topic.size() > kMaxTopicBytes) {
    fail(ErrorCode::kInvalidConfig, "MQTT topic of {} bytes: expected 1 to {}", topic.size(), kMaxTopicBytes);
  }
  for (const char character : topic) {
    if (character == '+' || character == '#' || static_cast<unsigned char>(character) < 0x20) {
      fail(ErrorCode::kInvalidConfig, "MQTT topic '{}': '+', '#' and control characters are not allowed in it", topic);
    }
  }
}

std::string connection_key(const MqttSettings& settings) {
  const MqttAddress address = parse_mqtt_address(settings.address);
  return fmt::format("{}:{}/{}", address.host, address.port, settings.client_id);
}

std::optional<std::string_view> find_mismatch(const MqttSettings& in_force, const MqttSettings& wanted) {
  const MqttSettings defaults;
  const auto differs = [&](auto MqttSettings::*field) {
    return wanted.*field != defaults.*field && wanted.*field != in_force.*field;
  };
  const bool wants_tls = wanted.tls.enabled || parse_mqtt_address(wanted.address).tls;
  const bool has_tls = in_force.tls.enabled || parse_mqtt_address(in_force.address).tls;
  if (wants_tls && !has_tls) {
    return "tls";
  }
  const auto tls_differs = [&](auto MqttTls::*field) {
    return wanted.tls.*field != defaults.tls.*field && wanted.tls.*field != in_force.tls.*field;
  };
  const std::pair<bool, std::string_view> checks[] = {
      {differs(&MqttSettings::username), "username"},
      {differs(&MqttSettings::password), "password"},
      {differs(&MqttSettings::password_file), "password-file"},
      {tls_differs(&MqttTls::ca_file), "tls.ca-file"},
      {tls_differs(&MqttTls::cert_file), "tls.cert-file"},
      {tls_differs(&MqttTls::key_file), "tls.key-file"},
      {tls_differs(&MqttTls::verify), "tls.verify"},
      {differs(&MqttSettings::status_topic), "status-topic"},
      {differs(&MqttSettings::keep_alive), "keep-alive"},
      {differs(&MqttSettings::max_queued_messages), "max-queued-messages"},
      {differs(&MqttSettings::max_queued_bytes), "max-queued-bytes"},
      {differs(&MqttSettings::min_backoff), "min-backoff"},
      {differs(&MqttSettings::max_backoff), "max-backoff"},
      {differs(&MqttSettings::connect_timeout), "connect-timeout"},
      {differs(&MqttSettings::stop_timeout), "stop-timeout"},
  };
  for (const auto& [different, name] : checks) {
    if (different) {
      return name;
    }
  }
  return std::nullopt;
}

std::string read_password(const MqttSettings& settings) {
  if (settings.password_file.empty()) {
    return settings.password;
  }
  std::ifstream file(settings.password_file, std::ios::binary);
  std::string password(kMaxPasswordBytes, '\0');
  file.read(password.data(), static_cast<std::streamsize>(password.size()));
  if (!file.eof() || file.bad()) {
    fail(ErrorCode::kNotFound, "password file '{}': cannot be read, or longer than {} bytes", settings.password_file,
         kMaxPasswordBytes);
  }
  password.resize(static_cast<std::size_t>(file.gcount()));
  while (!password.empty() && (password.back() == '\n' || password.back() == '\r')) {
    password.pop_back();
  }
  return password;
}

}  // namespace fovea
