#include "binning.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace splat {
namespace {

// Tile columns of tile row `row` that hold a pixel center which the splat's ellipse a dx^2 + 2 b dx dy + c dy^2 <= reach
// can reach. The ellipse is convex, so they are contiguous; its leftmost and rightmost point within the row's band of
// centers is the ellipse's own extreme point where that lies in the band, and otherwise on the band's nearer edge.
Span span_of(const Splat &s, int row, int tiles_x) {
    const float slack = 1e-2f + 1e-4f * s.half_x;  // pixels; rounding may cost a tile's visit, never a pixel
    const float low = std::max(row * kTile + 0.5f - s.y, -s.half_y);
    const float high = std::min(row * kTile + kTile - 0.5f - s.y, s.half_y);
    if (low > high + slack) return {0, 0};
    // The ellipse's right extreme lies at dy = half_x * covariance_xy / covariance_xx = -half_x * b / c.
    const float extreme = -s.half_x * s.b / s.c;
    auto half_width = [&](float dy, float side) {  // x of the ellipse's left (-1) or right (+1) edge at dy
        const float root = s.b * s.b * dy * dy - s.a * (s.c * dy * dy - s.reach);
        return (-s.b * dy + side * std::sqrt(std::max(root, 0.0f))) / s.a;
    };
    auto edge = [&](float at, float side) {
        if (at >= low && at <= high) return side * s.half_x;
        return half_width(at < low ? low : high, side);
    };
    const float left = s.x + edge(-extreme, -1) - slack - 0.5f, right = s.x + edge(extreme, 1) + slack - 0.5f;
    if (!(right >= 0) || !(left <= float(tiles_x * kTile - 1))) return {0, 0};
    // Pixel columns ceil(left) to floor(right).
    const int first = left <= 0 ? 0 : int(std::ceil(left));
    const int last = right >= float(tiles_x * kTile - 1) ? tiles_x * kTile - 1 : int(right);
    if (last < first) return {0, 0};
    return {uint16_t(first / kTile), uint16_t(last / kTile + 1)};
}

}  // namespace

void TileLists::find_spans(const Splat *splats, int64_t count, int tiles_x, int threads) {
    span_begin_.resize(count + 1);
    pair_begin.resize(count + 1);
    uint32_t total = 0;
    for (int64_t n = 0; n < count; ++n) {
        span_begin_[n] = total;
        total += uint32_t(splats[n].tile_row_end - splats[n].tile_row_begin);
    }
    span_begin_[count] = total;
    if (spans_.size() < total) spans_.resize(total + total / 4);
#pragma omp parallel for schedule(static, 1024) num_threads(threads)
    for (int64_t n = 0; n < count; ++n) {
        const Splat &s = splats[n];
        uint32_t pairs = 0;
        for (int row = s.tile_row_begin; row < s.tile_row_end; ++row) {
            const Span span = span_of(s, row, tiles_x);
            spans_[span_begin_[n] + row - s.tile_row_begin] = span;
            pairs += uint32_t(span.end - span.begin);
        }
        pair_begin[n + 1] = pairs;
    }
    (void)threads;
    pair_begin[0] = 0;
    for (int64_t n = 0; n < count; ++n) pair_begin[n + 1] += pair_begin[n];
}

// Radix sort, least significant digit first, 11 bits at a time; depths are positive, so their bits sort as integers.
// Stable: Gaussians of equal depth keep their order.
void TileLists::sort_by_depth(const Splat *splats, int64_t count) {
    order_.clear();
    key_.clear();
    for (int64_t n = 0; n < count; ++n)
        if (pair_begin[n + 1] > pair_begin[n]) {
            uint32_t bits;
            std::memcpy(&bits, &splats[n].depth, sizeof bits);
            order_.push_back(uint32_t(n));
            key_.push_back(bits);
        }
    const size_t drawn = order_.size();
    order_scratch_.resize(drawn);
    key_scratch_.resize(drawn);
    for (int shift = 0; shift < 32; shift += 11) {
        uint32_t histogram[2048] = {};
        for (size_t i = 0; i < drawn; ++i) ++histogram[key_[i] >> shift & 2047];
        uint32_t sum = 0;
        for (uint32_t &h : histogram) {
            const uint32_t here = h;
            h = sum;
            sum += here;
        }
        for (size_t i = 0; i < drawn; ++i) {
            const uint32_t to = histogram[key_[i] >> shift & 2047]++;
            order_scratch_[to] = order_[i];
            key_scratch_[to] = key_[i];
        }
        order_.swap(order_scratch_);
        key_.swap(key_scratch_);
    }
}

// Counting sort of the pairs by tile. Splats are dealt out in depth order, so every tile's list is in depth order. Each
// task owns a band of tile rows and walks all splats: tasks share nothing, and the result does not depend on them.
void TileLists::fill(const Splat *splats, int tiles_x, int tiles_y, int threads) {
    const int tiles = tiles_x * tiles_y, bands = std::min(threads, tiles_y);
    tile_begin.assign(tiles + 1, 0);
    if (entries.size() < pair_begin.back()) entries.resize(pair_begin.back() + pair_begin.back() / 4);
    std::vector<uint32_t> cursor(tiles);
    auto for_band = [&](int band, auto &&visit) {  // visit(tile, gaussian, slot) for every pair in the band
        const int begin = tiles_y * band / bands, end = tiles_y * (band + 1) / bands;
        for (const uint32_t n : order_) {
            const Splat &s = splats[n];
            if (s.tile_row_end <= begin || s.tile_row_begin >= end) continue;
            uint32_t slot = pair_begin[n];
            const Span *span = &spans_[span_begin_[n]];
            for (int row = s.tile_row_begin; row < std::min<int>(s.tile_row_end, end); ++row, ++span) {
                if (row >= begin)
                    for (int x = span->begin; x < span->end; ++x)
                        visit(row * tiles_x + x, n, slot + uint32_t(x - span->begin));
                slot += uint32_t(span->end - span->begin);
            }
        }
    };
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int band = 0; band < bands; ++band)
        for_band(band, [&](int tile, uint32_t, uint32_t) { ++tile_begin[tile + 1]; });
    for (int tile = 0; tile < tiles; ++tile) {
        cursor[tile] = tile_begin[tile];
        tile_begin[tile + 1] += tile_begin[tile];
    }
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int band = 0; band < bands; ++band)
        for_band(band, [&](int tile, uint32_t n, uint32_t slot) { entries[cursor[tile]++] = {n, slot}; });
}

void TileLists::build(const Splat *splats, int64_t count, int tiles_x, int tiles_y, int threads) {
    find_spans(splats, count, tiles_x, threads);
    sort_by_depth(splats, count);
    fill(splats, tiles_x, tiles_y, threads);
}

}  // namespace splat
