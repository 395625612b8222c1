// What tests hold the fused update to; see adam.cu.
#include "gpu.h"
#include "kernels.h"
#include "steps.h"

namespace splat {
namespace {

const Kernel<decltype(adam_kernel)> start_adam{"adam", "adam_kernel"};

}  // namespace

void adam(const AdamStep &step, const Gaussians &gradients, int sh_degree, Stream stream) {
    for (int t = 0; t < kTensors; ++t) {
        const int64_t rows = gradients.count;
        const int stride = t == kShRest ? gradients.rest * 3 : width_of(t);
        const int length = t == kShRest ? active_rest(sh_degree) : stride;
        start_adam(blocks_for(rows * length, kAdamBlock), kAdamBlock, stream, step, Tensor(t), gradients.tensor[t],
                   rows, length, stride);
    }
}

}  // namespace splat
