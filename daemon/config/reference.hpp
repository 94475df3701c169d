// docs/config.md, written from the descriptions of the settings.
#pragma once

#include <string>

namespace fovea {

/// The whole page in Markdown. A test compares it with docs/config.md.
std::string config_reference();

}  // namespace fovea
