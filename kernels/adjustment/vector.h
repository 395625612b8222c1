// Eight doubles at a time, as GCC and Clang make them of whatever registers there are. Lanes never mix but in `sum`, in
// one order, so every instruction set gives the same bits.
#pragma once
#include <cstdint>

namespace adjustment {

typedef double Vec __attribute__((vector_size(64)));
typedef double LooseVec __attribute__((vector_size(64), aligned(8), may_alias));

static inline __attribute__((always_inline)) void load(const double *from, Vec &v) {
    v = *reinterpret_cast<const LooseVec *>(from);
}
static inline __attribute__((always_inline)) void store(double *to, const Vec &v) {
    *reinterpret_cast<LooseVec *>(to) = v;
}
static inline __attribute__((always_inline)) double sum(const Vec &v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

}  // namespace adjustment
