// The kernels of small files: a palette for harmonics, and the constant colours beside it. Both halves include this, as
// kernels.h; as in array_kernels.h any number of threads does the same.
#pragma once
#include "both_halves.h"

namespace splat {

constexpr int kPointBlock = 128;
constexpr int kPaletteWidth = 48;  // floats of a vector at most: the 45 of degree 3, in four at a time
constexpr int kPaletteTile = 32;   // entries that a block looks at together
constexpr int kMostHarmonics = 15;

extern "C" {

// small_files.cu

// splat_files/clusters.py, _nearest: points [count][width], entries [palette][width]
__global__ void nearest_kernel(const float *points, int64_t count, const float *entries, int palette, int width,
                               int *nearest);
// splat_files/clusters.py, _means: to sums [palette][width + 1], which hold zeros, of the points of each label times
// their masses, and of the masses; in whole numbers, `scale` to 1, whose sums are the same in any order
__global__ void sums_of_labels_kernel(const float *points, const float *masses, const int *labels, int64_t count,
                                      int width, double scale, uint64_t *sums);
// splat_files/constant_colour.py, _mean_error: lost [count][harmonics][3], centers [views][3], weights [views][count]
__global__ void mean_error_kernel(const float *means, const float *lost, int64_t count, int harmonics,
                                  const float *centers, const float *weights, int views, float inertia, float *error);

}  // extern "C"

}  // namespace splat
