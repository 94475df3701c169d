// What our products of bytes share on AVX-512 with VNNI: bytes are multiplied on such processors only
// (cpu_multiplies_bytes). The instruction sets hold between FOVEA_VNNI_BEGIN and FOVEA_VNNI_END.
#pragma once

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#define FOVEA_VNNI_BEGIN \
  _Pragma("GCC push_options") _Pragma("GCC target(\"avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma\")")
#define FOVEA_VNNI_END _Pragma("GCC pop_options")

FOVEA_VNNI_BEGIN
namespace fovea::cpu::vnni {

/// Calls body(0), body(1), … with constants: GCC keeps an array in registers only if every index is one from the start.
template <class Body, int... I>
[[gnu::always_inline]] inline void unrolled(std::integer_sequence<int, I...> /*count*/, const Body& body) {
  (body(std::integral_constant<int, I>()), ...);
}

// round(sum · factor + shift) of 16, 8 and 4 sums, rounded once.

[[gnu::always_inline]] inline __m256i round_exactly(__m256i sum, __m256 factor, __m256 shift) {
  return _mm512_cvtpd_epi32(_mm512_fmadd_pd(_mm512_cvtepi32_pd(sum), _mm512_cvtps_pd(factor), _mm512_cvtps_pd(shift)));
}
[[gnu::always_inline]] inline __m512i round_exactly(__m512i sum, __m512 factor, __m512 shift) {
  const __m256i low =
      round_exactly(_mm512_castsi512_si256(sum), _mm512_castps512_ps256(factor), _mm512_castps512_ps256(shift));
  const __m256i high = round_exactly(_mm512_extracti64x4_epi64(sum, 1), _mm512_extractf32x8_ps(factor, 1),
                                     _mm512_extractf32x8_ps(shift, 1));
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}
[[gnu::always_inline]] inline __m128i round_exactly(__m128i sum, __m128 factor, __m128 shift) {
  return _mm256_cvtpd_epi32(_mm256_fmadd_pd(_mm256_cvtepi32_pd(sum), _mm256_cvtps_pd(factor), _mm256_cvtps_pd(shift)));
}

/// Factors and limits as vectors, ready for one panel of channels.
struct Finisher {
  const float* factor;
  const float* shift;
  __m512i zero;  ///< i16.
  __m512i least, most;
  bool exact;             ///< Rounds in double.
  std::int64_t channels;  ///< That exist: the rest of the last vector is not stored.
};

/// round(sums · factor + shift) + zero of W vectors of 16 channels, cut to the limits, as bytes.
template <int W>
[[gnu::always_inline]] inline void store_steps(const __m512i* sums, const Finisher& finisher, std::byte* to) {
  __m512i whole[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  unrolled(
      std::make_integer_sequence<int, W>(), [&](auto w) __attribute__((always_inline)) {
        const __m512 factor = _mm512_loadu_ps(finisher.factor + 16 * w);
        const __m512 shift = _mm512_loadu_ps(finisher.shift + 16 * w);
        whole[w] = finisher.exact ? round_exactly(sums[w], factor, shift)
                                  : _mm512_cvtps_epi32(_mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[w]), factor, shift));
      });
  // Packing interleaves groups of four; the permutation puts them in order.
  const __m512i words = _mm512_adds_epi16(_mm512_packs_epi32(whole[0], whole[1]), finisher.zero);
  const __m512i more =
      W > 2 ? _mm512_adds_epi16(_mm512_packs_epi32(whole[2], whole[3]), finisher.zero) : _mm512_setzero_si512();
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  __m512i bytes = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(words, more));
  bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, finisher.least), finisher.most);
  if (finisher.channels >= 64 && W == 4) {
    _mm512_storeu_si512(to, bytes);
  } else {
    const __mmask64 mask = finisher.channels >= 64 ? ~__mmask64{0} : (__mmask64{1} << finisher.channels) - 1;
    _mm512_mask_storeu_epi8(to, mask, bytes);
  }
}

/// sums · factor + shift of W vectors of 16 channels, as f32.
template <int W>
[[gnu::always_inline]] inline void store_floats(const __m512i* sums, const Finisher& finisher, std::byte* to) {
  unrolled(
      std::make_integer_sequence<int, W>(), [&](auto w) __attribute__((always_inline)) {
        const __m512 x = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[w]), _mm512_loadu_ps(finisher.factor + 16 * w),
                                         _mm512_loadu_ps(finisher.shift + 16 * w));
        const std::int64_t left = finisher.channels - 16 * w;
        const auto mask = static_cast<__mmask16>(left >= 16 ? 0xFFFF : left <= 0 ? 0 : (1U << left) - 1);
        _mm512_mask_storeu_ps(to + static_cast<std::size_t>(64 * w), mask, x);
      });
}

}  // namespace fovea::cpu::vnni
FOVEA_VNNI_END
#endif
