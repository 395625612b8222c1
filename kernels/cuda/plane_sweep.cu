// Plane sweeps of many photos at once: see plane_sweep_kernels.h. Compiled without fused multiply-adds, quotients and
// roots rounded as IEEE 754 has it, each sum in the order of kernels/cpu/plane_sweep.cpp: the same bits.
//
// A block keeps what it knows of a tile of windows through all depths. At each depth and for each other photo its
// threads lay that over the tile and a margin; sum it along rows; and sum these down, which correlates the windows.
#include "plane_sweep_kernels.h"

namespace splat {

constexpr float kLeastVariance = 1e-5f, kLeastDepth = 1e-6f, kPlain = 2e-4f;
constexpr float kTogether = 0.6f, kAlone = 0.85f;  // train/plane_sweep.py, TOGETHER and ALONE
constexpr float kShare = float(1.0 / (kSweptSide * kSweptSide));
constexpr int kTileWidth = kSweepAcross + kSweptSide - 1, kTileHeight = kSweepDown + kSweptSide - 1;

extern "C" __global__ void mean_grey_kernel(const uint8_t *photo, int64_t pixels, float *grey) {
#pragma unroll 1  // nearly every thread has one
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < pixels; i += int64_t(gridDim.x) * blockDim.x)
        grey[i] = (float(photo[i]) + float(photo[pixels + i]) + float(photo[2 * pixels + i])) / 765.0f;
}

// Within [0, last], also what is no number.
inline __device__ float within(float at, float last) {
    const float above = at > 0.0f ? at : 0.0f;
    return above < last ? above : last;
}

// Another photo's value where a pixel is at a depth, and whether it is in it.
inline __device__ float laid_at(const LaidOver &other, float x, float y, float depth, bool &is_inside) {
    const float *linear = other.linear, *shift = other.shift;
    const float of_x = (linear[0] * x + linear[1] * y + linear[2]) * depth + shift[0];
    const float of_y = (linear[3] * x + linear[4] * y + linear[5]) * depth + shift[1];
    const float of_z = (linear[6] * x + linear[7] * y + linear[8]) * depth + shift[2];
    const float ahead = of_z > kLeastDepth ? of_z : kLeastDepth;
    const float column = of_x / ahead - 0.5f, row = of_y / ahead - 0.5f;
    const float at_column = within(column, float(other.columns - 1)), at_row = within(row, float(other.rows - 1));
    is_inside = of_z > kLeastDepth && at_column == column && at_row == row;
    int top = int(at_row), left = int(at_column);
    top = top < other.rows - 2 ? top : other.rows - 2;
    left = left < other.columns - 2 ? left : other.columns - 2;
    const float right = at_column - float(left), down = at_row - float(top);
    const float *upper = other.grey + int64_t(top) * other.columns + left, *lower = upper + other.columns;
    const float above = upper[0] * (1.0f - right) + upper[1] * right;
    const float under = lower[0] * (1.0f - right) + lower[1] * right;
    return above * (1.0f - down) + under * down;
}

// A tile of a photo, what is laid over it, and sums along the rows of both.
struct Tile {
    float grey[kTileHeight * kTileWidth], laid[kTileHeight * kTileWidth];
    float sums[3][kTileHeight * kSweepAcross];
    bool inside[2][kTileHeight * kTileWidth];  // twice: windows still ask while the next photo is laid over
};

// Sums along rows: of values, of their squares and of their products with the photo's own.
template <int kThreads>
inline __device__ void sum_along(const float *values, Tile &tile) {
    for (int i = threadIdx.x; i < kTileHeight * kSweepAcross; i += kThreads) {
        const int first = i / kSweepAcross * kTileWidth + i % kSweepAcross;
        const float *v = values + first, *g = tile.grey + first;
        float sum = v[0], square = v[0] * v[0], product = v[0] * g[0];
#pragma unroll
        for (int k = 1; k < kSweptSide; ++k) {
            sum += v[k];
            square += v[k] * v[k];
            product += v[k] * g[k];
        }
        tile.sums[0][i] = sum;
        tile.sums[1][i] = square;
        tile.sums[2][i] = product;
    }
}

// The mean over a window, of sums along its rows.
inline __device__ float mean_down(const float *sums, int window) {
    float sum = sums[window];
#pragma unroll
    for (int k = 1; k < kSweptSide; ++k) sum += sums[window + k * kSweepAcross];
    return sum * kShare;
}

// The best of a window's scores so far, its depth, and those before, at and after it. `earlier` and `last`: its scores at
// the depths before.
struct Peak {
    float earlier, last, top, before, at, after;
    int step;
};

// What is known of a window.
struct Window {
    float mean, variance;
    float best, second;  // correlations at this depth
    Peak together, alone;
};

inline __device__ void correlate(const Tile &tile, const bool *inside, int number, Window &window) {
    const float laid = mean_down(tile.sums[0], number);
    const float spread = mean_down(tile.sums[1], number) - laid * laid;
    const float product = mean_down(tile.sums[2], number) - laid * window.mean;
    const float other = spread > kLeastVariance ? spread : kLeastVariance;
    const float own = window.variance > kLeastVariance ? window.variance : kLeastVariance;
    const float alike = product / sqrtf(other * own);
    const int middle = (number / kSweepAcross + kSweptRadius) * kTileWidth + number % kSweepAcross + kSweptRadius;
    const float found = inside[middle] ? alike : kSweptUnknown;
    const float less = window.best < found ? window.best : found;
    window.second = window.second > less ? window.second : less;
    window.best = window.best > found ? window.best : found;
}

inline __device__ void keep_the_best(int depth, int steps, float score, Peak &peak) {
    if (score > peak.top) {
        peak.top = score;
        peak.step = depth;
    }
    int middle = peak.step > 1 ? peak.step : 1;
    middle = middle < steps - 2 ? middle : steps - 2;
    if (depth >= 2 && middle == depth - 1) {
        peak.before = peak.earlier;
        peak.at = peak.last;
        peak.after = score;
    }
    peak.earlier = peak.last;
    peak.last = score;
}

// After the last other photo of a depth.
inline __device__ void keep_the_best(int depth, const SweepOf &sweep, Window &window) {
    const float score = sweep.others > 1 ? (window.best + window.second) / 2.0f : window.best;
    keep_the_best(depth, sweep.steps, score, window.together);
    keep_the_best(depth, sweep.steps, window.best, window.alone);
}

// train/plane_sweep.py, _peak: a depth and how well others agree.
struct Found {
    float depth, score;
};

inline __device__ Found peak_of(const SweepOf &sweep, bool is_plain, const Peak &peak) {
    int middle = peak.step > 1 ? peak.step : 1;
    middle = middle < sweep.steps - 2 ? middle : sweep.steps - 2;
    const float bend = peak.before - 2.0f * peak.at + peak.after;
    float aside = 0.0f;
    if (bend < -kLeastDepth) aside = (peak.before - peak.after) / (2.0f * bend);
    aside = aside < -0.5f ? -0.5f : aside > 0.5f ? 0.5f : aside;
    const float depth = 1.0f / (sweep.inverse + sweep.spacing * (float(middle) + aside));
    return {depth, middle == peak.step && !is_plain ? peak.at : kSweptUnknown};
}

// train/plane_sweep.py, _either.
inline __device__ void write(const SweepOf &sweep, int row, int column, const Window &window) {
    const bool is_plain = !(window.variance >= kPlain);
    const Found together = peak_of(sweep, is_plain, window.together), alone = peak_of(sweep, is_plain, window.alone);
    const bool is_two_view = together.score < kTogether && alone.score >= kAlone;
    const int64_t pixel = int64_t(row + kSweptRadius) * sweep.columns + column + kSweptRadius;
    const bool is_ignored = sweep.ignored && sweep.ignored[pixel];
    sweep.depth[pixel] = is_two_view ? alone.depth : together.depth;
    sweep.score[pixel] = is_ignored ? kSweptUnknown : is_two_view ? alone.score : together.score;
    sweep.two_view[pixel] = is_two_view;
}

// kThreads: of the block. What the whole block has to have done before it goes on, __syncthreads says.
template <int kThreads>
inline __device__ void sweep_tile(const SweepOf *sweeps, int count, const LaidOver *others, const float *depths,
                                  Tile &tile) {
    constexpr int kWindows = kSweepAcross * kSweepDown / kThreads;  // of a thread
    int which = 0, end = count;
    while (end - which > 1) {
        const int middle = (which + end) / 2;
        (sweeps[middle].first_block <= int(blockIdx.x) ? which : end) = middle;
    }
    const SweepOf sweep = sweeps[which];
    const int across = sweep.columns - kSweptSide + 1, down = sweep.rows - kSweptSide + 1;
    const int tiles = (across + kSweepAcross - 1) / kSweepAcross, number = int(blockIdx.x) - sweep.first_block;
    const int left = number % tiles * kSweepAcross, top = number / tiles * kSweepDown;

    for (int i = threadIdx.x; i < kTileHeight * kTileWidth; i += kThreads) {
        const int row = top + i / kTileWidth, column = left + i % kTileWidth;
        const bool is_there = row < sweep.rows && column < sweep.columns;
        tile.grey[i] = is_there ? sweep.grey[int64_t(row) * sweep.columns + column] : 0.0f;
    }
    __syncthreads();
    sum_along<kThreads>(tile.grey, tile);
    __syncthreads();
    Window windows[kWindows];
#pragma unroll
    for (int k = 0; k < kWindows; ++k) {
        const int at = threadIdx.x + k * kThreads;
        const float mean = mean_down(tile.sums[0], at);
        const float variance = mean_down(tile.sums[1], at) - mean * mean;
        const Peak none = {0, 0, -3.4e38f, 0, 0, 0, 0};
        windows[k] = {mean, variance, 0, 0, none, none};
    }
    int turn = 0;
    for (int depth = 0; depth < sweep.steps; ++depth) {
        const float distance = depths[sweep.first_depth + depth];
#pragma unroll
        for (int k = 0; k < kWindows; ++k) windows[k].best = windows[k].second = kSweptUnknown;
        for (int other = 0; other < sweep.others; ++other) {
            const LaidOver &over = others[sweep.first_other + other];
            bool *inside = tile.inside[turn ^= 1];
            for (int i = threadIdx.x; i < kTileHeight * kTileWidth; i += kThreads) {
                const float x = float(left + i % kTileWidth) + 0.5f, y = float(top + i / kTileWidth) + 0.5f;
                tile.laid[i] = laid_at(over, x, y, distance, inside[i]);
            }
            __syncthreads();
            sum_along<kThreads>(tile.laid, tile);
            __syncthreads();
#pragma unroll
            for (int k = 0; k < kWindows; ++k) correlate(tile, inside, threadIdx.x + k * kThreads, windows[k]);
        }
#pragma unroll
        for (int k = 0; k < kWindows; ++k) keep_the_best(depth, sweep, windows[k]);
    }
#pragma unroll
    for (int k = 0; k < kWindows; ++k) {
        const int at = threadIdx.x + k * kThreads, row = top + at / kSweepAcross, column = left + at % kSweepAcross;
        if (row < down && column < across) write(sweep, row, column, windows[k]);
    }
}

extern "C" __global__ void __launch_bounds__(kSweepBlock)
    plane_sweep_kernel(const SweepOf *sweeps, int count, const LaidOver *others, const float *depths) {
    __shared__ Tile tile;
    sweep_tile<kSweepBlock>(sweeps, count, others, depths, tile);
}

}  // namespace splat
