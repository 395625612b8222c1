// Starts what comes before step 3; see backdrop.cu.
#include "gpu.h"
#include "kernels.h"
#include "steps.h"

namespace splat {
namespace {

const Kernel<decltype(backdrop_kernel)> start_backdrop{"backdrop", "backdrop_kernel"};

}  // namespace

void draw_backdrop(const Background &background, const Camera &camera, float *image, Stream stream) {
    const int64_t pixels = int64_t(camera.width) * camera.height;
    start_backdrop(unsigned((pixels + kBackdropBlock - 1) / kBackdropBlock), kBackdropBlock, stream, background, camera,
                   image);
}

}  // namespace splat
