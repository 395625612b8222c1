// Starts step 3; see blend_forward.cu.
#include "gpu.h"
#include "kernels.h"
#include "steps.h"

namespace splat {
namespace {

const Kernel<decltype(blend_forward_kernel)> start_blend{"blend_forward", "blend_forward_kernel"};

}  // namespace

void blend_forward(const TileLists &lists, const Camera &camera, const Background &background, float *image,
                   Stream stream) {
    const float *colour = background.degree == 0 ? background.values : nullptr;
    start_blend(blend_blocks(camera), kBlendBlock, stream, lists, camera.width, camera.height, colour, image);
}

}  // namespace splat
