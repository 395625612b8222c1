// Step 2: which splats each tile blends, front to back. Projection has counted every tile's splats; a running sum over
// tiles says where each tile's list starts, every splat then enters itself into the lists of its tiles in whatever
// order, and a block for each tile sorts its list by depth.
#include "footprint.cuh"
#include "kernels.h"
#include "launch.h"

namespace splat {
namespace {

constexpr int kScanBlock = 1024, kScanRun = 8;  // threads, and neighbouring tiles that each adds up
constexpr int kListBlock = 256;
constexpr int kSortBlock = 128, kChunk = 2048;  // threads, and items that they sort in shared memory at a time

// The sums of `value` over the block's threads before this one, and in `total` over all.
__device__ uint64_t sum_before(uint64_t value, uint64_t *total) {
    __shared__ uint64_t warp_sums[kScanBlock / kWarp];
    const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
    uint64_t running = value;
    for (int step = 1; step < kWarp; step *= 2) {
        const uint64_t below = __shfl_up_sync(kAllLanes, running, step);
        if (lane >= step) running += below;
    }
    if (lane == kWarp - 1) warp_sums[warp] = running;
    __syncthreads();
    uint64_t before = 0, all = 0;
    for (int w = 0; w < kScanBlock / kWarp; ++w) {
        if (w == warp) before = all;
        all += warp_sums[w];
    }
    __syncthreads();
    *total = all;
    return before + running - value;
}

// One block. Counts become starts, twice: tile_starts stays, `cursors` moves on as the lists fill.
__global__ void __launch_bounds__(kScanBlock)
    starts_kernel(int tiles, uint32_t *cursors, uint32_t *tile_starts, uint64_t *total, volatile uint64_t *host_total) {
    uint64_t carried = 0;
    for (int base = 0; base < tiles; base += kScanBlock * kScanRun) {
        const int first = base + int(threadIdx.x) * kScanRun;
        uint32_t counts[kScanRun];
        uint64_t own = 0;
        for (int k = 0; k < kScanRun; ++k) {
            counts[k] = first + k < tiles ? cursors[first + k] : 0;
            own += counts[k];
        }
        uint64_t all;
        uint64_t start = carried + sum_before(own, &all);
        for (int k = 0; k < kScanRun && first + k < tiles; ++k) {
            tile_starts[first + k] = cursors[first + k] = uint32_t(start);
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

// Items sort by depth, and at equal depth by the Gaussian's number. Positive floats sort as their bits do. Large
// Gaussians are often neighbours in memory; a warp's lanes are spread over all, so that none gets many.
__global__ void __launch_bounds__(kListBlock)
    list_kernel(Instances instances, int count, const Splat *splats, int width, int height, uint32_t *cursors,
                uint64_t *items) {
    if (!instances.fit()) return;
    const int thread = blockIdx.x * kListBlock + threadIdx.x, warps = gridDim.x * (kListBlock / kWarp);
    const int i = thread % kWarp * warps + thread / kWarp;
    const Splat s = i < count ? splats[i] : Splat{};
    const uint64_t item = uint64_t(__float_as_uint(s.depth)) << 32 | uint32_t(i);
    each_tile(s.radius > 0, s, item, width, height,
              [&](int tile, uint64_t listed) { items[atomicAdd(cursors + tile, 1u)] = listed; });
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

__global__ void __launch_bounds__(kSortBlock)
    sort_kernel(Instances instances, const uint32_t *tile_starts, uint64_t *items, uint64_t *spare,
                uint32_t *tile_splats) {
    if (!instances.fit()) return;
    __shared__ uint64_t chunk[kChunk], spare_chunk[kChunk];
    const uint32_t start = tile_starts[blockIdx.x], count = tile_starts[blockIdx.x + 1] - start;
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

}  // namespace

void bin(const Binning &b, const Splat *splats, const Camera &camera, cudaStream_t stream) {
    const int tiles = tiles_across(camera.width) * tiles_across(camera.height);
    launch(starts_kernel, 1, kScanBlock, stream, tiles, b.tile_cursors, b.tile_starts, b.total, b.host_total);
    check(cudaEventRecord(b.counted, stream));
    const Instances instances = {b.total, b.room};
    launch(list_kernel, blocks_for(b.count, kListBlock), kListBlock, stream, instances, b.count, splats, camera.width,
           camera.height, b.tile_cursors, b.items);
    launch(sort_kernel, unsigned(tiles), kSortBlock, stream, instances, b.tile_starts, b.items, b.spare_items,
           b.tile_splats);
}

}  // namespace splat
