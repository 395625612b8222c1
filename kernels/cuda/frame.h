// What the kernels of one frame hand on to one another in the GPU's memory.
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

// A cursor has a cache line to itself: additions to a line wait for one another.
constexpr int kCursorPitch = 32;

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

// Where the backward blend adds its sums up: as floats, or in fixed point.
struct FloatSums {
    SplatGradient *gradients;
    int absolute, unused;  // SplatGradient::absolute is wanted
};
struct FixedSums {
    FixedGradient *gradients;
    FixedUnits units;
    int absolute;
};

// What becomes of the parameters' gradients: they are written out; or an Adam step and the density statistics take them
// as they come; or the step alone, on the mean of a batch of photos.
struct WriteGradients {
    Gaussians gradients;
    float *grad_means2d;
};
struct Update {
    AdamStep step;
    Instances instances;
    Statistics statistics;
    float half_width, half_height;  // pixels to normalised device coordinates
};
struct BatchUpdate {
    AdamStep step;
};

// Two compilers lay these out, and must do it alike.
static_assert(sizeof(Gaussians) == 56 && sizeof(Camera) == 88 && sizeof(AdamStep) == 200, "without gaps");
static_assert(sizeof(TileLists) == 64 && sizeof(FixedSums) == 24 && sizeof(Update) == 248 && sizeof(Batch) == 16,
              "without gaps");

}  // namespace splat
