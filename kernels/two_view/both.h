// What lets one source serve processors and the GPU's kernels, which have no standard library.
#pragma once
#ifndef __CUDACC_RTC__
#include <cmath>
#include <cstddef>
#include <cstdint>
#endif

#ifdef __CUDACC__
#define TWO_VIEW_BOTH __host__ __device__
#define TWO_VIEW_CALLED __noinline__       // once in the machine code, however often it is called
#define TWO_VIEW_LOOP _Pragma("unroll 1")  // and so the body of such a loop
#define TWO_VIEW_UNROLLED _Pragma("unroll")
#else
#define TWO_VIEW_BOTH
#define TWO_VIEW_CALLED
#define TWO_VIEW_LOOP
#define TWO_VIEW_UNROLLED
#endif

namespace two_view {

// std::array, of which the GPU's compiler has none.
template <typename T, int Count>
struct Array {
    T of[Count];

    TWO_VIEW_BOTH T &operator[](int k) { return of[k]; }
    TWO_VIEW_BOTH const T &operator[](int k) const { return of[k]; }
    TWO_VIEW_BOTH T *begin() { return of; }
    TWO_VIEW_BOTH T *end() { return of + Count; }
    TWO_VIEW_BOTH const T *begin() const { return of; }
    TWO_VIEW_BOTH const T *end() const { return of + Count; }
    TWO_VIEW_BOTH T *data() { return of; }
    TWO_VIEW_BOTH const T *data() const { return of; }
};

}  // namespace two_view
