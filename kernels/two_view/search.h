// What is looked for in a pair of photos, and what is found: the same for processors and GPUs.
#pragma once
#include "algebra.h"
#include "philox.h"
#include "residuals.h"

namespace two_view {

struct Search {
    double max_error;   // pixels
    double confidence;  // that no trial was missed which would have found what is wanted
    int max_trials;
};

// `wanted`: inliers of a model that is of use; `start`, if there is one, is tried first.
struct Question {
    Kind kind;
    Search search;
    Key key;
    int wanted;
    bool has_start;
    Mat3 start;
};

struct Estimate {
    bool found = false;
    Mat3 model{};
    int inliers = 0, trials = 0;
};

}  // namespace two_view
