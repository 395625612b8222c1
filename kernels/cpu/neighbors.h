// Distances between neighbouring points, for the sizes that Gaussians start with.
#pragma once
#include <cstdint>

namespace splat {

// For each of `count` points [count][3] the mean of its squared distances to the three nearest others, fewer where
// there are fewer; 0 where there is no other.
void neighbor_distances(const double *points, int64_t count, int threads, double *mean_squared);

}  // namespace splat
