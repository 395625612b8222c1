// Starts what stands before and after the loss where a photo has an exposure; see exposure.cu.
#include <algorithm>

#include "gpu.h"
#include "kernels.h"
#include "steps.h"

namespace splat {
namespace {

const Kernel<decltype(expose_kernel)> start_expose{"exposure", "expose_kernel"};
const Kernel<decltype(expose_backward_kernel)> start_expose_backward{"exposure", "expose_backward_kernel"};
const Kernel<decltype(exposure_gradient_kernel)> start_exposure_gradient{"exposure", "exposure_gradient_kernel"};

constexpr unsigned kMostBlocks = 1 << 14;

int64_t pixels_of(int width, int height) { return int64_t(width) * height; }

}  // namespace

size_t exposure_scratch_floats(int width, int height) {
    return 3 * size_t(pixels_of(width, height)) + kExposureBlocks * kExposed;
}

void expose(const Instances &instances, const float *exposure, const float *image, int width, int height,
            float *exposed, Stream stream) {
    const int64_t pixels = pixels_of(width, height);
    start_expose(std::min(kMostBlocks, blocks_for(pixels, kExposeBlock)), kExposeBlock, stream, instances, exposure,
                 image, pixels, exposed);
}

void expose_backward(const Instances &instances, const Exposure &exposure, const float *image, int width, int height,
                     float *grad_image, float *partial, Stream stream) {
    const int64_t pixels = pixels_of(width, height);
    const unsigned blocks = std::min(unsigned(kExposureBlocks), blocks_for(pixels, kExposeBlock));
    start_expose_backward(blocks, kExposeBlock, stream, instances, exposure.matrix, image, pixels, grad_image, partial);
    start_exposure_gradient(1, kExposeBlock, stream, instances, partial, int(blocks), exposure.gradient);
}

}  // namespace splat
