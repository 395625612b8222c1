// The steps of a frame in their order, each in the file of its name. All work is queued on `stream`.
#pragma once
#include "types.h"

namespace splat {

// The instances (splat, tile) of a frame: how many there are, known only to the GPU, and how many there is room for.
// Every step after binning does nothing when they do not fit, so a frame can be tried again with more room.
struct Instances {
    const uint64_t *total;  // null for an image that is there already
    uint32_t room;
    __device__ bool fit() const { return !total || *total <= room; }
};

// Splats with more than kWideTiles tiles in their bounding box: few, but one alone may touch every tile, so that the
// whole GPU takes part in going through them.
constexpr int kWideTiles = 256;
struct WideSplats {
    int *count;
    uint32_t *gaussians;  // [count of all Gaussians]
};

// For each Gaussian its splat.
void project(const Gaussians &gaussians, const Camera &camera, int sh_degree, Splat *splats, const WideSplats &wide,
             cudaStream_t stream);

// A cursor has a cache line to itself: additions to a line wait for one another.
constexpr int kCursorPitch = 32;

struct Binning {
    int count;               // of Gaussians
    uint32_t room;           // for instances
    uint32_t *tile_cursors;  // [tiles][kCursorPitch] how many splats touch each tile, then where its next one goes
    uint32_t *tile_starts;   // [tiles + 1] where each tile's splats start in tile_splats
    uint32_t *tile_order;    // [tiles] the tiles, those with the most splats first
    uint64_t *items;         // [room] depth and Gaussian of each instance
    uint64_t *spare_items;   // [room]
    uint32_t *tile_splats;   // [room] the Gaussians of every tile, front to back
    uint64_t *total;         // of instances
    uint64_t *host_total;    // the same, where the host can read it
    uint64_t last_total;     // of the frame before: what this one's will be about
    cudaEvent_t counted;     // recorded once host_total is written
};
void bin(const Binning &binning, const Splat *splats, const WideSplats &wide, const Camera &camera,
         cudaStream_t stream);

// What the forward blend leaves for the backward: for each sub-tile, how many chunks of 32 of the tile's list it
// looked at before its pixels were opaque, and for each such chunk which of the 32 it blended.
struct BlendRecord {
    uint32_t *chunk_counts;  // [tiles][kSubTiles]
    uint32_t *chunk_masks;   // [room / 32 + tiles + 1][kSubTiles]
};
// Tile lists start anywhere, chunks are counted from each list's start; this leaves no overlap between tiles.
inline __host__ __device__ uint32_t first_chunk(uint32_t tile, uint32_t start) { return start / kWarp + tile; }

struct TileLists {
    Instances instances;
    const Splat *splats;
    const uint32_t *tile_order;
    const uint32_t *tile_starts;
    const uint32_t *tile_splats;
    BlendRecord record;
};

// image: [3][height][width].
void blend_forward(const TileLists &lists, const Camera &camera, const float *background, float *image,
                   cudaStream_t stream);
// Writes sums for `count` splats into gradients, which hold zeros. image: what blend_forward made. Where `fixed` [count]
// is given, sums are taken in fixed point on the way, which makes them the same to the bit every time; gradients need
// hold no zeros then.
void blend_backward(const TileLists &lists, const Camera &camera, int count, const float *image,
                    const float *grad_image, SplatGradient *gradients, FixedGradient *fixed, cudaStream_t stream);

// Makes a contribution ready for blend_backward's sums; the loss is not touched.
void begin_contribution(const Splat *splats, const Camera &camera, int count, Contribution *contribution,
                        cudaStream_t stream);

// From the splats' gradients to those of the parameters, written out. grad_means2d: [count][2], pixels.
void write_gradients(const Gaussians &gaussians, const Camera &camera, int sh_degree, const Splat *splats,
                     const SplatGradient *splat_gradients, const Gaussians &gradients, float *grad_means2d,
                     cudaStream_t stream);
// The same, straight into an Adam step and the density statistics: no gradient reaches memory.
void update(const AdamStep &step, const Instances &instances, const Camera &camera, int sh_degree,
            const Splat *splats, const SplatGradient *splat_gradients, const Statistics &statistics,
            cudaStream_t stream);
// The same for a batch: a step on the photos' mean loss, and statistics of each photo. Does nothing unless all succeeded.
void update(const AdamStep &step, const Batch &batch, int sh_degree, const Statistics &statistics, cudaStream_t stream);
void adam(const AdamStep &step, const Gaussians &gradients, int sh_degree, cudaStream_t stream);
// Whether there is machine code for the current device, or PTX that its driver can compile.
cudaError_t kernels_load();

// values: [3] total, l1, ssim. scratch: loss_scratch_floats() floats.
size_t loss_scratch_floats(int width, int height);
void loss(const Instances &instances, const float *image, const uint8_t *photo, int width, int height,
          float lambda_dssim, float *grad_image, float *values, float *scratch, cudaStream_t stream);

}  // namespace splat
