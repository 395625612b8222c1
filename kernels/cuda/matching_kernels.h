// The kernels of matching, with the threads of their blocks. Both halves include this, as kernels.h.
#pragma once
#include "both_halves.h"

namespace splat {

constexpr int kMatchWarps = 4, kWarpRows = 32;       // rows of a warp: two of the tensor cores' tiles
constexpr int kMatchRows = kMatchWarps * kWarpRows;  // descriptors whose neighbours a block looks for
constexpr int kMatchColumns = 64;                    // descriptors among which it looks at a time
constexpr int kMatchBlock = 32 * kMatchWarps;
constexpr int kSevenBitsBlock = 256;
constexpr int kDescriptorWords = 128 / 4;
constexpr uint16_t kNoMatch = 0xffff;
static_assert(kMatchBlock == kMatchRows, "a thread writes what was found for a row");

// What a byte of a descriptor is in seven bits.
struct SevenBits {
    uint8_t of[256];
};

// Rows of one photo that look for their neighbours among the columns, another's descriptors. Places are in the array of
// all photos' descriptors.
struct RowTile {
    int64_t first_row, first_column;
    int64_t found;  // where the first row's neighbours are written
    int64_t back;   // where those of the first column are
    int32_t row;    // the first row's own number in its photo
    int32_t rows, columns;
    int32_t unused;
};

struct __align__(8) Neighbours {
    uint16_t index;         // of the nearest, the first of equals
    uint16_t best, second;  // scalar products with it and with the second nearest
    uint16_t unused;
};

extern "C" {

// matching.cu
__global__ void seven_bits_kernel(const uint8_t *bytes, int64_t count, SevenBits table, uint8_t *out);
__global__ void nearest_kernel(const uint32_t *descriptors, const RowTile *tiles, Neighbours *found);
__global__ void mutual_kernel(const RowTile *tiles, const Neighbours *found, const uint32_t *unclear_from,
                              uint16_t *partners);

}  // extern "C"

}  // namespace splat
