// The two loops over all matches of a pair, written for lanes of a fixed number and compiled for the processors that
// there are: sums are taken in the same order on all of them.
#pragma once
#include <cstdint>

#include "residuals.h"

namespace two_view {

// Matches, a structure of arrays. Coordinates are normalized; `s1` and `s2` tell, squared, how much of them a pixel is.
// `count` is the true number; arrays are filled up to a multiple of `kLanes` by matches that are not `valid`.
struct Points {
    int64_t count, padded;
    const double *x1, *y1, *x2, *y2, *s1, *s2, *valid;
    const float *fx1, *fy1, *fx2, *fy2, *fs1, *fs2, *fvalid;
};

struct Lanes {
    const char *isa;
    // MSAC (Torr & Zisserman, 2000): squared errors in shares of the largest allowed one, cut at 1; of the matches
    // looked at until the sum passes `limit`.
    float (*score)(Kind kind, const double *model, const Points &points, double max_error, float limit, float *inliers);
    void (*accumulate)(Kind kind, const double *model, const Points &points, double max_error, Normal &normal);
};

const Lanes &plain_lanes();
#if defined(TWO_VIEW_X86)
const Lanes &avx2_lanes();
#endif

}  // namespace two_view
