// Robust estimation of one model from matches of which many are wrong.
#pragma once
#include "refine.h"
#include "search.h"

namespace two_view {

// LO-RANSAC (Chum, Matas, Kittler 2003) with MSAC's score: samples drawn by trial number, the best model so far moved to
// its own optimum each time. It ends as soon as a model with more inliers would have been met with the confidence, or
// one with at least `wanted` of them, which is all that the caller has a use for.
Estimate estimate(const Question &question, const Points &points);

// Of the matches, those within the error.
int inliers_of(Kind kind, const Mat3 &model, const Points &points, double max_error, uint8_t *mask);

}  // namespace two_view
