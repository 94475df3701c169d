// The report of an assessment: for people, for machines, and as a gate.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/assess/judge.hpp"

namespace fovea::assess {

/// What was not measured is absent. Keys: docs/assess.md.
nlohmann::json to_json(const Report& report, const Rules& rules);

/// Aligned tables, for a terminal.
std::string to_text(const Report& report, const Rules& rules);

}  // namespace fovea::assess
