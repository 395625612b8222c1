// Eight doubles at a time, in whatever registers there are. Lanes never mix but in `sum`, in one order, so every instruction
// set gives the same bits.
#pragma once

namespace adjustment {

#if defined(__AVX512F__)
constexpr int kParts = 1;
#elif defined(__AVX__)
constexpr int kParts = 2;
#else
constexpr int kParts = 4;
#endif

typedef double Part __attribute__((vector_size(64 / kParts)));
typedef double LoosePart __attribute__((vector_size(64 / kParts), aligned(8), may_alias));

struct Vec {
    Part part[kParts];  // one register each: left to itself the compiler keeps wider vectors in memory
};

#define ADJUSTMENT_INLINE static inline __attribute__((always_inline))
#define ADJUSTMENT_MEMBER inline __attribute__((always_inline))

ADJUSTMENT_INLINE Vec load(const double *from) {
    Vec v;
    for (int p = 0; p < kParts; ++p) v.part[p] = *reinterpret_cast<const LoosePart *>(from + p * (8 / kParts));
    return v;
}

ADJUSTMENT_INLINE void store(double *to, const Vec &v) {
    for (int p = 0; p < kParts; ++p) *reinterpret_cast<LoosePart *>(to + p * (8 / kParts)) = v.part[p];
}

ADJUSTMENT_INLINE Vec operator*(const Vec &a, const Vec &b) {
    Vec v;
    for (int p = 0; p < kParts; ++p) v.part[p] = a.part[p] * b.part[p];
    return v;
}

ADJUSTMENT_INLINE Vec operator*(double factor, const Vec &a) {
    Vec v;
    for (int p = 0; p < kParts; ++p) v.part[p] = factor * a.part[p];
    return v;
}

ADJUSTMENT_INLINE Vec operator+(const Vec &a, const Vec &b) {
    Vec v;
    for (int p = 0; p < kParts; ++p) v.part[p] = a.part[p] + b.part[p];
    return v;
}

ADJUSTMENT_INLINE Vec operator-(const Vec &a, const Vec &b) {
    Vec v;
    for (int p = 0; p < kParts; ++p) v.part[p] = a.part[p] - b.part[p];
    return v;
}

ADJUSTMENT_INLINE double sum(const Vec &v) {
    double lane[8];
    store(lane, v);
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

}  // namespace adjustment
