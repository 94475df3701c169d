// How a struct of settings is described once and then read, documented and compared.
//
//   struct TlsSettings {
//     bool enabled = false;
//     template <class Visitor>
//     void describe(Visitor& visit) {
//       visit("enabled", enabled, "Encrypt the connection.");
//     }
//     bool operator==(const TlsSettings&) const = default;
//   };
//
// SettingsReader fills it from YAML and complains about keys that are not described; ReferencePrinter (reference.hpp)
// writes docs/config.md from the same description, with the defaults the struct has.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vision/yaml_reader.hpp"

namespace fovea {

/// Least and greatest allowed value of a setting.
template <class T>
struct Range {
  T least;
  T most;
};

/// The names a setting may take, in the order of its enumerators.
using Choices = std::span<const std::string_view>;

/// Reads described settings out of one YAML map. Every function throws Error{kInvalidConfig} with file:line:column.
class SettingsReader {
 public:
  explicit SettingsReader(YamlMap& map) : map_(map) {}

  void operator()(std::string_view key, std::string& field, std::string_view /*help*/) { map_.read(key, field); }
  void operator()(std::string_view key, bool& field, std::string_view /*help*/) { map_.read(key, field); }
  void operator()(std::string_view key, std::vector<std::string>& field, std::string_view /*help*/) {
    map_.read(key, field);
  }
  void operator()(std::string_view key, std::int64_t& field, Range<std::int64_t> range, std::string_view /*help*/) {
    if (const auto value = map_.find(key)) {
      field = value->as_integer(range.least, range.most);
    }
  }
  void operator()(std::string_view key, double& field, Range<double> range, std::string_view /*help*/) {
    map_.read(key, field, range.least, range.most);
  }
  void operator()(std::string_view key, std::chrono::milliseconds& field, Range<std::chrono::milliseconds> range,
                  std::string_view /*help*/) {
    if (const auto value = map_.find(key)) {
      field = std::chrono::duration_cast<std::chrono::milliseconds>(value->as_duration(range.least, range.most));
    }
  }
  template <class Enum>
  void operator()(std::string_view key, Enum& field, Choices names, std::string_view /*help*/) {
    if (const auto value = map_.find(key)) {
      field = static_cast<Enum>(value->as_one_of(names));
    }
  }

  /// A map inside the map, with a description of its own.
  template <class Section>
  void section(std::string_view key, Section& field, std::string_view /*help*/) {
    if (const auto value = map_.find(key)) {
      YamlMap inner = value->as_map("'" + std::string(key) + "'");
      SettingsReader reader(inner);
      field.describe(reader);
      inner.finish();
    }
  }

 private:
  YamlMap& map_;
};

/// Fills `settings` from `value`; unknown keys are refused.
/// \param what  For messages: "a detect stage".
template <class Settings>
void read_settings(const YamlValue& value, std::string_view what, Settings& settings) {
  YamlMap map = value.as_map(what);
  SettingsReader reader(map);
  settings.describe(reader);
  map.finish();
}

}  // namespace fovea
