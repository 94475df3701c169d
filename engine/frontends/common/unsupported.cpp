#include "engine/frontends/common/unsupported.hpp"

#include <algorithm>

#include "engine/base/error.hpp"

namespace fovea::importer {

void UnsupportedReport::throw_if_any() const {
  constexpr std::size_t kMaxNames = 8;
  constexpr std::size_t kMaxOperators = 64;  // a hostile file may name any number
  if (missing_.empty()) {
    return;
  }
  std::string text;
  std::size_t listed = 0;
  for (const auto& [name, nodes] : missing_) {
    if (++listed > kMaxOperators) {
      text += "\n  …";
      break;
    }
    text += fmt::format("\n  {}: {} node{}:", name, nodes.size(), nodes.size() == 1 ? "" : "s");
    for (std::size_t i = 0; i < std::min(nodes.size(), kMaxNames); ++i) {
      text += fmt::format("{} '{}'", i == 0 ? "" : ",", nodes[i]);
    }
    text += nodes.size() > kMaxNames ? ", …" : "";
  }
  fail(ErrorCode::kUnsupported, "{} operator{} not supported:{}", missing_.size(),
       missing_.size() == 1 ? " is" : "s are", text);
}

}  // namespace fovea::importer
