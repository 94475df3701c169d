// What tells this build of the library from every other.
#pragma once

#include <string>

namespace fovea {

/// Version and the linker's identification of the code ("0.1.0 3f2a…"): files that only this very build can use carry
/// it.
const std::string& build_id();

}  // namespace fovea
