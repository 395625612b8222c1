// What the files of bundle adjustment share on a GPU.
#pragma once
#include "adjustment_kernels.h"

namespace splat {

inline __device__ int64_t number_of_thread() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }

// `sum` and so many numbers more, one after the other. They are fetched some at a time, as each addition waits for the last; and
// what is beyond the last is added and let go, for under a condition a compiler fetches each number just before it is needed.
inline __device__ double added(double sum, const double *numbers, int count) {
    constexpr int kSome = 16;
    for (int first = 0; first < count; first += kSome) {
        double some[kSome];
#pragma unroll
        for (int k = 0; k < kSome; ++k) some[k] = numbers[first + k < count ? first + k : count - 1];
#pragma unroll
        for (int k = 0; k < kSome; ++k) sum = first + k < count ? sum + some[k] : sum;
    }
    return sum;
}

}  // namespace splat
