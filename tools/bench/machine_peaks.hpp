// What this machine can do at most, measured: the yardstick of `fovea bench --per-layer`.
#pragma once

namespace fovea::tools {

struct MachinePeaks {
  double gflops = 0;       ///< f32 multiply-adds in registers, 2 operations each.
  double gigabytes_s = 0;  ///< Reading memory far larger than the caches.
};

/// Takes some 200 ms. \param threads  That work at the same time.
MachinePeaks measure_peaks(int threads);

}  // namespace fovea::tools
