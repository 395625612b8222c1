// Step 3: the image. A block blends a tile, a warp a sub-tile, a lane a few pixels of one column. The block fetches the
// tile's splats together; each warp keeps those whose ellipse meets its own sub-tile (a lane tests one splat), so warps
// skip the splats that only touch other parts of the tile.
#include "blend.cuh"
#include "footprint.cuh"
#include "kernels.h"
#include "launch.h"

namespace splat {
namespace {

constexpr int kBlock = kSubTiles * kWarp;

__global__ void __launch_bounds__(kBlock, 1024 / kBlock)
    blend_forward_kernel(TileLists lists, int width, int height, const float *background, float *image) {
    if (!lists.instances.fit()) return;
    __shared__ float4 splats[kBlock][3];
    const int lane = threadIdx.x % kWarp, sub_tile = threadIdx.x / kWarp;
    const uint32_t tile = blockIdx.x, start = lists.tile_starts[tile], end = lists.tile_starts[tile + 1];
    const SubTile area(tile, sub_tile, lane, width, height);
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

    uint32_t *masks = lists.record.chunk_masks + size_t(first_chunk(tile, start)) * kSubTiles + sub_tile;
    uint32_t chunks = 0;
    for (uint32_t batch = start; batch < end; batch += kBlock) {
        // No warp still reads the former batch; and nothing is left to do where every pixel is opaque.
        if (__syncthreads_and(opaque())) break;
        if (batch + threadIdx.x < end) {
            const Splat *source = lists.splats + lists.tile_splats[batch + threadIdx.x];
            const float4 *splat = reinterpret_cast<const float4 *>(source);
            for (int part = 0; part < 3; ++part) splats[threadIdx.x][part] = splat[part];
        }
        __syncthreads();
        const uint32_t batch_end = min(end - batch, uint32_t(kBlock));
        for (uint32_t first = 0; first < batch_end; first += kWarp) {
            if (__all_sync(kAllLanes, opaque())) break;
            bool meets = false;
            if (first + lane < batch_end) {
                const float4 shape = splats[first + lane][0], rest = splats[first + lane][1];
                const float left = area.left - shape.x, top = area.top - shape.y;
                meets = meets_rectangle(shape.z, shape.w, rest.x, reach_of(rest.y), left, left + (kSubTileWidth - 1),
                                        top, top + (kSubTileHeight - 1));
            }
            const uint32_t mask = __ballot_sync(kAllLanes, meets);
            if (lane == 0) masks[size_t(chunks) * kSubTiles] = mask;
            ++chunks;
            for (uint32_t candidates = mask; candidates != 0; candidates &= candidates - 1) {
                const uint32_t slot = first + __ffs(candidates) - 1;
                const float4 shape = splats[slot][0], rest = splats[slot][1];
                const float splat_blue = splats[slot][2].x;
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
    }
    if (lane == 0) lists.record.chunk_counts[tile * kSubTiles + sub_tile] = chunks;
    const size_t plane = size_t(width) * height;
    for (int p = 0; p < kLanePixels; ++p) {
        if (!area.inside(p)) continue;
        float *pixel = image + area.pixel(p);
        pixel[0] = red[p] + behind[p] * background[0];
        pixel[plane] = green[p] + behind[p] * background[1];
        pixel[2 * plane] = blue[p] + behind[p] * background[2];
    }
}

}  // namespace

void blend_forward(const TileLists &lists, const Camera &camera, const float *background, float *image,
                   cudaStream_t stream) {
    const unsigned tiles = unsigned(tiles_across(camera.width)) * tiles_across(camera.height);
    launch(blend_forward_kernel, tiles, kBlock, stream, lists, camera.width, camera.height, background, image);
}

}  // namespace splat
