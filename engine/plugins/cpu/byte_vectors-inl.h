// Bytes as vectors of f32 and back, for sources that Highway compiles once for each instruction set.
#if defined(FOVEA_CPU_BYTE_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CPU_BYTE_VECTORS_INL_H_
#undef FOVEA_CPU_BYTE_VECTORS_INL_H_
#else
#define FOVEA_CPU_BYTE_VECTORS_INL_H_
#endif

#include "engine/plugins/cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

constexpr hn::Rebind<std::uint8_t, decltype(kF32)> kBytesOfLanes;  // as many bytes as there are floats in a vector
using I32 = hn::Vec<decltype(kI32)>;

/// kLanes bytes.
HWY_INLINE V load_bytes(const std::uint8_t* bytes) {
  return hn::ConvertTo(kF32, hn::PromoteTo(kI32, hn::LoadU(kBytesOfLanes, bytes)));
}

/// Four vectors of whole numbers, each cut to 0…255, as 4 · kLanes bytes in order.
HWY_INLINE void store_four(I32 a, I32 b, I32 c, I32 d, std::uint8_t* to) {
#if HWY_TARGET <= HWY_AVX3
  // Packing interleaves groups of four; the permutation puts them in order.
  const __m512i words_ab = _mm512_packs_epi32(a.raw, b.raw);
  const __m512i words_cd = _mm512_packs_epi32(c.raw, d.raw);
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi32(order, _mm512_packus_epi16(words_ab, words_cd)));
#else
  hn::StoreU(hn::DemoteTo(kBytesOfLanes, a), kBytesOfLanes, to);
  hn::StoreU(hn::DemoteTo(kBytesOfLanes, b), kBytesOfLanes, to + kLanes);
  hn::StoreU(hn::DemoteTo(kBytesOfLanes, c), kBytesOfLanes, to + 2 * kLanes);
  hn::StoreU(hn::DemoteTo(kBytesOfLanes, d), kBytesOfLanes, to + 3 * kLanes);
#endif
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // guard of each pass
