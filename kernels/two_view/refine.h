// Local optimisation: a model moved to where the errors of its own inliers are least.
#pragma once
#include "lanes.h"
#include "refinement.h"

namespace two_view {

const Lanes &lanes();

// Levenberg and Marquardt's steps on what a model of this kind can be: of an essential matrix five numbers, of a
// fundamental one seven, of a homography eight, of a turn three. The loss is cut at `max_error` pixels, and never rises.
Refined refine(Kind kind, const Mat3 &start, const Points &points, double max_error, int most_steps);

// Squared pixels of a match, infinite where they are not a number.
double squared_error(Kind kind, const Mat3 &model, const Points &points, int64_t match);

}  // namespace two_view
