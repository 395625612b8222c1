// Eight floats at a time on the compilers' vector extensions (GCC and Clang): one register with AVX2, two elsewhere (SSE2,
// NEON). Always eight, so that sums over lanes are the same everywhere.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define LANES_INLINE static inline __attribute__((always_inline))

namespace features {
namespace FEATURES_ISA {

constexpr int kLanes = 8;
typedef float Vec __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));  // as a mask: -1 where true, 0 where false

LANES_INLINE Vec all(float value) { return value - Vec{}; }
LANES_INLINE Vec load(const float *p) {
    Vec v;
    memcpy(&v, p, sizeof v);
    return v;
}
LANES_INLINE void store(float *p, Vec v) { memcpy(p, &v, sizeof v); }
LANES_INLINE Ints load_ints(const int32_t *p) {
    Ints v;
    memcpy(&v, p, sizeof v);
    return v;
}
LANES_INLINE void store_ints(int32_t *p, Ints v) { memcpy(p, &v, sizeof v); }
LANES_INLINE Vec smaller(Vec a, Vec b) { return a < b ? a : b; }
LANES_INLINE Vec larger(Vec a, Vec b) { return a > b ? a : b; }
LANES_INLINE Vec upwards() { return Vec{0, 1, 2, 3, 4, 5, 6, 7}; }

// Towards zero.
LANES_INLINE Ints whole(Vec v) {
#if defined(__AVX2__)
    return (Ints)_mm256_cvttps_epi32((__m256)v);
#else
    return __builtin_convertvector(v, Ints);
#endif
}
LANES_INLINE Vec as_floats(Ints v) { return __builtin_convertvector(v, Vec); }

// Bit i is set where lane i of a mask is.
LANES_INLINE int bits_of(Ints mask) {
#if defined(__AVX2__)
    return _mm256_movemask_ps((__m256)mask);
#else
    int bits = 0;
    for (int i = 0; i < kLanes; ++i) bits |= (mask[i] & 1) << i;
    return bits;
#endif
}

LANES_INLINE Vec square_root(Vec v) {
#if defined(__AVX2__)
    return (Vec)_mm256_sqrt_ps((__m256)v);
#else
    for (int i = 0; i < kLanes; ++i) v[i] = __builtin_sqrtf(v[i]);
    return v;
#endif
}

LANES_INLINE float sum(Vec v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

}  // namespace FEATURES_ISA
}  // namespace features
