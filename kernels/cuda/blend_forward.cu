// Step 3: the image. A warp blends a sub-tile, a lane a few pixels of one column. A lane fetches one of 32 splats of
// the tile's list and tests whether its ellipse meets the sub-tile; all lanes then blend those that do.
#include "blend.cuh"
#include "footprint.cuh"
#include "kernels.h"

namespace splat {

// A chunk of a tile's list.
struct __align__(16) Chunk {
    float4 shapes[kWarp], rests[kWarp];
    float blues[kWarp];
};

extern "C" __global__ void __launch_bounds__(kBlendBlock, 1024 / kBlendBlock)
    blend_forward_kernel(TileLists lists, int width, int height, const float *background, float *image) {
    if (!lists.instances.fit()) return;
    __shared__ Chunk chunks[kBlendWarps];
    Chunk &chunk = chunks[threadIdx.x / kWarp];
    const int lane = threadIdx.x % kWarp;
    const SubTile area(lists.tile_order, width, height);
    const uint32_t start = lists.tile_starts[area.tile], end = lists.tile_starts[area.tile + 1];
    const float pixel_x = area.x + 0.5f, pixel_y = area.y + 0.5f;

    Progress progress[kLanePixels];
    float red[kLanePixels] = {}, green[kLanePixels] = {}, blue[kLanePixels] = {}, behind[kLanePixels];
    for (int p = 0; p < kLanePixels; ++p) {
        progress[p].transmittance = area.inside(p) ? 1 : 0;
        behind[p] = 1;  // the transmittance after the last splat that was blended
    }
    const auto opaque = [&] {
        bool all = true;
        for (int p = 0; p < kLanePixels; ++p) all = all && progress[p].transmittance < kTransmittanceMin;
        return all;
    };

    uint32_t *masks = lists.record.chunk_masks + size_t(first_chunk(area.tile, start)) * kSubTiles + area.part;
    uint32_t visited = 0;
    const auto gaussian_at = [&](uint32_t place) { return place < end ? lists.tile_splats[place] : 0; };
    uint32_t gaussian = gaussian_at(start + lane);
    for (uint32_t first = start; first < end && !__all_sync(kAllLanes, opaque()); first += kWarp) {
        const Splat &splat = lists.splats[gaussian];
        gaussian = gaussian_at(first + kWarp + lane);  // the next chunk's is under way in the meantime
        const float4 own_shape = reinterpret_cast<const float4 *>(&splat)[0];
        const float4 own_rest = reinterpret_cast<const float4 *>(&splat)[1];
        __syncwarp();  // no lane still reads the former chunk
        chunk.shapes[lane] = own_shape;
        chunk.rests[lane] = own_rest;
        chunk.blues[lane] = splat.blue;
        __syncwarp();
        const float left = area.left - own_shape.x, top = area.top - own_shape.y;
        const bool meets = first + lane < end &&
                           meets_rectangle(own_shape.z, own_shape.w, own_rest.x, reach_of(own_rest.y), left,
                                           left + (kSubTileWidth - 1), top, top + (kSubTileHeight - 1));
        const uint32_t mask = __ballot_sync(kAllLanes, meets);
        if (lane == 0) masks[size_t(visited) * kSubTiles] = mask;
        ++visited;
        for (uint32_t candidates = mask; candidates != 0; candidates &= candidates - 1) {
            const int slot = __ffs(candidates) - 1;
            const float4 shape = chunk.shapes[slot], rest = chunk.rests[slot];
            const float splat_blue = chunk.blues[slot];
            float exponents[kLanePixels];
            log2_alphas(shape, rest, pixel_x, pixel_y, exponents);
#pragma unroll
            for (int p = 0; p < kLanePixels; ++p) {
                const Progress::Step step = progress[p].blend(exponents[p]);
                red[p] += step.weight * rest.z;
                green[p] += step.weight * rest.w;
                blue[p] += step.weight * splat_blue;
                if (step.open) behind[p] = progress[p].transmittance;
            }
        }
    }
    if (lane == 0) lists.record.chunk_counts[area.tile * kSubTiles + area.part] = visited;
    const size_t plane = size_t(width) * height;
    for (int p = 0; p < kLanePixels; ++p) {
        if (!area.inside(p)) continue;
        float *pixel = image + area.pixel(p);
        const float *beyond = background ? background : pixel;  // what is seen through all splats
        const size_t next = background ? 1 : plane;
        pixel[0] = red[p] + behind[p] * beyond[0];
        pixel[plane] = green[p] + behind[p] * beyond[next];
        pixel[2 * plane] = blue[p] + behind[p] * beyond[2 * next];
    }
}

}  // namespace splat
