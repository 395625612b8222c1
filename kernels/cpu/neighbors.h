// Points near others: for the sizes that Gaussians start with, and for what agrees with what lies about it.
#pragma once
#include <cstdint>

namespace splat {

// For each of `count` points [count][3] the mean of its squared distances to the three nearest others, fewer where
// there are fewer; 0 where there is no other.
void neighbor_distances(const double *points, int64_t count, int threads, double *mean_squared);

// For each of `asked` places [asked][3] its `nearest` nearest of `count` points [count][3], which are as many at least: which
// they are, and how far away, the nearest first. Both are [asked][nearest].
void nearest_points(const double *points, int64_t count, const double *places, int64_t asked, int nearest, int threads,
                    int64_t *which, double *distances);

}  // namespace splat
