// The kernels of arrays: what a trainer and an exporter do to Gaussians and photos beside a frame. Both halves include
// this, as kernels.h. Each loops over its items in steps of the whole grid, so any number of threads does the same.
// Their twins, in numpy, are named at each.
#pragma once
#include "both_halves.h"

namespace splat {

constexpr int kArrayBlock = 256;
constexpr unsigned kMostArrayBlocks = 1 << 14;
constexpr int kSumBlocks = 512;  // that share a sum

constexpr int kPictureChannels = 3;

// Where C cameras are, and what they see: rows of camera_from_world, and focal lengths and principal point in shares of
// the picture, seen from its middle (train/free_space.py, lens).
struct Cameras {
    const float *camera_from_world;  // [count][3][4]
    const float *lenses;             // [count][4]
    int count, unused;
};

// What density control has to know of a Gaussian, in the bits of a byte.
constexpr int kWanted = 1, kSmall = 2, kFits = 4;

struct Pinhole {
    float rows[12];  // of camera_from_world
    float fx, fy, cx, cy, near;
    int width, height, unused;
};
static_assert(sizeof(Cameras) == 24 && sizeof(Pinhole) == 80, "without gaps");

extern "C" {

// arrays.cu

// target[:] = value
__global__ void fill_kernel(float *target, int64_t count, float value);
// render/arrays.py, rows: source[index], rows of `width` numbers of 4 bytes
__global__ void rows_kernel(const uint32_t *source, const int *index, int64_t count, int width, uint32_t *target);
// train/density_facts.py, facts_of: the bits above of each Gaussian, with log_scales [count][3]
__global__ void density_facts_kernel(const float *norms, const float *views, const float *log_scales, int64_t count,
                                     float gradient, float small, float large, uint8_t *facts);
// numpy's clip
__global__ void clip_kernel(const float *numbers, int64_t count, float low, float high, float *out);
// train/free_space.py, FreeSpace.holds; ends: [cameras]
__global__ void free_space_kernel(const float *means, int64_t count, Cameras cameras, const float *ends, float margin,
                                  uint8_t *held);
// train/silhouettes.py, Silhouettes.outside; opaque, counts (or null): [cameras][side][side]
__global__ void outside_kernel(const float *means, int64_t count, Cameras cameras, const uint8_t *opaque,
                               const uint8_t *counts, int side, uint8_t *outside);
// train/resolution.py, halved, of planes (height, width); ignored (or null): of the halved picture
__global__ void halve_photo_kernel(const uint8_t *photo, int planes, int width, int height, const uint8_t *ignored,
                                   uint8_t *out);
__global__ void halve_mask_kernel(const uint8_t *mask, int width, int height, uint8_t *out);
// train/photos.py, Views.over; colour: [3]
__global__ void lay_over_kernel(const uint8_t *photo, const uint8_t *hole, const uint8_t *ignored, const float *colour,
                                float background, int64_t pixels, uint8_t *out);
// train/photos.py, Views.divided; factors: [3]
__global__ void scale_photo_kernel(const uint8_t *photo, const float *factors, int64_t pixels, uint8_t *out);
// render/arrays.py, area_means; bytes that are `not_zero` count as 1
__global__ void area_means_kernel(const uint8_t *picture, int width, int height, int side, bool not_zero, float *means);
// render/ignored.py: left_out, hides, Uncounted.put_back, weighted
__global__ void without_ignored_kernel(const float *picture, const uint8_t *ignored, int64_t pixels, float scale,
                                       float *out);
__global__ void hides_kernel(const float *means, int64_t count, Pinhole camera, const uint8_t *ignored,
                             uint8_t *hidden);
__global__ void put_back_kernel(const uint8_t *hidden, const float *before, int64_t count, float *now);
__global__ void weigh_loss_kernel(float *values, float weight);
// render/metrics.py, psnr: sums of squares of what is not ignored (or null: all), one a block
__global__ void square_errors_kernel(const float *image, const uint8_t *photo, const uint8_t *ignored, int64_t pixels,
                                     double *sums);
// render/arrays.py, mean_square_difference: the same of two pictures, where pixels are counted (or null: all)
__global__ void square_differences_kernel(const float *a, const float *b, const uint8_t *counted, int64_t pixels,
                                          double *sums);
// export/pictures.py, to_picture
__global__ void to_picture_kernel(const float *image, int64_t pixels, uint8_t *picture);

}  // extern "C"

}  // namespace splat
