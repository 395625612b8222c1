// Step 2: which splats each tile blends, front to back. Splats are counted in every tile that they touch; a running sum
// over tiles says where each tile's list starts, every splat then enters itself into the lists of its tiles in whatever
// order, and a block for each tile sorts its list by depth. Tiles are then worked on from the longest list to the
// shortest: a long one that began last would be waited for alone.
#include "each_tile.cuh"
#include "kernels.h"

namespace splat {

constexpr int kScanRun = 8;  // neighbouring tiles that a thread adds up
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
constexpr int kMostThreads = 1024;  // that a multiprocessor holds
#else
constexpr int kMostThreads = 1536;
#endif

// The sums of `value` over the block's threads before this one, and in `total` over all.
template <int kBlock>
__device__ uint64_t sum_before(uint64_t value, uint64_t *total) {
    __shared__ uint64_t warp_sums[kBlock / kWarp];
    const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
    const uint64_t running = running_sum(value);
    if (lane == kWarp - 1) warp_sums[warp] = running;
    __syncthreads();
    uint64_t before = 0, all = 0;
    for (int w = 0; w < kBlock / kWarp; ++w) {
        if (w == warp) before = all;
        all += warp_sums[w];
    }
    __syncthreads();
    *total = all;
    return before + running - value;
}

// One block. Counts become starts, twice: tile_starts stays, `cursors` moves on as the lists fill.
extern "C" __global__ void __launch_bounds__(kScanBlock)
    starts_kernel(int tiles, uint32_t *cursors, uint32_t *tile_starts, uint64_t *total, volatile uint64_t *host_total) {
    uint64_t carried = 0;
    for (int base = 0; base < tiles; base += kScanBlock * kScanRun) {
        const int first = base + int(threadIdx.x) * kScanRun;
        uint32_t counts[kScanRun];
        uint64_t own = 0;
        for (int k = 0; k < kScanRun; ++k) {
            counts[k] = first + k < tiles ? cursors[(first + k) * kCursorPitch] : 0;
            own += counts[k];
        }
        uint64_t all;
        uint64_t start = carried + sum_before<kScanBlock>(own, &all);
        for (int k = 0; k < kScanRun && first + k < tiles; ++k) {
            tile_starts[first + k] = cursors[(first + k) * kCursorPitch] = uint32_t(start);
            start += counts[k];
        }
        carried += all;
    }
    if (threadIdx.x == 0) {
        tile_starts[tiles] = uint32_t(carried);
        *total = carried;
        *host_total = carried;
    }
}

// Calls visit(tiles, gaussian, depth) for every tile of every splat; `block` is this block's number among `blocks`, of
// which the first kWideBlocks share the wide splats. Large Gaussians are often neighbours in memory, so the lanes of a
// warp are spread over all: no block gets many.
template <typename Visit>
__device__ void each_instance(const Splat *splats, int count, const WideSplats &wide, int block, int blocks, int width,
                              int height, Visit visit) {
    constexpr int kWarps = kTouchBlock / kWarp;
    const int warp = int(threadIdx.x) / kWarp, lane = int(threadIdx.x) % kWarp;
    if (block < kWideBlocks) {
        each_wide_tile(splats, wide, block * kWarps + warp, kWideBlocks * kWarps, width, height, visit);
        return;
    }
    block -= kWideBlocks;
    blocks -= kWideBlocks;
    each_tile<kTouchBlock>(splats, count, lane * blocks * kWarps + block * kWarps + warp, width, height, visit);
}

extern "C" __global__ void __launch_bounds__(kTouchBlock)
    count_kernel(int count, const Splat *splats, WideSplats wide, int width, int height, uint32_t *cursors) {
    each_instance(splats, count, wide, blockIdx.x, gridDim.x, width, height, [&](const auto &touched, uint32_t, float) {
        for (int tile : touched)
            if (tile != kNoTile) atomicAdd(cursors + tile * kCursorPitch, 1u);
    });
}

// A class for the lengths of lists, the longest in class 0: eight classes for each power of two.
constexpr int kLengthClasses = 256;
static_assert(kLengthClasses == kTouchBlock, "a thread for each");
__device__ int length_class(uint32_t length) {
    const int octaves_and_eighths = (__float_as_uint(float(length) + 1.0f) >> 20) - (127 << 3);
    return kLengthClasses - 1 - min(octaves_and_eighths, kLengthClasses - 1);
}

// One block. Tiles from the longest list to the shortest, up to the class.
__device__ void order_tiles(int tiles, const uint32_t *tile_starts, uint32_t *tile_order) {
    __shared__ uint32_t places[kLengthClasses];  // first the tiles of each class, then where its next one goes
    const auto class_of = [&](int tile) { return length_class(tile_starts[tile + 1] - tile_starts[tile]); };
    places[threadIdx.x] = 0;
    __syncthreads();
    for (int tile = threadIdx.x; tile < tiles; tile += kTouchBlock) atomicAdd(&places[class_of(tile)], 1u);
    __syncthreads();
    uint64_t all;
    places[threadIdx.x] = uint32_t(sum_before<kTouchBlock>(places[threadIdx.x], &all));
    __syncthreads();
    for (int tile = threadIdx.x; tile < tiles; tile += kTouchBlock)
        tile_order[atomicAdd(&places[class_of(tile)], 1u)] = tile;
}

// Items sort by depth, and at equal depth by the Gaussian's number. Positive floats sort as their bits do. The first
// block has no Gaussians: it orders the tiles meanwhile.
extern "C" __global__ void __launch_bounds__(kTouchBlock)
    list_kernel(Instances instances, int count, const Splat *splats, WideSplats wide, int width, int height,
                uint32_t *cursors, uint64_t *items, int tiles, const uint32_t *tile_starts, uint32_t *tile_order) {
    if (!instances.fit()) return;
    if (blockIdx.x == 0) {
        order_tiles(tiles, tile_starts, tile_order);
        return;
    }
    const auto enter = [&](const auto &touched, uint32_t gaussian, float depth) {
        constexpr int kTiles = sizeof(touched) / sizeof(touched[0]);
        uint32_t places[kTiles];
#pragma unroll
        for (int t = 0; t < kTiles; ++t)
            if (touched[t] != kNoTile) places[t] = atomicAdd(cursors + touched[t] * kCursorPitch, 1u);
        const uint64_t item = uint64_t(__float_as_uint(depth)) << 32 | gaussian;
#pragma unroll
        for (int t = 0; t < kTiles; ++t)
            if (touched[t] != kNoTile) items[places[t]] = item;
    };
    each_instance(splats, count, wide, blockIdx.x - 1, gridDim.x - 1, width, height, enter);
}

// Sorts 32 items, one a lane (bitonic network, Batcher 1968).
__device__ uint64_t sort_lanes(uint64_t item) {
    const int lane = threadIdx.x % kWarp;
#pragma unroll
    for (int size = 2; size <= kWarp; size *= 2)
#pragma unroll
        for (int stride = size / 2; stride > 0; stride /= 2) {
            const uint64_t other = __shfl_xor_sync(kAllLanes, item, stride);
            const bool keeps_smaller = ((lane & stride) == 0) == ((lane & size) == 0);
            item = (item < other) == keeps_smaller ? item : other;
        }
    return item;
}

// Merges neighbouring sorted runs of `run` items, a power of two, into runs twice as long. An item's place is its own
// in its run plus how many of the other run come before it; no two items are equal.
__device__ void merge_runs(const uint64_t *source, uint64_t *target, uint32_t count, uint32_t run) {
    for (uint32_t k = threadIdx.x; k < count; k += kSortBlock) {
        const uint64_t item = source[k];
        const uint32_t first = k & ~(2 * run - 1), other = k & run ? first : first + run;
        uint32_t low = 0, high = other < count ? min(count - other, run) : 0;
        while (low < high) {
            const uint32_t middle = (low + high) / 2;
            if (source[other + middle] < item)
                low = middle + 1;
            else
                high = middle;
        }
        target[first + (k & (run - 1)) + low] = item;
    }
    __syncthreads();
}

// Merges sorted runs until all `count` items are one, to and fro between two buffers; returns where they end.
__device__ uint64_t *merge_all(uint64_t *items, uint64_t *spare, uint32_t count, uint32_t run) {
    for (; run < count; run *= 2) {
        merge_runs(items, spare, count, run);
        uint64_t *merged = spare;
        spare = items;
        items = merged;
    }
    return items;
}

// kChunk: items that are sorted in shared memory at a time.
template <int kChunk>
__device__ void sort_tile(const Instances &instances, const uint32_t *tile_order, const uint32_t *tile_starts,
                          uint64_t *items, uint64_t *spare, uint32_t *tile_splats) {
    if (!instances.fit()) return;
    __shared__ uint64_t chunk[kChunk], spare_chunk[kChunk];
    const uint32_t tile = tile_order[blockIdx.x], start = tile_starts[tile], count = tile_starts[tile + 1] - start;
    items += start;
    spare += start;
    tile_splats += start;
    const uint64_t *sorted = chunk;
    for (uint32_t done = 0; done < count; done += kChunk) {
        const uint32_t length = min(count - done, uint32_t(kChunk));
        for (uint32_t k = threadIdx.x; k - threadIdx.x % kWarp < length; k += kSortBlock) {
            const uint64_t item = sort_lanes(k < length ? items[done + k] : ~uint64_t(0));
            if (k < length) chunk[k] = item;
        }
        __syncthreads();
        sorted = merge_all(chunk, spare_chunk, length, kWarp);
        if (count <= kChunk) break;
        for (uint32_t k = threadIdx.x; k < length; k += kSortBlock) items[done + k] = sorted[k];
        __syncthreads();
    }
    if (count > kChunk) sorted = merge_all(items, spare, count, kChunk);
    for (uint32_t k = threadIdx.x; k < count; k += kSortBlock) tile_splats[k] = uint32_t(sorted[k]);
}

// In so many blocks a multiprocessor as its threads and its shared memory allow.
constexpr int sort_blocks(int wanted) {
    return wanted * kSortBlock < kMostThreads ? wanted : kMostThreads / kSortBlock;
}

extern "C" __global__ void __launch_bounds__(kSortBlock, sort_blocks(12))
    sort_1024_kernel(Instances instances, const uint32_t *tile_order, const uint32_t *tile_starts, uint64_t *items,
                     uint64_t *spare, uint32_t *tile_splats) {
    sort_tile<1024>(instances, tile_order, tile_starts, items, spare, tile_splats);
}

extern "C" __global__ void __launch_bounds__(kSortBlock, sort_blocks(7))
    sort_2048_kernel(Instances instances, const uint32_t *tile_order, const uint32_t *tile_starts, uint64_t *items,
                     uint64_t *spare, uint32_t *tile_splats) {
    sort_tile<2048>(instances, tile_order, tile_starts, items, spare, tile_splats);
}

}  // namespace splat
