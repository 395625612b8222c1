// An Adam step on gradients that are already in memory: what tests hold the fused update to.
#include "adam.cuh"
#include "kernels.h"
#include "launch.h"

namespace splat {
namespace {

constexpr int kBlock = 256;

// `rows` rows of `length` values, `stride` apart.
__global__ void __launch_bounds__(kBlock)
    adam_kernel(AdamStep step, Tensor tensor, const float *gradient, int64_t rows, int length, int stride) {
    const int64_t i = int64_t(blockIdx.x) * kBlock + threadIdx.x;
    if (i >= rows * length) return;
    const size_t index = i / length * stride + i % length;
    const Item<float> item[1] = {{tensor, index, gradient[index], true}};
    adam_step(step, item);
}

}  // namespace

cudaError_t kernels_load() {
    cudaFuncAttributes attributes;
    return cudaFuncGetAttributes(&attributes, adam_kernel);
}

void adam(const AdamStep &step, const Gaussians &gradients, int sh_degree, cudaStream_t stream) {
    for (int t = 0; t < kTensors; ++t) {
        const int64_t rows = gradients.count;
        const int stride = t == kShRest ? gradients.rest * 3 : width_of(t);
        const int length = t == kShRest ? active_rest(sh_degree) : stride;
        launch(adam_kernel, blocks_for(rows * length, kBlock), kBlock, stream, step, Tensor(t), gradients.tensor[t],
               rows, length, stride);
    }
}

}  // namespace splat
