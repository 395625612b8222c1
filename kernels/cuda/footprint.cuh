// Which tiles and sub-tiles a splat can paint: exact for the ellipse alpha >= kAlphaMin, up to a little slack.
#pragma once
#include "types.h"

namespace splat {

// The ellipse a dx^2 + b dx dy + c dy^2 <= reach holds every pixel that the splat paints. The slack covers rounding.
inline __device__ float reach_of(float log2_opacity) { return log2_opacity - kLog2AlphaMin + 1e-3f; }

// Tiles [begin, end) along one axis.
struct Span {
    int begin, end;
};

// The tiles that hold pixel centers between `low` and `high`; `pixels` is the image's size along this axis.
inline __device__ Span tiles_between(float low, float high, int pixels) {
    const float first = fmaxf(ceilf(low - 0.5f), 0.0f), last = fminf(floorf(high - 0.5f), float(pixels - 1));
    if (!(first <= last)) return {0, 0};
    return {int(first) / kTile, int(last) / kTile + 1};
}

inline __device__ float quick_root(float x) { return __fmul_rn(x, rsqrtf(fmaxf(x, 1e-30f))); }

// Counting and listing run in two kernels and must agree to the bit, so the arithmetic below is spelled out in single
// operations that a compiler may not fuse its own way. Their last digits do not matter: the slack covers them.
struct Footprint {
    float x, y, b, inverse_2a, reach_4a, discriminant, turn, half_height, half_width;

    // 4 a c - b^2 = D: the ellipse's half height is sqrt(4 a reach / D), its half width sqrt(4 c reach / D), and it is
    // widest to the right at dy = -b half_width / (2 c) =: turn, to the left at -turn.
    __device__ explicit Footprint(const Splat &s) : x(s.x), y(s.y), b(s.b), discriminant(s.discriminant) {
        const float reach4 = __fmul_rn(4.0f, reach_of(s.log2_opacity));
        inverse_2a = __fdividef(0.5f, s.a);
        reach_4a = __fmul_rn(s.a, reach4);
        half_height = quick_root(__fdividef(reach_4a, discriminant));
        half_width = quick_root(__fdividef(__fmul_rn(s.c, reach4), discriminant));
        turn = __fmul_rn(__fmul_rn(-b, half_width), __fdividef(0.5f, s.c));
    }

    __device__ Span rows(int height) const {
        return tiles_between(__fadd_rn(y, -half_height), __fadd_rn(y, half_height), height);
    }

    // The tiles of one tile row: the ellipse cut by the row's band of pixel centers is convex, so they are contiguous,
    // and its ends lie where the ellipse turns or, if it does not turn inside the band, on the nearer edge.
    __device__ Span columns(int row, int width) const {
        const float top = __fadd_rn(float(row * kTile) + 0.5f, -y), bottom = __fadd_rn(top, float(kTile - 1));
        return tiles_between(__fadd_rn(x, edge(fminf(fmaxf(-turn, top), bottom), -1.0f)),
                             __fadd_rn(x, edge(fminf(fmaxf(turn, top), bottom), 1.0f)), width);
    }

    __device__ Span widest(int width) const {
        return tiles_between(__fadd_rn(x, -half_width), __fadd_rn(x, half_width), width);
    }

    // Tiles of the bounding box.
    __device__ int box(int width, int height) const {
        const Span down = rows(height), across = widest(width);
        return (down.end - down.begin) * (across.end - across.begin);
    }

    // dx of the ellipse's left (-1) or right (1) edge at dy: 2 a dx = -b dy -+ sqrt(4 a reach - D dy^2).
    __device__ float edge(float dy, float side) const {
        const float under_root = __fmaf_rn(-__fmul_rn(discriminant, dy), dy, reach_4a);
        return __fmul_rn(__fmaf_rn(side, quick_root(fmaxf(under_root, 0.0f)), -__fmul_rn(b, dy)), inverse_2a);
    }
};

// Whether the ellipse meets the rectangle of pixel centers [left, right] x [top, bottom], given as offsets from the
// mean. The smallest value of the quadratic form over the rectangle lies on an edge that faces the mean: with dx or dy
// fixed there, the other coordinate is the line's own minimum, clamped to the edge.
inline __device__ bool meets_rectangle(float a, float b, float c, float reach, float left, float right, float top,
                                       float bottom) {
    const float near_x = fminf(fmaxf(0.0f, left), right), near_y = fminf(fmaxf(0.0f, top), bottom);
    const float along_y = fminf(fmaxf(__fdividef(-0.5f * b * near_x, c), top), bottom);
    const float along_x = fminf(fmaxf(__fdividef(-0.5f * b * near_y, a), left), right);
    const float on_side = (a * near_x + b * along_y) * near_x + c * along_y * along_y;
    const float on_top = (a * along_x + b * near_y) * along_x + c * near_y * near_y;
    return fminf(on_side, on_top) <= reach;
}

}  // namespace splat
