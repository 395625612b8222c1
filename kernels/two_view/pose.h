// Where the second camera stands, seen from the first: x2 ~ R x1 + t.
#pragma once
#include <limits>
#include <vector>

#include "refine.h"

namespace two_view {

struct Pose {
    Mat3 r{};
    Vec3 t{};          // of length 1, or 0 for a turn
    int in_front = 0;  // of the matches asked about, those that lie before both cameras
    double angle = 0;  // radians, the median under which their rays meet
    // So many matches more than the next best pose it explains.
    double margin = std::numeric_limits<double>::infinity();
};

// Depths at which the rays of a match come nearest to each other; NaN where they are parallel.
struct Depths {
    double first, second;
};
Depths depths_of(const Pose &pose, const Points &points, int64_t match);

// The pose of an essential matrix that has most of the masked matches in front (Hartley & Zisserman, 9.6.2).
Pose pose_of_essential(const Mat3 &essential, const Points &points, const std::vector<uint8_t> &mask);

// That of the homography of a plane (Ma, Soatto, Kosecka, Sastry, "An Invitation to 3-D Vision", 5.3.3). Two of its four
// have the plane in front of both cameras, and only what is not on it tells them apart: the one is taken whose epipolar
// geometry fits all matches better, where one that lies behind a camera by more than its error does not fit. `margin` is
// the difference of their scores.
Pose pose_of_homography(const Mat3 &homography, const Points &points, const std::vector<uint8_t> &mask,
                        double max_error);

}  // namespace two_view
