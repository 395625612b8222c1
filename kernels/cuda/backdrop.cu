// Before step 3: what is behind all splats where that is not one colour; see splatworker/train/backdrop.py.
#include "harmonics.cuh"
#include "kernels.h"

namespace splat {

extern "C" __global__ void backdrop_kernel(Background background, Camera camera, float *image) {
    const size_t plane = size_t(camera.width) * camera.height, step = size_t(gridDim.x) * blockDim.x;
    for (size_t at = size_t(blockIdx.x) * blockDim.x + threadIdx.x; at < plane; at += step) {
        const float x = (float(at % camera.width) + 0.5f - camera.cx) / camera.fx;
        const float y = (float(at / camera.width) + 0.5f - camera.cy) / camera.fy;
        const float *r = camera.rotation;
        const float inverse = 1.0f / sqrtf(x * x + y * y + 1.0f);
        const float3 direction = make_float3((r[0] * x + r[3] * y + r[6]) * inverse,
                                             (r[1] * x + r[4] * y + r[7]) * inverse,
                                             (r[2] * x + r[5] * y + r[8]) * inverse);
        const float3 color = raw_color(direction, background.degree, background.values, background.values + 3);
        image[at] = fmaxf(color.x, 0.0f);
        image[at + plane] = fmaxf(color.y, 0.0f);
        image[at + 2 * plane] = fmaxf(color.z, 0.0f);
    }
}

}  // namespace splat
