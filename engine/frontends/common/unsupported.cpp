#include "engine/frontends/common/unsupported.hpp"

#include <algorithm>

namespace fovea::importer {

void UnsupportedReport::add(const std::string& what, const std::string& node, const std::string& reason) {
  UnsupportedOperator& entry = missing_[what];
  entry.name = what;
  entry.needed = reason;
  entry.nodes.push_back(node);
}

void UnsupportedReport::throw_if_any() const {
  constexpr std::size_t kMaxNames = 8;
  constexpr std::size_t kMaxOperators = 64;  // a hostile file may name any number
  if (missing_.empty()) {
    return;
  }
  std::string text;
  std::vector<UnsupportedOperator> operators;
  bool unlisted = false;
  for (const auto& [name, entry] : missing_) {
    operators.push_back(entry);
    unlisted = unlisted || entry.needed.empty();
    operators.back().needed = entry.needed.empty() ? "needs " + needed_ : entry.needed;
    if (operators.size() > kMaxOperators) {
      text += operators.size() == kMaxOperators + 1 ? "\n  …" : "";
      continue;
    }
    const std::vector<std::string>& nodes = entry.nodes;
    text += fmt::format("\n  {}{}: {} node{}:", name, entry.needed.empty() ? "" : fmt::format(" ({})", entry.needed),
                        nodes.size(), nodes.size() == 1 ? "" : "s");
    for (std::size_t i = 0; i < std::min(nodes.size(), kMaxNames); ++i) {
      text += fmt::format("{} '{}'", i == 0 ? "" : ",", nodes[i]);
    }
    text += nodes.size() > kMaxNames ? ", …" : "";
  }
  text += unlisted ? fmt::format("\n  each needs {}", needed_) : "";
  throw UnsupportedOperators(
      fmt::format("{} operator{} not supported:{}", missing_.size(), missing_.size() == 1 ? " is" : "s are", text),
      std::move(operators));
}

}  // namespace fovea::importer
