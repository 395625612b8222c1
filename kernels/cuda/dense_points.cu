// Which depths of photos other photos agree with: see plane_sweep_kernels.h. As numpy has it in
// splatworker/train/confirmation.py, to the bit: compiled without fused multiply-adds.
#include "plane_sweep_kernels.h"

namespace splat {

struct Place {
    float x, y, z;
};

inline __device__ Place moved(const float *rows, float x, float y, float z) {
    return {rows[0] * x + rows[1] * y + rows[2] * z + rows[3], rows[4] * x + rows[5] * y + rows[6] * z + rows[7],
            rows[8] * x + rows[9] * y + rows[10] * z + rows[11]};
}

// Which photo a pixel of all is one of.
inline __device__ int photo_of(const DepthsOf *photos, int count, int64_t pixel) {
    int which = 0, end = count;
    while (end - which > 1) {
        const int middle = (which + end) / 2;
        (photos[middle].first <= pixel ? which : end) = middle;
    }
    return which;
}

inline __device__ Place in_world(const DepthsOf &photo, int pixel) {
    const int row = pixel / photo.columns, column = pixel % photo.columns;
    const float depth = photo.depth[pixel];
    const float x = (float(column) + photo.left) / photo.fx * depth, y = (float(row) + photo.top) / photo.fy * depth;
    return moved(photo.world_from_camera, x, y, depth);
}

// What a photo says of a place: it shows the same, or what is farther away; and the number of its pixel.
struct Said {
    bool same, farther;
    int pixel;
};

inline __device__ Said said(const Place &world, const DepthsOf &there, const Asked &asked) {
    const Place place = moved(there.camera_from_world, world.x, world.y, world.z);
    const float z = place.z, depth = z < 1e-6f ? 1e-6f : z;
    const float column = floorf(there.fx * place.x / depth + there.cx);
    const float row = floorf(there.fy * place.y / depth + there.cy);
    if (!(z > 0 && column >= 0 && column < float(there.columns) && row >= 0 && row < float(there.rows)))
        return {false, false, 0};
    const int pixel = int(row) * there.columns + int(column);
    const float told = there.depth[pixel], score = there.score[pixel];
    return {fabsf(told - z) < asked.same_depth * z && score >= asked.least_other_score,
            told > asked.farther * z && score >= asked.least_score, pixel};
}

extern "C" __global__ void confirm_kernel(const DepthsOf *photos, int count, int64_t pixels, const int *witnesses,
                                          Asked asked, uint8_t *believed) {
#pragma unroll 1
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < pixels; i += int64_t(gridDim.x) * blockDim.x) {
        const DepthsOf &photo = photos[photo_of(photos, count, i)];
        const int pixel = int(i - photo.first);
        const float score = photo.score[pixel];
        believed[i] = 0;
        if (!(score >= asked.least_score) && !(score >= asked.sure)) continue;
        const Place world = in_world(photo, pixel);
        int votes = 0;
#pragma unroll 1
        for (int k = 0; k < photo.witnesses; ++k) {
            const Said told = said(world, photos[witnesses[photo.first_witness + k]], asked);
            votes += int(told.same) - int(told.farther);
        }
        believed[i] = (score >= asked.sure && votes >= 1) ||
                      (score >= asked.least_score && votes >= asked.votes_for_the_unsure);
    }
}

extern "C" __global__ void fresh_kernel(const DepthsOf *photos, int count, int64_t pixels, const int *witnesses,
                                        Asked asked, const uint8_t *believed, uint8_t *fresh) {
#pragma unroll 1
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < pixels; i += int64_t(gridDim.x) * blockDim.x) {
        fresh[i] = believed[i];
        if (!believed[i]) continue;
        const int number = photo_of(photos, count, i);
        const DepthsOf &photo = photos[number];
        const Place world = in_world(photo, int(i - photo.first));
#pragma unroll 1
        for (int k = 0; k < photo.witnesses && fresh[i]; ++k) {
            const int before = witnesses[photo.first_witness + k];
            if (before >= number) continue;
            const Said told = said(world, photos[before], asked);
            if (told.same && believed[photos[before].first + told.pixel]) fresh[i] = 0;
        }
    }
}

}  // namespace splat
