// Starts step 1; see preprocess.cu.
#include "gpu.h"
#include "kernels.h"
#include "steps.h"

namespace splat {
namespace {

const Kernel<decltype(project_kernel)> start_project{"preprocess", "project_kernel"};

}  // namespace

void project(const Gaussians &gaussians, const Camera &camera, int sh_degree, Splat *splats, const WideSplats &wide,
             Stream stream) {
    clear(wide.count, sizeof(*wide.count), stream);
    start_project(blocks_for(gaussians.count, kProjectBlock), kProjectBlock, stream, gaussians, camera, sh_degree,
                  splats, wide);
}

}  // namespace splat
