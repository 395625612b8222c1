// What the forward and the backward blend share, so that both come to the same alphas to the bit.
#pragma once
#include "kernels.h"

namespace splat {

// A warp's part of a tile, and the lane's pixels in it: (x, y) and those kLaneRows below one another.
struct SubTile {
    int tile, part;  // which of the tile's sub-tiles
    int x, y;
    float left, top;    // center of the sub-tile's first pixel
    int width, height;  // of the image

    __device__ SubTile(const uint32_t *tile_order, int width_, int height_) : width(width_), height(height_) {
        const int number = blockIdx.x * kBlendWarps + threadIdx.x / kWarp, lane = threadIdx.x % kWarp;
        const int tiles_x = tiles_across(width);
        tile = tile_order[number / kSubTiles];
        part = number % kSubTiles;
        const int x0 = tile % tiles_x * kTile + part % 2 * kSubTileWidth;
        const int y0 = tile / tiles_x * kTile + part / 2 * kSubTileHeight;
        x = x0 + lane % kSubTileWidth;
        y = y0 + lane / kSubTileWidth;
        left = x0 + 0.5f;
        top = y0 + 0.5f;
    }
    __device__ bool inside(int p) const { return x < width && y + p * kLaneRows < height; }
    __device__ size_t pixel(int p) const { return size_t(y + p * kLaneRows) * width + x; }
};

// log2 of opacity exp(-d^T conic d / 2) at the centers of a lane's pixels, not yet capped at kAlphaMax. `shape` is
// x, y, a, b and `rest` c, log2_opacity, ... of a Splat. Spelled out so that no compiler fuses it in two ways.
inline __device__ void log2_alphas(const float4 &shape, const float4 &rest, float pixel_x, float pixel_y,
                                   float (&exponents)[kLanePixels]) {
    const float dx = __fadd_rn(pixel_x, -shape.x), dy = __fadd_rn(pixel_y, -shape.y);
    const float constant = __fmaf_rn(__fmul_rn(-shape.z, dx), dx, rest.y), cross = __fmul_rn(shape.w, dx);
#pragma unroll
    for (int p = 0; p < kLanePixels; ++p) {
        const float dy_p = p == 0 ? dy : __fadd_rn(dy, float(p * kLaneRows));
        exponents[p] = __fmaf_rn(-__fmaf_rn(rest.x, dy_p, cross), dy_p, constant);
    }
}

// How far a pixel has come on its way through the splats.
struct Progress {
    float transmittance;  // under kTransmittanceMin: the pixel takes nothing any more

    struct Step {
        float uncapped, alpha;
        float weight;  // what the splat's colour counts; 0 where it is not blended
        bool open;     // the pixel still takes splats
    };

    // Blends a splat with this log2 alpha, unless it is too faint or the transmittance would fall under its minimum.
    __device__ Step blend(float exponent) {
        Step step;
        step.uncapped = exp2f(exponent);
        step.alpha = exponent >= kLog2AlphaMin ? fminf(step.uncapped, kAlphaMax) : 0.0f;
        const float weight = __fmul_rn(step.alpha, transmittance);
        transmittance = __fadd_rn(transmittance, -weight);
        step.open = transmittance >= kTransmittanceMin;
        step.weight = step.open ? weight : 0.0f;
        return step;
    }
};

}  // namespace splat
