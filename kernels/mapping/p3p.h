// A camera's pose from three points: the minimal solver of resection.
#pragma once
#include "../two_view/algebra.h"

namespace mapping {

using two_view::Mat3;
using two_view::Vec3;

struct Placement {
    Mat3 rotation;  // camera_from_world
    Vec3 translation;
};

constexpr int kMostPlacements = 4;

// Poses that see three points of the world along three unit bearings of the camera; how many. Grunert's equations (1841;
// Haralick et al., "Review and analysis of solutions of the three point perspective pose estimation problem", 1994),
// reduced to a quartic in the ratio of two distances.
int p3p(const Vec3 (&bearings)[3], const Vec3 (&points)[3], Placement (&found)[kMostPlacements]);

}  // namespace mapping
