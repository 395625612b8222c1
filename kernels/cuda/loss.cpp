// Starts step 4; see loss.cu.
#include "gpu.h"
#include "kernels.h"
#include "steps.h"

namespace splat {
namespace {

const Kernel<decltype(similarity_kernel)> similarity{"loss", "similarity_kernel"};
const Kernel<decltype(loss_gradient_kernel)> loss_gradient{"loss", "loss_gradient_kernel"};

const Kernel<decltype(leave_out_kernel)> start_leave_out{"loss", "leave_out_kernel"};

constexpr size_t kFloat4 = 16, kBytes4 = 4;  // bytes that the kernels read at once

Grid grid_for(int width, int height) { return Grid(blocks_for(width, kLossColumns), blocks_for(height, kLossRows), 3); }

int pitch_of(int width) { return (width + kLossQuad - 1) / kLossQuad * kLossQuad; }

}  // namespace

size_t loss_scratch_floats(int width, int height) {
    const Grid grid = grid_for(width, height);
    return size_t(9) * pitch_of(width) * height + size_t(2) * grid.x * grid.y * grid.z;
}

void loss(const Instances &instances, const float *image, const uint8_t *photo, int width, int height,
          const LossTerms &terms, float *grad_image, float *values, float *scratch, Stream stream) {
    const Grid grid = grid_for(width, height);
    const int pitch = pitch_of(width);
    const size_t map = size_t(3) * pitch * height;
    float *d_mean = scratch, *d_square = d_mean + map, *d_product = d_square + map;
    const bool aligned = width % kLossQuad == 0 && (reinterpret_cast<uintptr_t>(image) % kFloat4) == 0 &&
                         (reinterpret_cast<uintptr_t>(grad_image) % kFloat4) == 0 &&
                         (reinterpret_cast<uintptr_t>(photo) % kBytes4) == 0;
    float2 *partial = reinterpret_cast<float2 *>(d_product + map);
    similarity(grid, kLossBlock, stream, instances, image, photo, width, height, pitch, terms.huber_delta, d_mean,
               d_square, d_product, partial);
    loss_gradient(grid, kLossBlock, stream, instances, image, photo, width, height, pitch, aligned, terms, d_mean,
                  d_square, d_product, partial, int(grid.x * grid.y * grid.z), grad_image, values);
}

void leave_out(const Instances &instances, const uint8_t *ignored, int width, int height, float scale, float *image,
               Stream stream) {
    const int pixels = width * height;
    start_leave_out(blocks_for(pixels, kLeaveOutBlock), kLeaveOutBlock, stream, instances, ignored, pixels, scale,
                    image);
}

}  // namespace splat
