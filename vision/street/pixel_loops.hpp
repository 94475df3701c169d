// What the pixel loops of the street share: compilation for newer instruction sets, counting of ids.
#pragma once

#include <cstdint>

// The loops are compiled twice on x86, and the better copy is chosen when the library is loaded. Integer lanes give the
// same bits in both. Sanitizers instrument the choosing code, which runs too early for them.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(__clang__)
#define FOVEA_STREET_LOOP __attribute__((target_clones("avx2", "default")))
#else
#define FOVEA_STREET_LOOP
#endif

namespace fovea::street {

/// How many of `count` (below 65536) ids are `wanted`.
int count_ids(const std::uint16_t* ids, int count, std::uint16_t wanted);

}  // namespace fovea::street
