// The folder for tests, under the namespace of the publishing tests.
#pragma once

#include "tests/support/temp_dir.hpp"

namespace fovea::testing {

using test::TempDir;

}  // namespace fovea::testing
