// Robust estimation of one model from matches of which many are wrong.
#pragma once
#include "philox.h"
#include "refine.h"

namespace two_view {

struct Estimate {
    bool found = false;
    Mat3 model{};
    int inliers = 0, trials = 0;
};

struct Search {
    double max_error;   // pixels
    double confidence;  // that no trial was missed which would have found what is wanted
    int max_trials;
};

// What is looked for in a pair. `wanted`: inliers of a model that is of use; `start`, if there is one, is tried first.
struct Question {
    Kind kind;
    Search search;
    Key key;
    int wanted;
    bool has_start;
    Mat3 start;
};

// LO-RANSAC (Chum, Matas, Kittler 2003) with MSAC's score: samples drawn by trial number, the best model so far moved to
// its own optimum each time. It ends as soon as a model with more inliers would have been met with the confidence, or
// one with at least `wanted` of them, which is all that the caller has a use for.
Estimate estimate(const Question &question, const Points &points);

// Of the matches, those within the error.
int inliers_of(Kind kind, const Mat3 &model, const Points &points, double max_error, uint8_t *mask);

}  // namespace two_view
