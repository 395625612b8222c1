// An Adam step on gradients that are already in memory: what tests hold the fused update to.
#include "adam.cuh"
#include "kernels.h"

namespace splat {

// `rows` rows of `length` values, `stride` apart.
extern "C" __global__ void __launch_bounds__(kAdamBlock)
    adam_kernel(AdamStep step, Tensor tensor, const float *gradient, int64_t rows, int length, int stride) {
    const int64_t i = int64_t(blockIdx.x) * kAdamBlock + threadIdx.x;
    if (i >= rows * length) return;
    const size_t index = i / length * stride + i % length;
    const Item<float> item[1] = {{tensor, index, gradient[index], true}};
    adam_step(step, item);
}

}  // namespace splat
