// Gates: figures that must be reached, for continuous integration.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace fovea::assess {

struct Gate {
  std::string figure;  ///< A key of the JSON report; dots lead into its maps: attributes.color.accuracy.
  double bound = 0;
  enum class Kind { kAtLeast, kAtMost } kind = Kind::kAtLeast;
};

/// "ap50=0.9,idf1=0.85". \param option  Named in complaints.
/// \throws Error{kInvalidArgument}.
std::vector<Gate> parse_gates(const std::string& text, Gate::Kind kind, const std::string& option);

/// One sentence for each gate that is not passed, or whose figure was not measured. Empty: all is well.
std::vector<std::string> failed_gates(const std::vector<Gate>& gates, const nlohmann::json& report);

}  // namespace fovea::assess
