// Rays from places to points.
#pragma once
#include <cstdint>

namespace splat {

// cosines[others][points] become those of the angles at which points[points][3] are seen from a center[3] and from
// others[others][3], between -1 and 1. The same bits as numpy's, operation by operation; a twin is in
// tests/train/test_neighbours.py.
void ray_cosines(const double *points, int64_t count, const double *center, const double *others, int64_t other_count,
                 double *cosines);

}  // namespace splat
