// How much photos share of what they see: a sum over points of products of sightings' weights.
#pragma once
#include <cstdint>

namespace splat {

// shared[i][j], [photos][photos], becomes the sum over points of their scale times the product of the weights with which
// photos i and j see them. The sightings of point k are first[k] up to first[k + 1], each with the photo that it is of.
// Summed in the order of the points, one by one: the same bits as scipy's product of sparse matrices.
void shared_weights(const int64_t *photo, const double *weight, const int64_t *first, const double *scale,
                    int64_t points, int64_t photos, double *shared);

}  // namespace splat
