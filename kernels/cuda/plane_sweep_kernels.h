// The kernels that find dense start points: a plane sweep, and what photos agree on. Both halves include this, as
// kernels.h. What they find is what kernels/cpu/plane_sweep.cpp and numpy find, to the bit.
#pragma once
#include "both_halves.h"

namespace splat {

constexpr int kSweptRadius = 3, kSweptSide = 2 * kSweptRadius + 1;  // windows of 7 x 7 pixels
constexpr float kSweptUnknown = -1.0f;                              // the score of a pixel whose depth is not known

// The windows that a block looks at, and its threads.
constexpr int kSweepAcross = 32, kSweepDown = 16, kSweepBlock = 256;
static_assert(kSweepAcross * kSweepDown % kSweepBlock == 0, "each thread has as many windows");
constexpr int kPlaceBlock = 256;  // of the other kernels, whose items are pixels

// Another photo, [rows][columns], 2 x 2 at least. The pixel x, y of the photo that is swept, at depth z, is at the
// perspective of linear (x, y, 1) z + shift in it.
struct LaidOver {
    const float *grey;
    int rows, columns;
    float linear[9], shift[3];
};

// A photo to sweep, [rows][columns], both kSweptSide at least.
struct SweepOf {
    const float *grey;
    const uint8_t *ignored;  // not 0 where the photo is ignored; or null
    float *depth, *score;    // like the photo; what is near its edge is not touched
    uint8_t *two_view;       // the same; 1 where one other photo alone tells the depth
    int rows, columns;
    int first_block;          // of those that sweep it
    int first_other, others;  // one at least
    int first_depth, steps;   // three at least
    float inverse, spacing;   // 1 / the first depth, and from there to that of the next one
    int unused;
};

// A photo's depths, whose scores say where they are known, and by whom they are judged.
struct DepthsOf {
    const float *depth, *score;
    int64_t first;  // where its pixels begin among those of all photos
    int rows, columns;
    int first_witness, witnesses;
    float fx, fy, cx, cy, left, top;  // left and top: half a pixel less the principal point
    float camera_from_world[12], world_from_camera[12];
};
static_assert(sizeof(LaidOver) == 64 && sizeof(SweepOf) == 80 && sizeof(DepthsOf) == 160, "without gaps");

// What train/confirmation.py asks of a place: its constants of these names; `farther`: 1 more.
struct Asked {
    float least_score, least_other_score, sure, same_depth, farther;
    int votes_for_the_unsure;
};

extern "C" {

// plane_sweep.cu

// train/dense_points.py, _picture: the mean of a photo's three channels of bytes, in [0, 1]
__global__ void mean_grey_kernel(const uint8_t *photo, int64_t pixels, float *grey);
// train/plane_sweep.py, depth_map, of `count` photos; others, depths: those of all, one behind another
__global__ void plane_sweep_kernel(const SweepOf *sweeps, int count, const LaidOver *others, const float *depths);

// dense_points.cu: of all `count` photos' `pixels`. witnesses: their numbers, photo after photo.

// train/confirmation.py, confirmed: 1 where a depth is believed
__global__ void confirm_kernel(const DepthsOf *photos, int count, int64_t pixels, const int *witnesses, Asked asked,
                               uint8_t *believed);
// train/confirmation.py, fresh: 1 where a place that is believed is that of no photo before
__global__ void fresh_kernel(const DepthsOf *photos, int count, int64_t pixels, const int *witnesses, Asked asked,
                             const uint8_t *believed, uint8_t *fresh);

}  // extern "C"

}  // namespace splat
