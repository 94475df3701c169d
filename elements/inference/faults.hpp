// Fault injection for tests: FOVEA_FAULTS="delay-ms=20,fail-every=7" makes completions late by a random time up to
// delay-ms and every n-th of them fail. Unset in production.
#pragma once

namespace fovea {

/// Sleeps or throws Error{kDevice} as FOVEA_FAULTS asks; returns at once when it is unset. \thread A lane.
void inject_faults();

}  // namespace fovea
