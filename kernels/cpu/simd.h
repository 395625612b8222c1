// A vector of floats as wide as the instruction set the including file is compiled for, on the compilers' vector
// extensions (GCC and Clang): 16 lanes with AVX-512, 8 with AVX2, 4 elsewhere (SSE2, NEON).
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#define SPLAT_INLINE static inline __attribute__((always_inline))

namespace splat {
namespace SPLAT_ISA {

#if defined(__AVX512F__) && defined(__AVX512DQ__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int32_t Mask __attribute__((vector_size(kLanes * 4)));  // -1 where true, 0 where false

SPLAT_INLINE Vec splat_of(float value) { return value - Vec{}; }
SPLAT_INLINE Vec load(const float *p) {
    Vec v;
    memcpy(&v, p, sizeof v);
    return v;
}
SPLAT_INLINE void store(float *p, Vec v) { memcpy(p, &v, sizeof v); }
SPLAT_INLINE Mask load_ints(const void *p) {
    Mask v;
    memcpy(&v, p, sizeof v);
    return v;
}
SPLAT_INLINE void store_ints(void *p, Mask v) { memcpy(p, &v, sizeof v); }
SPLAT_INLINE Vec select(Mask m, Vec a, Vec b) { return m ? a : b; }
SPLAT_INLINE Vec minimum(Vec a, Vec b) { return a < b ? a : b; }
SPLAT_INLINE Vec maximum(Vec a, Vec b) { return a > b ? a : b; }

SPLAT_INLINE Vec lane_index() {
    Vec v;
    for (int i = 0; i < kLanes; ++i) v[i] = float(i);
    return v;
}

SPLAT_INLINE bool any(Mask m) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    return _mm512_movepi32_mask((__m512i)m) != 0;
#elif defined(__AVX2__)
    return _mm256_movemask_ps((__m256)m) != 0;
#else
    uint64_t half[2];
    memcpy(half, &m, sizeof m);
    return (half[0] | half[1]) != 0;
#endif
}

SPLAT_INLINE float sum(Vec v) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    return _mm512_reduce_add_ps((__m512)v);
#elif defined(__AVX2__)
    __m128 s = _mm_add_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
#else
    return (v[0] + v[2]) + (v[1] + v[3]);
#endif
}

SPLAT_INLINE Vec square_root(Vec v) {
#if defined(__AVX512F__) && defined(__AVX512DQ__)
    return (Vec)_mm512_sqrt_ps((__m512)v);
#elif defined(__AVX2__)
    return (Vec)_mm256_sqrt_ps((__m256)v);
#else
    for (int i = 0; i < kLanes; ++i) v[i] = __builtin_sqrtf(v[i]);
    return v;
#endif
}

// exp(x) for x in [-87, 0], relative error under 2e-7: 2^n times a polynomial on [-ln2 / 2, ln2 / 2] (Taylor to the
// sixth power; its remainder there is below half a unit in the last place).
SPLAT_INLINE Vec exp_nonpositive(Vec x) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
    Vec shifted = x * 1.44269504088896f + magic;
    Vec n = shifted - magic;
    Vec r = (x - n * 0.693145751953125f) - n * 1.428606765330187e-6f;  // ln 2 in two parts (Cody & Waite)
    Vec p = splat_of(1.0f / 720);
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    Mask bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4B400000 + 127) << 23;
    Vec scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

}  // namespace SPLAT_ISA
}  // namespace splat
