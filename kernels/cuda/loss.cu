// Step 4: the loss of an image against its photo, and its gradient in the image: (1 - lambda) L1 + lambda (1 - SSIM).
//
// SSIM (Wang et al. 2004, equation 13) needs local means of x, y, x^2 + y^2 and x y, each an 11 x 11 Gaussian window,
// zeros outside the image. With s = x + y and d = x - y these follow from four windows instead of five:
//     mean x = (S + D) / 2, mean y = (S - D) / 2, mean (x^2 + y^2) = (SS + DD) / 2, mean x y = (SS - DD) / 4.
// The window is separable. A block covers kLossColumns x kLossRows pixels of one channel: every thread runs down a
// column of the image into registers and leaves column sums in shared memory, then runs along a row of those.
#include "kernels.h"

namespace splat {

constexpr int kReach = 5, kTaps = 2 * kReach + 1;
static_assert(kLossColumns <= kLossLoaded - 2 * kReach && kLossColumns % kLossQuad == 0, "as kernels.h says");
constexpr float kC1 = 0.01f * 0.01f, kC2 = 0.03f * 0.03f;

// exp(-(k - 5)^2 / (2 1.5^2)), normalised to a sum of 1.
inline __device__ float tap(int k) {
    const float half[kReach + 1] = {0.00102838008447911f, 0.00759875813523919f, 0.03600077212843083f,
                                    0.10936068950970002f, 0.21300553771125370f, 0.26601172486179436f};
    return half[k <= kReach ? k : kTaps - 1 - k];
}

inline __device__ float4 operator*(float weight, const float4 &v) {
    return make_float4(weight * v.x, weight * v.y, weight * v.z, weight * v.w);
}
inline __device__ float4 &operator+=(float4 &sum, const float4 &v) {
    sum.x += v.x;
    sum.y += v.y;
    sum.z += v.z;
    sum.w += v.w;
    return sum;
}

// Column sums of a block; one float4 of padding after every four keeps runs of four columns in different banks.
struct ColumnSums {
    float4 values[kLossRows][kLossLoaded + kLossLoaded / kLossQuad];
    __device__ float4 &at(int row, int column) { return values[row][column + column / kLossQuad]; }
};

// Windows of the maps that read(row, column) gives at the block's pixels, handed to visit(row, column, windows) four
// columns at a time. read() is called for positions outside the image too.
template <typename Read, typename Visit>
inline __device__ void each_window(Read read, Visit visit) {
    __shared__ ColumnSums sums;
    {
        const int column = threadIdx.x % kLossLoaded, first_row = threadIdx.x / kLossLoaded * kLossRun;
        float4 run[kLossRun] = {};
#pragma unroll
        for (int row = 0; row < kLossRun + kTaps - 1; ++row) {
            const float4 value = read(first_row + row - kReach, column - kReach);
#pragma unroll
            for (int k = 0; k < kLossRun; ++k)
                if (row - k >= 0 && row - k < kTaps) run[k] += tap(row - k) * value;
        }
#pragma unroll
        for (int k = 0; k < kLossRun; ++k) sums.at(first_row + k, column) = run[k];
    }
    __syncthreads();
    for (int item = threadIdx.x; item < kLossRows * (kLossColumns / kLossQuad); item += kLossBlock) {
        const int row = item / (kLossColumns / kLossQuad), column = item % (kLossColumns / kLossQuad) * kLossQuad;
        float4 windows[kLossQuad] = {};
#pragma unroll
        for (int k = 0; k < kLossQuad + kTaps - 1; ++k) {
            const float4 value = sums.at(row, column + k);
#pragma unroll
            for (int q = 0; q < kLossQuad; ++q)
                if (k - q >= 0 && k - q < kTaps) windows[q] += tap(k - q) * value;
        }
        visit(row, column, windows);
    }
}

// Where a block stands in one channel of the images. Maps have rows of `pitch` floats, a multiple of four.
struct Patch {
    int width, height, pitch, x0, y0;
    __device__ Patch(int width_, int height_, int pitch_)
        : width(width_), height(height_), pitch(pitch_), x0(blockIdx.x * kLossColumns), y0(blockIdx.y * kLossRows) {}
    __device__ size_t plane() const { return size_t(blockIdx.z) * width * height; }
    __device__ size_t map_plane() const { return size_t(blockIdx.z) * pitch * height; }
    __device__ bool inside(int row, int column) const {
        return unsigned(x0 + column) < unsigned(width) && unsigned(y0 + row) < unsigned(height);
    }
    // Offsets in a channel. Where there is no pixel, that of one that is: loads that always happen can all be under way
    // at once, and what they bring is dropped.
    __device__ int pixel(int row, int column) const { return offset(row, column, width); }
    __device__ int map(int row, int column) const { return offset(row, column, pitch); }
    __device__ int offset(int row, int column, int stride) const {
        return inside(row, column) ? (y0 + row) * stride + x0 + column : 0;
    }
};

// The sum of `value` over the block, in thread 0.
inline __device__ float block_sum(float value) {
    __shared__ float warps[kLossBlock / kWarp];
    for (int step = kWarp / 2; step > 0; step /= 2) value += __shfl_down_sync(kAllLanes, value, step);
    if (threadIdx.x % kWarp == 0) warps[threadIdx.x / kWarp] = value;
    __syncthreads();
    float sum = 0;
    for (int warp = 0; warp < kLossBlock / kWarp; ++warp) sum += warps[warp];
    __syncthreads();
    return sum;
}

// d SSIM / d (mean x, mean x^2, mean x y) at every pixel, and the block's sums of |x - y|, or of Huber's function of it, and SSIM.
extern "C" __global__ void __launch_bounds__(kLossBlock, 8)
    similarity_kernel(Instances instances, const float *image, const uint8_t *photo, int width, int height, int pitch,
                      float huber_delta, float *d_mean, float *d_square, float *d_product, float2 *partial) {
    if (!instances.fit()) return;
    const Patch patch(width, height, pitch);
    image += patch.plane();
    photo += patch.plane();
    d_mean += patch.map_plane();
    d_square += patch.map_plane();
    d_product += patch.map_plane();
    const float half_delta = 0.5f * huber_delta, half_inverse = huber_delta > 0 ? 0.5f / huber_delta : 0.0f;
    float l1 = 0, ssim = 0;
    auto read = [&](int row, int column) {
        const int at = patch.pixel(row, column);
        const bool inside = patch.inside(row, column);
        float x = image[at], y = photo[at] * (1.0f / 255.0f);
        x = inside ? x : 0.0f;
        y = inside ? y : 0.0f;
        // Each pixel belongs to the one thread that reads it in the middle of its run.
        const int run_row = row - int(threadIdx.x) / kLossLoaded * kLossRun;
        if (run_row >= 0 && run_row < kLossRun && column >= 0 && column < kLossColumns) {
            const float error = fabsf(x - y);
            l1 += error < huber_delta ? half_inverse * error * error : error - half_delta;
        }
        const float s = x + y, d = x - y;
        return make_float4(s, d, s * s, d * d);
    };
    auto visit = [&](int row, int column, const float4 *windows) {
        float mean[kLossQuad], square[kLossQuad], product[kLossQuad];
#pragma unroll
        for (int q = 0; q < kLossQuad; ++q) {
            const float4 w = windows[q];
            const float mx = 0.5f * (w.x + w.y), my = 0.5f * (w.x - w.y);
            const float covariance = 0.25f * (w.z - w.w) - mx * my;
            const float variances = 0.5f * (w.z + w.w) - mx * mx - my * my;
            const float a1 = 2 * mx * my + kC1, a2 = 2 * covariance + kC2;
            const float inverse_b1 = 1 / (mx * mx + my * my + kC1), inverse_b2 = 1 / (variances + kC2);
            const float inverse = inverse_b1 * inverse_b2, value = a1 * a2 * inverse;
            if (patch.inside(row, column + q)) ssim += value;
            // The variance is mean x^2 - (mean x)^2 and the covariance mean x y - mean x mean y.
            mean[q] = 2 * (my * (a2 - a1) * inverse + mx * value * (inverse_b2 - inverse_b1));
            square[q] = -value * inverse_b2;
            product[q] = 2 * a1 * inverse;
        }
        if (!patch.inside(row, column)) return;
        const int at = patch.map(row, column);
        *reinterpret_cast<float4 *>(d_mean + at) = make_float4(mean[0], mean[1], mean[2], mean[3]);
        *reinterpret_cast<float4 *>(d_square + at) = make_float4(square[0], square[1], square[2], square[3]);
        *reinterpret_cast<float4 *>(d_product + at) = make_float4(product[0], product[1], product[2], product[3]);
    };
    each_window(read, visit);
    l1 = block_sum(l1);
    ssim = block_sum(ssim);
    if (threadIdx.x == 0)
        partial[(size_t(blockIdx.z) * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x] = make_float2(l1, ssim);
}

// Sums the blocks' partial values, always in the same order.
inline __device__ void write_values(const float2 *partial, int blocks, double per_pixel, float lambda, float *values) {
    __shared__ double l1_sums[kLossBlock], ssim_sums[kLossBlock];
    double l1 = 0, ssim = 0;
    for (int k = threadIdx.x; k < blocks; k += kLossBlock) {
        l1 += partial[k].x;
        ssim += partial[k].y;
    }
    l1_sums[threadIdx.x] = l1;
    ssim_sums[threadIdx.x] = ssim;
    __syncthreads();
    if (threadIdx.x != 0) return;
    for (int k = 1; k < kLossBlock; ++k) {
        l1 += l1_sums[k];
        ssim += ssim_sums[k];
    }
    l1 *= per_pixel;
    ssim *= per_pixel;
    values[0] = float((1 - lambda) * l1 + lambda * (1 - ssim));
    values[1] = float(l1);
    values[2] = float(ssim);
}

// d SSIM / d x at a pixel gathers the windows that it is part of: that of mean x, 2 x times that of mean x^2, and y
// times that of mean x y.
// aligned: every four neighbours from a multiple of four on can be read and written at once.
extern "C" __global__ void __launch_bounds__(kLossBlock, 8)
    loss_gradient_kernel(Instances instances, const float *image, const uint8_t *photo, int width, int height,
                         int pitch, bool aligned, LossTerms terms, const float *d_mean, const float *d_square,
                         const float *d_product, const float2 *partial, int partials, float *grad_image,
                         float *values) {
    if (!instances.fit()) return;
    const Patch patch(width, height, pitch);
    const double per_pixel = 1.0 / (3.0 * width * height);
    const float lambda = terms.lambda_dssim, delta = terms.huber_delta, inverse = delta > 0 ? 1 / delta : 0.0f;
    const float l1_scale = float((1 - lambda) * per_pixel), ssim_scale = float(-lambda * per_pixel);
    image += patch.plane();
    photo += patch.plane();
    grad_image += patch.plane();
    d_mean += patch.map_plane();
    d_square += patch.map_plane();
    d_product += patch.map_plane();
    auto read = [&](int row, int column) {
        const int at = patch.map(row, column);
        const float4 value = make_float4(d_mean[at], d_square[at], d_product[at], 0);
        return patch.inside(row, column) ? value : make_float4(0, 0, 0, 0);
    };
    const auto gradient = [&](float x, uint8_t photo_value, const float4 &window) {
        const float y = photo_value * (1.0f / 255.0f), sign = x > y ? 1.0f : x < y ? -1.0f : 0.0f;
        const float slope = fabsf(x - y) < delta ? inverse * (x - y) : sign;
        return l1_scale * slope + ssim_scale * (window.x + 2 * x * window.y + y * window.z);
    };
    auto visit = [&](int row, int column, const float4 *w) {
        if (!patch.inside(row, column)) return;
        const int at = patch.pixel(row, column);
        if (aligned) {
            const float4 x = *reinterpret_cast<const float4 *>(image + at);
            const uchar4 y = *reinterpret_cast<const uchar4 *>(photo + at);
            *reinterpret_cast<float4 *>(grad_image + at) = make_float4(
                gradient(x.x, y.x, w[0]), gradient(x.y, y.y, w[1]), gradient(x.z, y.z, w[2]), gradient(x.w, y.w, w[3]));
        } else {
#pragma unroll
            for (int q = 0; q < kLossQuad; ++q)
                if (patch.inside(row, column + q)) grad_image[at + q] = gradient(image[at + q], photo[at + q], w[q]);
        }
    };
    each_window(read, visit);
    if (blockIdx.x == 0 && blockIdx.y == 0 && blockIdx.z == 0)
        write_values(partial, partials, per_pixel, lambda, values);
}

// A picture, or its gradient, `scale` times as large and 0 where pixels are ignored: before the loss, and after it.
extern "C" __global__ void __launch_bounds__(kLeaveOutBlock)
    leave_out_kernel(Instances instances, const uint8_t *ignored, int pixels, float scale, float *image) {
    const int at = blockIdx.x * kLeaveOutBlock + threadIdx.x;
    if (at >= pixels || !instances.fit()) return;
    const bool counts = ignored[at] == 0;
    for (int channel = 0; channel < 3; ++channel) {
        float &value = image[size_t(channel) * pixels + at];
        value = counts ? scale * value : 0.0f;
    }
}

}  // namespace splat
