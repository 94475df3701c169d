#include "engine/runtime/properties.hpp"

#include <algorithm>
#include <array>

#include "engine/base/text.hpp"

namespace fovea {
namespace {

constexpr std::string_view kCount = "integer ≥ 0";
constexpr std::string_view kFolder = "path of a folder, or nothing";
constexpr std::string_view kPositive = "integer from 1 to 1024";

constexpr std::array kProperties = {
    PropertyDef{"PERFORMANCE_HINT", "THROUGHPUT",
                "LATENCY: one request at a time on all cores; THROUGHPUT: one request a core", "LATENCY|THROUGHPUT"},
    PropertyDef{"NUM_STREAMS", "0", "Requests that run at the same time; 0: as the hint says", kCount},
    PropertyDef{"INFERENCE_NUM_THREADS", "0", "Cores for all requests together; 0: all this process may use", kCount},
    PropertyDef{"PERFORMANCE_HINT_NUM_REQUESTS", "0", "Upper limit of requests the application will use; 0: no limit",
                kCount},
    PropertyDef{"INFERENCE_PRECISION_HINT", "auto",
                "Arithmetic of floating-point models; bf16 where the device has it, else f32; auto: as "
                "EXECUTION_MODE_HINT says",
                "auto|f32|bf16"},
    PropertyDef{"EXECUTION_MODE_HINT", "ACCURACY", "PERFORMANCE: the device may use bf16 where it has it",
                "ACCURACY|PERFORMANCE"},
    PropertyDef{"SHAPE_CACHE_SIZE", "8", "Compiled variants kept for models with open input shapes, one a shape",
                kPositive},
    PropertyDef{"CACHE_DIR", "", "Folder where compiled models are kept for the next start; empty: they are not",
                kFolder},
    PropertyDef{"CACHE_SIZE_MB", "1024", "What CACHE_DIR may hold; models used longest ago are removed", kCount},
    PropertyDef{"PERF_COUNT", "NO", "Measure each step of each run", "YES|NO"},
};

bool allowed(const PropertyDef& def, std::string_view value) {
  if (def.allowed == kPositive) {
    const auto number = parse_int(value);
    return number && *number >= 1 && *number <= 1024;
  }
  if (def.allowed == kFolder) {
    return true;
  }
  if (def.allowed == kCount) {
    const auto number = parse_int(value);
    return number && *number >= 0 && *number <= 65536;
  }
  const std::vector<std::string> choices = split(def.allowed, '|');
  return std::ranges::find(choices, value) != choices.end();
}

}  // namespace

std::span<const PropertyDef> all_properties() { return kProperties; }

Properties complete_properties(const Properties& properties) {
  Properties complete;
  std::vector<std::string_view> names;
  for (const PropertyDef& def : kProperties) {
    complete.emplace(def.name, def.default_value);
    names.push_back(def.name);
  }
  for (const auto& [name, value] : properties) {
    const auto* const def = std::ranges::find(kProperties, name, &PropertyDef::name);
    if (def == kProperties.end()) {
      fail(ErrorCode::kInvalidArgument, "unknown property '{}'{}", name, did_you_mean(name, names));
    }
    if (!allowed(*def, value)) {
      fail(ErrorCode::kInvalidArgument, "property {} is '{}', expected {}", name, value, def->allowed);
    }
    complete[name] = value;
  }
  return complete;
}

Properties parse_properties(std::string_view text) {
  Properties properties;
  for (const std::string& part : split(text, ',')) {
    const auto equals = part.find('=');
    if (equals == std::string::npos || equals == 0) {
      fail(ErrorCode::kInvalidArgument, "'{}' in '{}' is not KEY=VALUE", part, text);
    }
    properties[std::string(trim(std::string_view(part).substr(0, equals)))] =
        std::string(trim(std::string_view(part).substr(equals + 1)));
  }
  return properties;
}

}  // namespace fovea
