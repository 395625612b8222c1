// How well other photos agree with one at each of many depths, and where they agree best: a plane sweep.
#pragma once
#include <cstddef>
#include <cstdint>

namespace splat {

constexpr int kSweepRadius = 3, kSweepSide = 2 * kSweepRadius + 1;  // windows of 7 x 7 pixels
constexpr float kSweepUnknown = -1.0f;                              // the score where the other photo shows nothing

// Another photo, [rows][columns], 2 x 2 at least. The pixel x, y of the photo that is swept, at depth z, is at the
// perspective of linear (x, y, 1) z + shift in it.
struct SweptOver {
    const float *grey;
    int rows, columns;
    float linear[9], shift[3];
};

// A photo, [height][width], both kSweepSide at least; of its windows, [height - 6][width - 6], the mean and variance; at
// least one other, and at least three depths.
struct Sweep {
    const float *grey, *mean, *variance;
    int height, width;
    const SweptOver *others;
    int count;
    const float *depths;
    int steps;
};

// Of internal linkage: each instruction set has its own.
static inline size_t windows_of(const Sweep &sweep) {
    return size_t(sweep.height - kSweepSide + 1) * (sweep.width - kSweepSide + 1);
}
// Numbers from one row of scratch memory to the next, so that each begins with a cache line.
static inline size_t row_of(const Sweep &sweep) { return (size_t(sweep.width) + 15) / 16 * 16; }
// Bytes of scratch memory, which is to begin with a cache line: nine numbers a window, and some rows.
static inline size_t scratch_of(const Sweep &sweep) {
    return sizeof(float) * (9 * windows_of(sweep) + 36 * row_of(sweep));
}

// Fills step, [2][height - 6][width - 6], with the depth of the best score, the first of equals, and scores,
// [2][3][height - 6][width - 6], with those before, at and after it; where it is the first or the last depth, with those
// around the one beside it. A score is the mean of the correlations with the two others that agree best, if there are
// two; and, of the second half, the correlation with the best one alone.
using SweepKernel = void(const Sweep &, void *scratch, int32_t *step, float *scores);

}  // namespace splat
