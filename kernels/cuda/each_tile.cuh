// Every splat's tiles, with the work spread evenly: most splats touch a handful of tiles, and a few the whole image.
#pragma once
#include "footprint.cuh"
#include "frame.h"

namespace splat {

constexpr int kFewTiles = 16;    // of its bounding box: a thread goes through a splat's tiles alone, else a warp does
constexpr int kTilesAtOnce = 8;  // that a thread names
constexpr int kNoTile = -1;

// The sums of `value` over the warp's lanes up to and with this one.
template <typename Value>
inline __device__ Value running_sum(Value value) {
    const int lane = threadIdx.x % kWarp;
    for (int step = 1; step < kWarp; step *= 2) {
        const Value below = __shfl_up_sync(kAllLanes, value, step);
        if (lane >= step) value += below;
    }
    return value;
}

// Calls visit(tiles, gaussian, depth) for the tiles in `rows` of a splat; all lanes of a warp have the same one.
template <typename Visit>
inline __device__ void visit_together(const Footprint &footprint, Span rows, int width, uint32_t gaussian, float depth,
                                      Visit visit) {
    const int lane = threadIdx.x % kWarp, tiles_x = tiles_across(width);
    for (int first = rows.begin; first < rows.end; first += kWarp) {
        // A lane measures a row; `ends` counts the tiles up to and with its row.
        const Span columns = first + lane < rows.end ? footprint.columns(first + lane, width) : Span{0, 0};
        const int ends = running_sum(columns.end - columns.begin), total = __shfl_sync(kAllLanes, ends, kWarp - 1);
        const int shift = columns.end - ends;  // from a tile's number to its column
        int base = 0;
        const auto visit_next = [&](auto &tiles) {
            constexpr int kTiles = sizeof(tiles) / sizeof(tiles[0]);
#pragma unroll
            for (int t = 0; t < kTiles; ++t) {
                const int k = base + t * kWarp + lane;
                int row = 0;  // tile k's: the first whose `ends` is above k
#pragma unroll
                for (int step = kWarp / 2; step > 0; step /= 2)
                    if (__shfl_sync(kAllLanes, ends, row + step - 1) <= k) row += step;
                const int column = k + __shfl_sync(kAllLanes, shift, row);
                tiles[t] = k < total ? (first + row) * tiles_x + column : kNoTile;
            }
            visit(tiles, gaussian, depth);
            base += kTiles * kWarp;
        };
        int one[1], four[4];
        while (base + kWarp < total) visit_next(four);
        if (base < total) visit_next(one);
    }
}

// Calls visit(tiles, gaussian, depth) until every tile was named that the block's splats touch, a splat `gaussian` for
// each thread, but for wide ones: several tiles at once, some of them kNoTile, so that what visit has to wait for comes
// together. All threads of the block call this.
template <int kBlock, typename Visit>
inline __device__ void each_tile(const Splat *splats, int count, int gaussian, int width, int height, Visit visit) {
    __shared__ uint32_t large[kBlock];  // those that a warp goes through
    __shared__ int larges;
    if (threadIdx.x == 0) larges = 0;
    __syncthreads();

    const Splat own = gaussian < count ? splats[gaussian] : Splat{};
    if (own.radius > 0) {
        const Footprint footprint(own);
        const Span rows = footprint.rows(height);
        const int box = footprint.box(width, height);
        if (box <= kFewTiles) {
            int tiles[kTilesAtOnce], named = 0;
            const auto clear = [&] {
                for (int &tile : tiles) tile = kNoTile;
            };
            clear();
            for (int row = rows.begin; row < rows.end; ++row) {
                const Span columns = footprint.columns(row, width);
                for (int column = columns.begin; column < columns.end; ++column) {
#pragma unroll
                    for (int t = kTilesAtOnce - 1; t > 0; --t) tiles[t] = tiles[t - 1];
                    tiles[0] = row * tiles_across(width) + column;
                    if (++named % kTilesAtOnce == 0) {
                        visit(tiles, gaussian, own.depth);
                        clear();
                    }
                }
            }
            visit(tiles, gaussian, own.depth);
        } else if (box <= kWideTiles) {
            large[atomicAdd(&larges, 1)] = gaussian;
        }
    }
    __syncthreads();

    for (int k = threadIdx.x / kWarp; k < larges; k += kBlock / kWarp) {
        const Splat s = splats[large[k]];
        const Footprint footprint(s);
        visit_together(footprint, footprint.rows(height), width, large[k], s.depth, visit);
    }
}

// The same for the wide splats of the whole image, which `warps` warps share; this is one of them.
template <typename Visit>
inline __device__ void each_wide_tile(const Splat *splats, const WideSplats &wide, int warp, int warps, int width,
                                      int height, Visit visit) {
    const int count = *wide.count, parts = max(warps / max(count, 1), 1);  // of each splat's rows
    for (int item = warp; item < count * parts; item += warps) {
        const uint32_t gaussian = wide.gaussians[item % count];
        const Splat s = splats[gaussian];
        const Footprint footprint(s);
        const Span rows = footprint.rows(height);
        const int share = (rows.end - rows.begin + parts - 1) / parts, first = rows.begin + item / count * share;
        visit_together(footprint, {first, min(first + share, rows.end)}, width, gaussian, s.depth, visit);
    }
}

}  // namespace splat
