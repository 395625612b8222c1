// Starts step 5; see blend_backward.cu.
#include "gpu.h"
#include "kernels.h"
#include "steps.h"

namespace splat {
namespace {

const Kernel<decltype(blend_backward_floats_kernel)> blend_floats{"blend_backward", "blend_backward_floats_kernel"};
const Kernel<decltype(blend_backward_fixed_kernel)> blend_fixed{"blend_backward", "blend_backward_fixed_kernel"};
const Kernel<decltype(to_float_kernel)> to_float{"blend_backward", "to_float_kernel"};
const Kernel<decltype(begin_contribution_kernel)> begin{"blend_backward", "begin_contribution_kernel"};

}  // namespace

void begin_contribution(const Splat *splats, const Camera &camera, int count, Contribution *contribution,
                        Stream stream) {
    begin(blocks_for(count > 0 ? count : 1, kSplatBlock), kSplatBlock, stream, splats, camera, count, contribution);
}

void blend_backward(const TileLists &lists, const Camera &camera, int count, const float *image,
                    const float *grad_image, SplatGradient *gradients, FixedGradient *fixed, bool absolute,
                    Stream stream) {
    const unsigned blocks = blend_blocks(camera);
    if (!fixed) {
        blend_floats(blocks, kBlendBlock, stream, lists, camera.width, camera.height, image, grad_image,
                     FloatSums{gradients, absolute, 0});
        return;
    }
    const FixedUnits units(int64_t(camera.width) * camera.height);
    clear(fixed, count * sizeof(*fixed), stream);
    blend_fixed(blocks, kBlendBlock, stream, lists, camera.width, camera.height, image, grad_image,
                FixedSums{fixed, units, absolute});
    to_float(blocks_for(count, kSplatBlock), kSplatBlock, stream, count, fixed, units, gradients);
}

}  // namespace splat
