// A photo's exposure between picture and loss: each pixel's colour times a 3 x 3 matrix, plus an offset; and the way back,
// with the gradient in these 12 numbers. Their sums are taken in an order that the grid alone decides: a block's threads
// in a tree, then the blocks; the same to the bit every time.
#include "kernels.h"

namespace splat {

// The sums of what a block's threads have, in the first one of each row of `of_thread`.
template <typename T>
inline __device__ void sum_of_block(const T (&mine)[kExposed], T (*of_thread)[kExposeBlock]) {
    for (int k = 0; k < kExposed; ++k) of_thread[k][threadIdx.x] = mine[k];
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half)
            for (int k = 0; k < kExposed; ++k) of_thread[k][threadIdx.x] += of_thread[k][threadIdx.x + half];
    }
    __syncthreads();
}

extern "C" __global__ void __launch_bounds__(kExposeBlock)
    expose_kernel(Instances instances, const float *exposure, const float *image, int64_t pixels, float *exposed) {
    if (!instances.fit()) return;
    float m[kExposed];
    for (int k = 0; k < kExposed; ++k) m[k] = exposure[k];
    for (int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; at < pixels;
         at += int64_t(gridDim.x) * blockDim.x) {
        const float red = image[at], green = image[pixels + at], blue = image[2 * pixels + at];
        for (int channel = 0; channel < 3; ++channel) {
            const float *row = m + 4 * channel;
            exposed[channel * pixels + at] = row[0] * red + row[1] * green + row[2] * blue + row[3];
        }
    }
}

// grad_image: in, that in what is exposed; out, that in the picture. partial: [blocks][kExposed].
extern "C" __global__ void __launch_bounds__(kExposeBlock)
    expose_backward_kernel(Instances instances, const float *exposure, const float *image, int64_t pixels,
                           float *grad_image, float *partial) {
    if (!instances.fit()) return;
    __shared__ float of_thread[kExposed][kExposeBlock];
    float m[kExposed], sums[kExposed] = {};
    for (int k = 0; k < kExposed; ++k) m[k] = exposure[k];
    for (int64_t at = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; at < pixels;
         at += int64_t(gridDim.x) * blockDim.x) {
        float colors[3], above[3];
        for (int channel = 0; channel < 3; ++channel) {
            colors[channel] = image[channel * pixels + at];
            above[channel] = grad_image[channel * pixels + at];
        }
        for (int channel = 0; channel < 3; ++channel) {
            for (int k = 0; k < 3; ++k) sums[4 * channel + k] += above[channel] * colors[k];
            sums[4 * channel + 3] += above[channel];
            grad_image[channel * pixels + at] = m[channel] * above[0] + m[4 + channel] * above[1] +
                                                m[8 + channel] * above[2];
        }
    }
    sum_of_block(sums, of_thread);
    for (int k = threadIdx.x; k < kExposed; k += blockDim.x) partial[blockIdx.x * kExposed + k] = of_thread[k][0];
}

// By one block. gradient: [kExposed].
extern "C" __global__ void __launch_bounds__(kExposeBlock)
    exposure_gradient_kernel(Instances instances, const float *partial, int blocks, float *gradient) {
    if (!instances.fit()) return;
    __shared__ double of_thread[kExposed][kExposeBlock];
    double sums[kExposed] = {};
    for (int block = threadIdx.x; block < blocks; block += blockDim.x)
        for (int k = 0; k < kExposed; ++k) sums[k] += partial[block * kExposed + k];
    sum_of_block(sums, of_thread);
    for (int k = threadIdx.x; k < kExposed; k += blockDim.x) gradient[k] = float(of_thread[k][0]);
}

}  // namespace splat
