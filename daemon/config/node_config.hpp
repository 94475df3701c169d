// NodeConfig: /etc/fovea/fovea.yaml, what one box is called and where it publishes.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/config/settings.hpp"
#include "publish/mqtt/mqtt_settings.hpp"

namespace fovea {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

struct TlsConfig {
  bool enabled = false;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  bool verify = true;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("enabled", enabled, "Encrypt the connection. An address that starts with mqtts:// does the same.");
    visit("ca-file", ca_file, "Certificates to trust, PEM. Empty: those of the system.");
    visit("cert-file", cert_file, "Our own certificate, PEM, for brokers that ask for one.");
    visit("key-file", key_file, "The key of cert-file, PEM.");
    visit("verify", verify, "Check the broker's certificate and host name.");
  }
  bool operator==(const TlsConfig&) const = default;
};

struct MqttConfig {
  bool enabled = true;
  std::string address = "127.0.0.1:1883";
  std::string client_id;
  std::string username;
  std::string password;
  std::string password_file;
  std::string base = "fovea";
  TlsConfig tls;
  std::chrono::milliseconds keep_alive = 15s;
  std::int64_t max_queued_messages = 10000;
  std::int64_t max_queued_bytes = 64 << 20;
  std::chrono::milliseconds min_backoff = 500ms;
  std::chrono::milliseconds max_backoff = 30s;

  template <class Visitor>
  void describe(Visitor& visit) {
    visit("enabled", enabled, "false: nothing is published over MQTT, whatever pipelines say.");
    visit("address", address, "host:port, mqtt://host:port or mqtts://host:port. IPv6 addresses in brackets.");
    visit("client-id", client_id, "Unique at the broker. Empty: fovea-<node>.");
    visit("username", username, "User name at the broker. Empty: none.");
    visit("password", password, "Better in password-file: this file is readable by more people.");
    visit("password-file", password_file,
          "File with the password, read anew for every connection. Empty: the systemd credential 'mqtt-password', if "
          "there is one.");
    visit("base", base, "First level of all topics.");
    visit.section("tls", tls, "Encryption.");
    visit("keep-alive", keep_alive, {1s, 1h}, "A silent broker counts as lost after one and a half of this.");
    visit("max-queued-messages", max_queued_messages, {1, 1000000},
          "Held while the broker is absent or slow. Beyond, the oldest of the least important go and are reported.");
    visit("max-queued-bytes", max_queued_bytes, {1024, std::int64_t{1} << 32}, "The same bound in bytes.");
    visit("min-backoff", min_backoff, {10ms, 1h}, "Between attempts to connect; doubles up to max-backoff.");
    visit("max-backoff", max_backoff, {10ms, 1h}, "Longest time between attempts to connect.");
  }
  bool operator==(const MqttConfig&) const = default;
};

struct NodeConfig {
  std::string node;
  std::vector<std::string> models = {"/var/lib/fovea/models", "/usr/share/fovea/models"};
  std::string pipelines = "pipelines";
  std::string cache_dir;
  std::int64_t cache_size_mb = 1024;
  std::string log = "info";
  std::chrono::milliseconds stats_interval = 10s;
  MqttConfig mqtt;

  /// `version` is read before the rest and not described here.
  template <class Visitor>
  void describe(Visitor& visit) {
    visit("node", node, "Name of this box, second level of all topics. Empty: the host name.");
    visit("models", models, "Directories in which models given by name are looked for, in this order.");
    visit("pipelines", pipelines, "Directory whose *.yaml files are run; relative to this file.");
    visit(
        "cache-dir", cache_dir,
        "Directory where compiled models are kept for the next start. Empty: models in the service's cache directory, "
        "if systemd gives one; none: nowhere.");
    visit("cache-size-mb", cache_size_mb, {0, 65536}, "What it may hold; models used longest ago are removed.");
    visit("log", log, "Levels as in the environment variable FOVEA_LOG, which goes first: 'info,mqtt:debug'.");
    visit("stats-interval", stats_interval, {100ms, 24h}, "Between messages on <base>/<node>/stats.");
    visit.section("mqtt", mqtt, "The broker.");
  }
  bool operator==(const NodeConfig&) const = default;

  /// What the MQTT client needs, status topic included.
  [[nodiscard]] MqttSettings mqtt_settings() const;

  /// What the two cache settings are for the engine: "CACHE_DIR=…,CACHE_SIZE_MB=…"; empty without a directory.
  [[nodiscard]] std::string cache_properties() const;

  /// "<base>/<node>".
  [[nodiscard]] std::string topic_root() const { return mqtt.base + "/" + node; }
};

/// Reads and checks the file; `node` and relative paths are filled in.
/// \throws Error{kNotFound}, Error{kInvalidConfig} "file:line:column: …".
NodeConfig read_node_config(const std::filesystem::path& path);

/// The configuration without a file: all defaults, pipelines given on the command line.
NodeConfig default_node_config();

/// \throws Error{kInvalidConfig} for a `version` other than 1. Reads it from the map of a document's root.
void check_version(YamlMap& root);

/// A name that can be one level of a topic: letters, digits and "-_." after the first, at most 64 bytes.
bool is_plain_name(std::string_view name);

}  // namespace fovea
