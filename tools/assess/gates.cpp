// Figures looked up in the JSON report.
#include "tools/assess/gates.hpp"

#include <fmt/format.h>

#include <cmath>

#include "engine/base/error.hpp"
#include "engine/base/text.hpp"

namespace fovea::assess {
namespace {

const nlohmann::json* find_figure(const nlohmann::json& report, const std::string& figure) {
  const nlohmann::json* at = &report;
  for (const std::string& key : split(figure, '.')) {
    if (!at->is_object() || !at->contains(key)) {
      return nullptr;
    }
    at = &at->at(key);
  }
  return at->is_number() ? at : nullptr;
}

}  // namespace

std::vector<Gate> parse_gates(const std::string& text, Gate::Kind kind, const std::string& option) {
  std::vector<Gate> gates;
  for (const std::string& part : split(text, ',')) {
    const auto equals = part.find('=');
    const auto bound = equals == std::string::npos ? std::nullopt : parse_double(part.substr(equals + 1));
    if (equals == 0 || !bound || !std::isfinite(*bound)) {
      fail(ErrorCode::kInvalidArgument, "{}: '{}', expected FIGURE=NUMBER such as ap50=0.9", option, part);
    }
    gates.push_back({part.substr(0, equals), *bound, kind});
  }
  return gates;
}

std::vector<std::string> failed_gates(const std::vector<Gate>& gates, const nlohmann::json& report) {
  std::vector<std::string> failed;
  for (const Gate& gate : gates) {
    const bool at_least = gate.kind == Gate::Kind::kAtLeast;
    const nlohmann::json* figure = find_figure(report, gate.figure);
    if (figure == nullptr) {
      failed.push_back(fmt::format("{} was not measured, expected {} {}", gate.figure,
                                   at_least ? "at least" : "at most", gate.bound));
    } else if (const double value = figure->get<double>(); at_least ? value < gate.bound : value > gate.bound) {
      failed.push_back(
          fmt::format("{} is {:.6g}, {} {}", gate.figure, value, at_least ? "below" : "above", gate.bound));
    }
  }
  return failed;
}

}  // namespace fovea::assess
