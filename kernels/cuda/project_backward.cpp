// Starts step 6; see project_backward.cu.
#include "gpu.h"
#include "kernels.h"
#include "steps.h"

namespace splat {
namespace {

const Kernel<decltype(write_gradients_kernel)> start_writing{"project_backward", "write_gradients_kernel"};
const Kernel<decltype(update_kernel)> start_update{"project_backward", "update_kernel"};
const Kernel<decltype(batch_update_kernel)> start_batch{"project_backward", "batch_update_kernel"};

}  // namespace

void write_gradients(const Gaussians &gaussians, const Camera &camera, int sh_degree, const Splat *splats,
                     const SplatGradient *splat_gradients, const Gaussians &gradients, float *grad_means2d,
                     Stream stream) {
    start_writing(blocks_for(gaussians.count, kUpdateBlock), kUpdateBlock, stream,
                  WriteGradients{gradients, grad_means2d}, gaussians, camera, sh_degree, splats, splat_gradients);
}

void update(const AdamStep &step, const Instances &instances, const Camera &camera, int sh_degree, const Splat *splats,
            const SplatGradient *splat_gradients, const Statistics &statistics, Stream stream) {
    start_update(blocks_for(step.parameters.count, kUpdateBlock), kUpdateBlock, stream,
                 Update{step, instances, statistics, 0.5f * camera.width, 0.5f * camera.height}, step.parameters,
                 camera, sh_degree, splats, splat_gradients);
}

void update(const AdamStep &step, const Batch &batch, int sh_degree, const Statistics &statistics, Stream stream) {
    start_batch(blocks_for(step.parameters.count, kUpdateBlock), kUpdateBlock, stream, BatchUpdate{step}, batch,
                sh_degree, statistics);
}

}  // namespace splat
