// See small_file_kernels.h.
#include "small_file_kernels.h"

namespace splat {

inline __device__ int64_t first_point() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
inline __device__ int64_t points_at_once() { return int64_t(gridDim.x) * blockDim.x; }

// A thread keeps a point, a block goes through the palette tile by tile. The nearest has the least |c|^2 / 2 - p c.
extern "C" __global__ void __launch_bounds__(kPointBlock)
    nearest_kernel(const float *points, int64_t count, const float *entries, int palette, int width, int *nearest) {
    __shared__ float tile[kPaletteTile][kPaletteWidth];
    __shared__ float half_squares[kPaletteTile];
    for (int64_t begin = int64_t(blockIdx.x) * blockDim.x; begin < count; begin += points_at_once()) {
        const int64_t i = begin + threadIdx.x;
        float point[kPaletteWidth];
#pragma unroll
        for (int k = 0; k < kPaletteWidth; ++k) point[k] = i < count && k < width ? points[i * width + k] : 0.0f;
        int best = 0;
        float least = 0;
        for (int first = 0; first < palette; first += kPaletteTile) {
            const int here = palette - first < kPaletteTile ? palette - first : kPaletteTile;
            __syncthreads();
            for (int k = threadIdx.x; k < kPaletteTile * kPaletteWidth; k += blockDim.x) {
                const int row = k / kPaletteWidth, column = k % kPaletteWidth;
                const bool there = row < here && column < width;
                tile[row][column] = there ? entries[int64_t(first + row) * width + column] : 0.0f;
            }
            __syncthreads();
            for (int row = threadIdx.x; row < here; row += blockDim.x) {
                float sum = 0;
                for (int k = 0; k < width; ++k) sum += tile[row][k] * tile[row][k];
                half_squares[row] = 0.5f * sum;
            }
            __syncthreads();
            for (int row = 0; row < here; ++row) {
                float distance = half_squares[row];
#pragma unroll
                for (int k = 0; k < kPaletteWidth; ++k) distance -= point[k] * tile[row][k];
                if ((first == 0 && row == 0) || distance < least) {
                    least = distance;
                    best = first + row;
                }
            }
        }
        if (i < count) nearest[i] = best;
    }
}

extern "C" __global__ void sums_of_labels_kernel(const float *points, const float *masses, const int *labels,
                                                 int64_t count, int width, double scale, uint64_t *sums) {
    const int columns = width + 1;
    for (int64_t i = first_point(); i < count * columns; i += points_at_once()) {
        const int64_t row = i / columns;
        const int column = int(i - row * columns);
        const float value = column < width ? points[row * width + column] * masses[row] : masses[row];
        auto *sum = reinterpret_cast<unsigned long long *>(sums + int64_t(labels[row]) * columns + column);
        atomicAdd(sum, static_cast<unsigned long long>(llrint(double(value) * scale)));
    }
}

// The harmonics 1 ... 15 of a direction (splatworker/render/spherical_harmonics.py).
inline __device__ void harmonics_of(float x, float y, float z, float *values) {
    const float xx = x * x, yy = y * y, zz = z * z;
    values[0] = -0.4886025119029199f * y;
    values[1] = 0.4886025119029199f * z;
    values[2] = -0.4886025119029199f * x;
    values[3] = 1.0925484305920792f * x * y;
    values[4] = -1.0925484305920792f * y * z;
    values[5] = 0.31539156525252005f * (2 * zz - xx - yy);
    values[6] = -1.0925484305920792f * x * z;
    values[7] = 0.5462742152960396f * (xx - yy);
    values[8] = -0.5900435899266435f * y * (3 * xx - yy);
    values[9] = 2.890611442640554f * x * y * z;
    values[10] = -0.4570457994644658f * y * (4 * zz - xx - yy);
    values[11] = 0.3731763325901154f * z * (2 * zz - 3 * xx - 3 * yy);
    values[12] = -0.4570457994644658f * x * (4 * zz - xx - yy);
    values[13] = 1.445305721320277f * z * (xx - yy);
    values[14] = -0.5900435899266435f * x * (xx - 3 * yy);
}

extern "C" __global__ void __launch_bounds__(kPointBlock)
    mean_error_kernel(const float *means, const float *lost, int64_t count, int harmonics, const float *centers,
                      const float *weights, int views, float inertia, float *error) {
    for (int64_t i = first_point(); i < count; i += points_at_once()) {
        float of_mine[kMostHarmonics][3];
#pragma unroll
        for (int k = 0; k < kMostHarmonics; ++k)
#pragma unroll
            for (int c = 0; c < 3; ++c) of_mine[k][c] = k < harmonics ? lost[(i * harmonics + k) * 3 + c] : 0.0f;
        float sums[3] = {0, 0, 0}, seen = inertia;
        for (int view = 0; view < views; ++view) {
            const float weight = weights[view * count + i];
            const float x = means[3 * i] - centers[3 * view], y = means[3 * i + 1] - centers[3 * view + 1];
            const float z = means[3 * i + 2] - centers[3 * view + 2];
            const float inverse = 1.0f / fmaxf(sqrtf(x * x + y * y + z * z), 1e-12f);
            float values[kMostHarmonics];
            harmonics_of(x * inverse, y * inverse, z * inverse, values);
#pragma unroll
            for (int c = 0; c < 3; ++c) {
                float shown = 0;
#pragma unroll
                for (int k = 0; k < kMostHarmonics; ++k) shown += values[k] * of_mine[k][c];
                sums[c] += weight * shown;
            }
            seen += weight;
        }
        for (int c = 0; c < 3; ++c) error[3 * i + c] = sums[c] / seen;
    }
}

}  // namespace splat
