// See array_kernels.h. Compiled without fused multiply-adds: what numpy does in float32, to the bit.
#include "array_kernels.h"

namespace splat {

// Does something for each item, a thread those that are as far apart as the grid has threads. Not unrolled: nearly every
// thread has one item, and what is unrolled is carried in the module for every architecture.
template <typename Do>
inline __device__ void each(int64_t count, Do todo) {
#pragma unroll 1
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x)
        todo(i);
}

// What is not a number stays so.
inline __device__ float between(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

inline __device__ uint8_t to_byte(float x) { return uint8_t(between(rintf(x), 0.0f, 255.0f)); }

extern "C" __global__ void fill_kernel(float *target, int64_t count, float value) {
    each(count, [&](int64_t i) { target[i] = value; });
}

extern "C" __global__ void rows_kernel(const uint32_t *source, const int *index, int64_t count, int width,
                                       uint32_t *target) {
    each(count * width, [&](int64_t i) {
        const int64_t row = i / width;
        target[i] = source[int64_t(index[row]) * width + (i - row * width)];
    });
}

extern "C" __global__ void density_facts_kernel(const float *norms, const float *views, const float *log_scales,
                                                int64_t count, float gradient, float small, float large,
                                                uint8_t *facts) {
    each(count, [&](int64_t i) {
        const float seen = views[i], *scales = log_scales + 3 * i;
        const float mean = norms[i] / (seen < 1 ? 1 : seen);
        float most = scales[0];
        for (int k = 1; k < 3; ++k)
            if (scales[k] > most || scales[k] != scales[k]) most = scales[k];
        facts[i] = (mean >= gradient && seen > 0 ? kWanted : 0) | (most <= small ? kSmall : 0) |
                   (most <= large ? kFits : 0);
    });
}

extern "C" __global__ void clip_kernel(const float *numbers, int64_t count, float low, float high, float *out) {
    each(count, [&](int64_t i) { out[i] = between(numbers[i], low, high); });
}

// A coordinate of a mean along a row of camera_from_world (train/free_space.py, along).
inline __device__ float along(const float *mean, const float *row) {
    return row[3] + row[0] * mean[0] + row[1] * mean[1] + row[2] * mean[2];
}

extern "C" __global__ void free_space_kernel(const float *means, int64_t count, Cameras cameras, const float *ends,
                                             float margin, uint8_t *held) {
    each(count, [&](int64_t i) {
        const float *mean = means + 3 * i;
        bool is_held = false;
        for (int c = 0; c < cameras.count && !is_held; ++c) {
            const float *rows = cameras.camera_from_world + 12 * c, *lens = cameras.lenses + 4 * c;
            const float x = along(mean, rows), y = along(mean, rows + 4), z = along(mean, rows + 8);
            const float reach = margin * z;
            is_held = fabsf(lens[0] * x + lens[2] * z) < reach && fabsf(lens[1] * y + lens[3] * z) < reach && z > 0 &&
                      z < ends[c];
        }
        held[i] = is_held;
    });
}

extern "C" __global__ void outside_kernel(const float *means, int64_t count, Cameras cameras, const uint8_t *opaque,
                                          const uint8_t *counts, int side, uint8_t *outside) {
    each(count, [&](int64_t i) {
        const float *mean = means + 3 * i;
        int seen = 0, hits = 0;
        for (int c = 0; c < cameras.count; ++c) {
            const float *rows = cameras.camera_from_world + 12 * c, *lens = cameras.lenses + 4 * c;
            const float x = along(mean, rows), y = along(mean, rows + 4), z = along(mean, rows + 8);
            const float depth = z < 1e-6f ? 1e-6f : z;
            const float column = floorf((lens[0] * x / depth + lens[2] + 0.5f) * side);
            const float row = floorf((lens[1] * y / depth + lens[3] + 0.5f) * side);
            if (!(z > 0 && column >= 0 && column < side && row >= 0 && row < side)) continue;
            const int64_t pixel = (int64_t(c) * side + int(row)) * side + int(column);
            if (counts && !counts[pixel]) continue;
            ++seen;
            hits += opaque[pixel] != 0;
        }
        outside[i] = 2 * hits < seen || hits == 0;
    });
}

// Four neighbours of a picture (..., width), of which the first is at (2 x, 2 y).
inline __device__ const uint8_t *square(const uint8_t *plane, int width, int x, int y) {
    return plane + int64_t(2 * y) * width + 2 * x;
}

extern "C" __global__ void halve_photo_kernel(const uint8_t *photo, int planes, int width, int height,
                                              const uint8_t *ignored, uint8_t *out) {
    const int columns = width / 2, rows = height / 2;
    const int64_t pixels = int64_t(columns) * rows;
    each(pixels * planes, [&](int64_t i) {
        const int64_t plane = i / pixels, pixel = i - plane * pixels;
        const int y = int(pixel / columns), x = int(pixel - int64_t(y) * columns);
        const uint8_t *p = square(photo + plane * width * height, width, x, y);
        const int sum = p[0] + p[1] + p[width] + p[width + 1];
        out[i] = ignored && ignored[pixel] ? 0 : to_byte(sum * 0.25f);
    });
}

extern "C" __global__ void halve_mask_kernel(const uint8_t *mask, int width, int height, uint8_t *out) {
    const int columns = width / 2, rows = height / 2;
    each(int64_t(columns) * rows, [&](int64_t i) {
        const int y = int(i / columns), x = int(i - int64_t(y) * columns);
        const uint8_t *p = square(mask, width, x, y);
        out[i] = p[0] || p[1] || p[width] || p[width + 1];
    });
}

extern "C" __global__ void lay_over_kernel(const uint8_t *photo, const uint8_t *hole, const uint8_t *ignored,
                                           const float *colour, float background, int64_t pixels, uint8_t *out) {
    each(kPictureChannels * pixels, [&](int64_t i) {
        const int64_t channel = i / pixels, pixel = i - channel * pixels;
        const float change = 255.0f * colour[channel] - background;
        const float laid = float(photo[i]) + float(hole[pixel]) * float(1.0 / 255) * change;
        out[i] = ignored && ignored[pixel] ? 0 : to_byte(laid);
    });
}

extern "C" __global__ void scale_photo_kernel(const uint8_t *photo, const float *factors, int64_t pixels,
                                              uint8_t *out) {
    each(kPictureChannels * pixels, [&](int64_t i) { out[i] = to_byte(float(photo[i]) * factors[i / pixels]); });
}

extern "C" __global__ void area_means_kernel(const uint8_t *picture, int width, int height, int side, bool not_zero,
                                             float *means) {
    each(int64_t(side) * side, [&](int64_t i) {
        const int64_t row = i / side, column = i - row * side;
        const int64_t left = column * width / side, right = ((column + 1) * width + side - 1) / side;
        const int64_t top = row * height / side, bottom = ((row + 1) * height + side - 1) / side;
        int64_t sum = 0;
        for (int64_t y = top; y < bottom; ++y)
            for (int64_t x = left; x < right; ++x) {
                const uint8_t here = picture[y * width + x];
                sum += not_zero ? here != 0 : here;
            }
        means[i] = float(double(sum) / double((right - left) * (bottom - top)));
    });
}

extern "C" __global__ void without_ignored_kernel(const float *picture, const uint8_t *ignored, int64_t pixels,
                                                  float scale, float *out) {
    each(kPictureChannels * pixels, [&](int64_t i) { out[i] = ignored[i % pixels] ? 0.0f : picture[i] * scale; });
}

extern "C" __global__ void hides_kernel(const float *means, int64_t count, Pinhole camera, const uint8_t *ignored,
                                        uint8_t *hidden) {
    each(count, [&](int64_t i) {
        const float *mean = means + 3 * i;
        float place[3];
        for (int k = 0; k < 3; ++k) {
            const float *row = camera.rows + 4 * k;
            place[k] = mean[0] * row[0] + mean[1] * row[1] + mean[2] * row[2] + row[3];
        }
        const float z = place[2];
        const float column = floorf(camera.fx * place[0] / z + camera.cx);
        const float row = floorf(camera.fy * place[1] / z + camera.cy);
        const bool inside = z > camera.near && column >= 0 && column < camera.width && row >= 0 && row < camera.height;
        hidden[i] = inside && ignored[int64_t(row) * camera.width + int64_t(column)];
    });
}

extern "C" __global__ void put_back_kernel(const uint8_t *hidden, const float *before, int64_t count, float *now) {
    each(count, [&](int64_t i) {
        if (hidden[i]) now[i] = before[i];
    });
}

extern "C" __global__ void weigh_loss_kernel(float *values, float weight) {
    if (blockIdx.x || threadIdx.x) return;
    values[0] = weight * values[0];
    values[1] = weight * values[1];
    values[2] = 1 - weight * (1 - values[2]);
}

// The sum of what the threads of a block have, in the order of the threads, however many blocks run at once.
inline __device__ void sum_of_block(double of_mine, double *sums) {
    __shared__ double of_thread[kArrayBlock];
    of_thread[threadIdx.x] = of_mine;
    for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) of_thread[threadIdx.x] += of_thread[threadIdx.x + half];
    }
    if (threadIdx.x == 0) sums[blockIdx.x] = of_thread[0];
}

extern "C" __global__ void square_errors_kernel(const float *image, const uint8_t *photo, const uint8_t *ignored,
                                                int64_t pixels, double *sums) {
    double sum = 0;
    each(kPictureChannels * pixels, [&](int64_t i) {
        if (ignored && ignored[i % pixels]) return;
        const float error = between(image[i], 0.0f, 1.0f) - float(photo[i]) / 255.0f;
        sum += double(error * error);
    });
    sum_of_block(sum, sums);
}

extern "C" __global__ void square_differences_kernel(const float *a, const float *b, const uint8_t *counted,
                                                     int64_t pixels, double *sums) {
    double sum = 0;
    each(kPictureChannels * pixels, [&](int64_t i) {
        if (counted && !counted[i % pixels]) return;
        const float difference = a[i] - b[i];
        sum += double(difference * difference);
    });
    sum_of_block(sum, sums);
}

extern "C" __global__ void to_picture_kernel(const float *image, int64_t pixels, uint8_t *picture) {
    each(pixels, [&](int64_t i) {
        for (int channel = 0; channel < kPictureChannels; ++channel)
            picture[kPictureChannels * i + channel] = to_byte(image[channel * pixels + i] * 255.0f);
    });
}

}  // namespace splat
