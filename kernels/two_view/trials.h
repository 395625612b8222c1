// What a trial is of, for each kind of model, and when there have been enough.
#pragma once
#include "philox.h"
#include "residuals.h"
#include "solvers.h"

namespace two_view {

constexpr int kLocalSteps = 4, kFinalSteps = 25;

// Whether so many trials have met a sample without outliers, but for a chance below 1 - confidence.
template <int Size>
TWO_VIEW_BOTH bool is_enough(int inliers, int64_t count, int trials, double confidence) {
    double all_inliers = 1;
    for (int k = 0; k < Size; ++k) all_inliers *= double(inliers - k > 0 ? inliers - k : 0) / double(count - k);
    double missed = 1, power = 1 - all_inliers;
    for (int left = trials; left > 0; left >>= 1) {  // power^trials by squaring: no library's pow
        if (left & 1) missed *= power;
        power *= power;
    }
    return missed <= 1 - confidence;
}

template <Kind Of>
struct Minimal;

template <>
struct Minimal<kEssential> {
    static constexpr int size = 5, most = kMostEssentials;
    TWO_VIEW_BOTH static int solve(const Array<Correspondence, 5> &p, Mat3 (&found)[most]) {
        return essentials(p, found);
    }
};

template <>
struct Minimal<kFundamental> {
    static constexpr int size = 7, most = kMostFundamentals;
    TWO_VIEW_BOTH static int solve(const Array<Correspondence, 7> &p, Mat3 (&found)[most]) {
        return fundamentals(p, found);
    }
};

template <>
struct Minimal<kHomography> {
    static constexpr int size = 4, most = 1;
    TWO_VIEW_BOTH static int solve(const Array<Correspondence, 4> &p, Mat3 (&found)[most]) {
        return homographies(p, found);
    }
};

}  // namespace two_view
