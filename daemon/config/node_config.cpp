// Reading of fovea.yaml.
#include "daemon/config/node_config.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "engine/base/error.hpp"

namespace fovea {
namespace {

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  std::string host(name);
  host = host.substr(0, host.find('.'));
  return is_plain_name(host) ? host : "node";
}

/// The file systemd puts a credential into, if the unit has one of that name.
std::string credential_file(const char* credential) {
  const char* directory = std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): at start only
  if (directory == nullptr) {
    return "";
  }
  const std::filesystem::path path = std::filesystem::path(directory) / credential;
  return std::filesystem::exists(path) ? path.string() : "";
}

/// The directory systemd gives the unit for what can be made anew, or "".
std::string service_cache() {
  const char* directories = std::getenv("CACHE_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): at start only
  const std::string_view first = directories == nullptr ? "" : directories;
  return first.empty() ? "" : std::string(first.substr(0, first.find(':'))) + "/models";
}

/// A setting of the cache's directory as a path; "none" becomes "".
std::string cache_directory(const std::string& setting) {
  return setting == "none" ? "" : setting.empty() ? service_cache() : setting;
}

void make_absolute(std::string& path, const std::filesystem::path& directory) {
  if (!path.empty()) {
    path = (directory / path).lexically_normal().string();
  }
}

/// The checks that concern several settings at once, placed at the key that is wrong.
void check(const NodeConfig& config, const YamlDocument& document) {
  YamlMap root = document.root().as_map("a node configuration");
  const auto complain = [&](const std::string& message, std::string_view section, std::string_view key) {
    YamlValue place = document.root();
    if (const auto found = root.find(section)) {
      place = *found;
      if (!key.empty()) {
        YamlMap inner = found->as_map(section);
        place = inner.find(key).value_or(place);
      }
    }
    place.complain(message);
  };
  if (!is_plain_name(config.node)) {
    complain("'node' is one level of a topic: expected letters, digits, '-', '_' and '.', at most 64", "node", "");
  }
  if (config.cache_dir.find(',') != std::string::npos) {
    complain("'cache-dir' holds a comma, which separates the engine's properties", "cache-dir", "");
  }
  try {
    check_mqtt_settings(config.mqtt_settings());
  } catch (const Error& error) {
    complain(error.what(), "mqtt", std::string_view(error.what()).starts_with("broker address") ? "address" : "");
  }
}

}  // namespace

bool is_plain_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), plain);
}

void check_version(YamlMap& root) {
  const YamlValue version = root.require("version");
  if (version.as_integer(0, 1000000) != 1) {
    version.complain("this version of Fovea reads version 1");
  }
}

MqttSettings NodeConfig::mqtt_settings() const {
  MqttSettings settings;
  settings.address = mqtt.address;
  settings.client_id = mqtt.client_id.empty() ? "fovea-" + node : mqtt.client_id;
  settings.username = mqtt.username;
  settings.password = mqtt.password;
  settings.password_file = mqtt.password_file;
  settings.tls = {mqtt.tls.enabled, mqtt.tls.ca_file, mqtt.tls.cert_file, mqtt.tls.key_file, mqtt.tls.verify};
  settings.status_topic = topic_root() + "/status";
  settings.keep_alive = std::chrono::duration_cast<std::chrono::seconds>(mqtt.keep_alive);
  settings.max_queued_messages = static_cast<std::size_t>(mqtt.max_queued_messages);
  settings.max_queued_bytes = static_cast<std::size_t>(mqtt.max_queued_bytes);
  settings.min_backoff = mqtt.min_backoff;
  settings.max_backoff = mqtt.max_backoff;
  return settings;
}

std::string NodeConfig::cache_properties() const {
  return cache_dir.empty() ? "" : fmt::format("CACHE_DIR={},CACHE_SIZE_MB={}", cache_dir, cache_size_mb);
}

NodeConfig default_node_config() {
  NodeConfig config;
  config.node = host_name();
  config.cache_dir = cache_directory(config.cache_dir);
  return config;
}

NodeConfig read_node_config(const std::filesystem::path& path) {
  const YamlDocument document = YamlDocument::read(path);
  NodeConfig config;
  YamlMap root = document.root().as_map("a node configuration");
  check_version(root);
  SettingsReader reader(root);
  config.describe(reader);
  root.finish();

  const std::filesystem::path directory = std::filesystem::absolute(path).parent_path();
  if (config.node.empty()) {
    config.node = host_name();
  }
  if (!config.mqtt.username.empty() && config.mqtt.password.empty() && config.mqtt.password_file.empty()) {
    config.mqtt.password_file = credential_file("mqtt-password");
  }
  for (std::string* file : {&config.pipelines, &config.mqtt.password_file, &config.mqtt.tls.ca_file,
                            &config.mqtt.tls.cert_file, &config.mqtt.tls.key_file}) {
    make_absolute(*file, directory);
  }
  for (std::string& models : config.models) {
    make_absolute(models, directory);
  }
  config.cache_dir = cache_directory(config.cache_dir);
  make_absolute(config.cache_dir, directory);
  check(config, document);
  return config;
}

}  // namespace fovea
