// SIFT, the same arithmetic as kernels/features on a CPU and so the same bytes: compiled without fused multiply-adds,
// quotients and roots rounded as IEEE 754 has it, histograms in integers, whose sums are the same in any order.
#include "sift_kernels.h"
#include "../features/arithmetic.h"
#include "../features/peaks.h"
#include "../features/refine.h"

namespace splat {

using namespace features;

// The items of a grid's thread: first, and how far to the next.
inline __device__ int64_t first_item() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
inline __device__ int64_t next_item() { return int64_t(gridDim.x) * blockDim.x; }

inline __device__ int at_most(int a, int b) { return a < b ? a : b; }
inline __device__ int at_least(int a, int b) { return a > b ? a : b; }

inline __device__ float twice_as_wide(const uint8_t *row, int width, int x) {
    const float here = float(row[x / 2]) / 255.0f;
    if (x % 2 == 0) return here;
    return 0.5f * (here + float(row[at_most(x / 2 + 1, width - 1)]) / 255.0f);
}

extern "C" __global__ void grey_kernel(const uint8_t *grey, int width, int height, bool doubled, float *out) {
    const int columns = doubled ? 2 * width : width, rows = doubled ? 2 * height : height;
    for (int64_t i = first_item(); i < int64_t(columns) * rows; i += next_item()) {
        if (!doubled) {
            out[i] = float(grey[i]) / 255.0f;
            continue;
        }
        const int y = int(i / columns), x = int(i % columns);
        const float here = twice_as_wide(grey + int64_t(y / 2) * width, width, x);
        const float next = twice_as_wide(grey + int64_t(at_most(y / 2 + 1, height - 1)) * width, width, x);
        out[i] = y % 2 == 0 ? here : 0.5f * (here + next);
    }
}

extern "C" __global__ void blur_kernel(const float *in, int width, int height, bool along, BlurWeights weights,
                                       float *out) {
    for (int64_t i = first_item(); i < int64_t(width) * height; i += next_item()) {
        const int y = int(i / width), x = int(i % width);
        const int64_t step = along ? 1 : width;
        const int place = along ? x : y, last = along ? width - 1 : height - 1;
        float sum = in[i] * weights.weight[0];
        for (int k = 1; k <= weights.radius; ++k) {
            const float before = in[i + (at_least(place - k, 0) - place) * step];
            const float after = in[i + (at_most(place + k, last) - place) * step];
            sum = sum + (before + after) * weights.weight[k];
        }
        out[i] = sum;
    }
}

// `out` is of half the width and height, rounded down.
extern "C" __global__ void halve_kernel(const float *in, int width, int height, float *out) {
    const int columns = width / 2, rows = height / 2;
    for (int64_t i = first_item(); i < int64_t(columns) * rows; i += next_item())
        out[i] = in[2 * (i / columns) * width + 2 * (i % columns)];
}

struct PixelOf {
    const SiftLevels &levels;
    __device__ float operator()(int level, int y, int x) const {
        return levels.level[level][int64_t(y) * levels.width + x];
    }
};

inline __device__ bool is_extremum(const PixelOf &pixel, int level, int row, int column) {
    const float here = pixel(level + 1, row, column) - pixel(level, row, column);
    bool high = here >= kFirstPeak, low = here <= -kFirstPeak;
    if (!high && !low) return false;
    for (int d = -1; d <= 1; ++d)
        for (int y = -1; y <= 1; ++y)
            for (int x = -1; x <= 1; ++x) {
                if (d == 0 && y == 0 && x == 0) continue;
                const float other = pixel(level + d + 1, row + y, column + x) - pixel(level + d, row + y, column + x);
                const bool before = d != 0 ? d < 0 : y != 0 ? y < 0 : x < 0;  // of equals the first one is meant
                high = high && (before ? here > other : here >= other);
                low = low && (before ? here < other : here <= other);
                if (!high && !low) return false;
            }
    return true;
}

// Appended in any order; all are counted, and those kept for which there is room.
extern "C" __global__ void extrema_kernel(SiftLevels levels, int octave, int room, Keypoint *found, int *count) {
    const int columns = levels.width - 2, rows = levels.height - 2;
    const int64_t pixels = int64_t(columns) * rows;
    const PixelOf pixel = {levels};
    for (int64_t i = first_item(); i < kScales * pixels; i += next_item()) {
        const int level = int(i / pixels) + 1, row = int(i % pixels / columns) + 1, column = int(i % columns) + 1;
        if (!is_extremum(pixel, level, row, column)) continue;
        Keypoint point = {octave, level, row, column, 0, 0, 0, 0};
        if (!refine(pixel, levels.width, levels.height, point)) continue;
        const int place = atomicAdd(count, 1);
        if (place < room) found[place] = point;
    }
}

extern "C" __global__ void gradients_kernel(const float *level, int width, int height, float *modulus, float *turns) {
    for (int64_t i = first_item(); i < int64_t(width) * height; i += next_item()) {
        const int y = int(i / width), x = int(i % width);
        const int left = at_least(x - 1, 0), right = at_most(x + 1, width - 1);
        const int above = at_least(y - 1, 0), below = at_most(y + 1, height - 1);
        const float *row = level + int64_t(y) * width;
        const float dx = (row[right] - row[left]) * (right - left == 2 ? 0.5f : 1.0f);
        const float dy = (level[int64_t(below) * width + x] - level[int64_t(above) * width + x]) *
                         (below - above == 2 ? 0.5f : 1.0f);
        modulus[i] = sqrtf(dx * dx + dy * dy);
        turns[i] = turns_of<float>(dy, dx);
    }
}

// A block a keypoint.
extern "C" __global__ void orientations_kernel(GradientImages images, const Keypoint *points, FoundDirections *found) {
    __shared__ int bins[kBins + 2];  // the first is the last direction, and the last the first one
    for (int i = threadIdx.x; i < kBins + 2; i += blockDim.x) bins[i] = 0;
    __syncthreads();
    const Keypoint &point = points[blockIdx.x];
    const float x = float(point.x), y = float(point.y), window = kOrientationWindow * float(point.sigma);
    const int radius = at_least(int(3 * window), 1);
    const float within = float(radius * radius) + 0.6f, falloff = 1 / (2 * window * window);
    const int column = int(x + 0.5f), row = int(y + 0.5f);
    const int left = at_least(column - radius, 0), top = at_least(row - radius, 0);
    const int columns = at_most(column + radius, images.width - 1) - left + 1;
    const int rows = at_most(row + radius, images.height - 1) - top + 1;
    for (int i = threadIdx.x; i < columns * rows; i += blockDim.x) {
        const int at_y = top + i / columns, at_x = left + i % columns;
        const float dx = float(at_x) - x, dy = float(at_y) - y;
        const float distance = dx * dx + dy * dy;
        if (!(distance < within)) continue;
        const int64_t pixel = int64_t(at_y) * images.width + at_x;
        const float weight = decay<float, int32_t>(distance * falloff) * images.modulus[pixel] * kFixedPoint;
        const float place = images.turns[pixel] * float(kBins) + 0.5f;
        const int bin = int(place);
        const float share = place - float(bin);
        atomicAdd(&bins[bin], int((1.0f - share) * weight));
        atomicAdd(&bins[bin + 1], int(share * weight));
    }
    __syncthreads();
    if (threadIdx.x != 0) return;
    int32_t histogram[kBins];
    for (int i = 0; i < kBins; ++i) histogram[i] = bins[i + 1];
    histogram[kBins - 1] += bins[0];
    histogram[0] += bins[kBins + 1];
    found[blockIdx.x].count = peaks_of(histogram, found[blockIdx.x].turns);
}

constexpr int kCells = 4, kAcross = kCells + 2, kDirections = 8;  // a margin of one cell takes what lies outside
constexpr float kReach = 0.5f * (kCells + 1);                     // from the middle to where the outermost cells end

inline __device__ float sum_of_lanes(const float *v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

// A block a feature.
extern "C" __global__ void describe_kernel(GradientImages images, const Pose *poses, uint8_t *descriptors) {
    __shared__ int cells[kAcross * kAcross * kDirections];
    __shared__ float entries[kDescriptor], squares[kDirections], sums[kDirections];
    for (int i = threadIdx.x; i < kAcross * kAcross * kDirections; i += blockDim.x) cells[i] = 0;
    __syncthreads();
    const Pose &pose = poses[blockIdx.x];
    const float x = pose.x, y = pose.y, side = kCell * pose.sigma;
    const int radius = int(1.41421356f * side * kReach + 0.5f);
    const float c = pose.cosine / side, s = pose.sine / side;
    const int column = int(x + 0.5f), row = int(y + 0.5f);
    const int left = at_least(column - radius, 1), top = at_least(row - radius, 1);
    const int columns = at_least(at_most(column + radius, images.width - 2) - left + 1, 0);
    const int rows = at_least(at_most(row + radius, images.height - 2) - top + 1, 0);
    for (int i = threadIdx.x; i < columns * rows; i += blockDim.x) {
        const int at_y = top + i / columns, at_x = left + i % columns;
        const float dx = float(at_x) - x, dy = float(at_y) - y;
        const float u = dx * c + s * dy, v = c * dy - dx * s;  // in cells, along and across the keypoint's direction
        const float p = u + kReach, q = v + kReach;
        if (!(p > 0 && p < 2 * kReach && q > 0 && q < 2 * kReach)) continue;
        const int64_t pixel = int64_t(at_y) * images.width + at_x;
        const float weight = decay<float, int32_t>((u * u + v * v) * 0.125f) * images.modulus[pixel] * kFixedPoint;
        const int across = int(p), down = int(q);
        const float to_right = p - float(across), to_bottom = q - float(down);
        const float above = weight * (1.0f - to_bottom), below = weight * to_bottom;
        const float weights[4] = {above * (1.0f - to_right), above * to_right, below * (1.0f - to_right),
                                  below * to_right};
        float direction = images.turns[pixel] - pose.turn;
        direction = (direction < 0 ? direction + 1.0f : direction) * float(kDirections);
        int *four = cells + (down * kAcross + across) * kDirections;
        for (int which = 0; which < 2; ++which) {  // the two directions next to it: the others' share is 0
            const int lane = (int(direction) + which) % kDirections;
            float away = direction - float(lane);
            away = away < 0 ? -away : away;
            away = away < float(kDirections) - away ? away : float(kDirections) - away;
            const float share = 1.0f - away > 0 ? 1.0f - away : 0;
            atomicAdd(&four[lane], int(share * weights[0]));
            atomicAdd(&four[kDirections + lane], int(share * weights[1]));
            atomicAdd(&four[kAcross * kDirections + lane], int(share * weights[2]));
            atomicAdd(&four[(kAcross + 1) * kDirections + lane], int(share * weights[3]));
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < kDescriptor; i += blockDim.x) {
        const int cell = i / kDirections, down = cell / kCells + 1, across = cell % kCells + 1;
        entries[i] = float(cells[(down * kAcross + across) * kDirections + i % kDirections]) * (1 / kFixedPoint);
    }
    __syncthreads();
    for (int lane = threadIdx.x; lane < kDirections; lane += blockDim.x) {
        float sum = 0;
        for (int i = lane; i < kDescriptor; i += kDirections) sum = sum + entries[i] * entries[i];
        squares[lane] = sum;
    }
    __syncthreads();
    const float length = sqrtf(sum_of_lanes(squares));
    if (length > 0)
        for (int i = threadIdx.x; i < kDescriptor; i += blockDim.x) {
            const float entry = entries[i] / length;
            entries[i] = entry < kLargest ? entry : kLargest;
        }
    __syncthreads();
    for (int lane = threadIdx.x; lane < kDirections; lane += blockDim.x) {
        float sum = 0;
        for (int i = lane; i < kDescriptor; i += kDirections) sum = sum + entries[i];
        sums[lane] = sum;
    }
    __syncthreads();
    const float total = sum_of_lanes(sums);
    for (int i = threadIdx.x; i < kDescriptor; i += blockDim.x) {
        const float rounded = length > 0 ? sqrtf(entries[i] / total) * 512.0f + 0.5f : 0;
        // COLMAP's order of directions is the other way round.
        const int place = i / kDirections * kDirections + (kDirections - i % kDirections) % kDirections;
        descriptors[int64_t(blockIdx.x) * kDescriptor + place] = uint8_t(int(rounded < 255.0f ? rounded : 255.0f));
    }
}

}  // namespace splat
