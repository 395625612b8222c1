// What the files of bundle adjustment share on a GPU.
#pragma once
#include "adjustment_kernels.h"

namespace splat {

inline __device__ int64_t number_of_thread() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }

// `sum` and so many numbers more, one after the other; they are fetched some at a time, as each addition waits for the last.
inline __device__ double added(double sum, const double *numbers, int count) {
    constexpr int kSome = 16;
    for (int first = 0; first < count; first += kSome) {
        double some[kSome];
#pragma unroll
        for (int k = 0; k < kSome; ++k) some[k] = first + k < count ? numbers[first + k] : 0;
#pragma unroll
        for (int k = 0; k < kSome; ++k)
            if (first + k < count) sum += some[k];
    }
    return sum;
}

}  // namespace splat
