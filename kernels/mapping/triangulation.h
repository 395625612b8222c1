// A point from rays of which some are wrong.
#pragma once
#include <cstdint>
#include <vector>

#include "tracks.h"

namespace mapping {

struct Ray {
    double from[3], along[3];  // `along` of unit length
};

// The cosine of the angle between a ray and the direction from where it begins to a point; -1 for what lies behind.
double cosine_to(const Ray &ray, const double point[3]);

// The point nearest to the rays marked, in the sum of its squared distances from them; false where they are parallel.
bool nearest_point(const std::vector<Ray> &rays, const std::vector<uint8_t> &marked, double point[3]);

// The point that most rays show: of each two rays that meet under enough of an angle the point nearest to both is tried;
// the best is moved to the point nearest to all that show it. False where no two rays meet.
bool triangulate(const std::vector<Ray> &rays, double cos_most, double cos_least, double point[3],
                 std::vector<uint8_t> &shows);

}  // namespace mapping
