// Minimal solvers: the geometries that a few correspondences allow. Coordinates are normalized (a lens's distortion,
// focal length and principal point taken out); x2' M x1 = 0 for epipolar geometries, x2 ~ M x1 for homographies.
#pragma once
#include "algebra.h"

namespace two_view {

struct Correspondence {
    double x1, y1, x2, y2;
};

constexpr int kMostEssentials = 10, kMostFundamentals = 3;

// Essential matrices of five correspondences, each of Frobenius norm 1; how many (Nister, "An efficient solution to the
// five-point relative pose problem", 2004).
int essentials(const std::array<Correspondence, 5> &points, Mat3 (&found)[kMostEssentials]);

// Fundamental matrices of seven (Hartley & Zisserman, "Multiple View Geometry", 11.1.2).
int fundamentals(const std::array<Correspondence, 7> &points, Mat3 (&found)[kMostFundamentals]);

// The homography of four (the same, 4.1).
int homographies(const std::array<Correspondence, 4> &points, Mat3 (&found)[1]);

}  // namespace two_view
