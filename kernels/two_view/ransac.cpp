#include "ransac.h"

#include "trials.h"

namespace two_view {
namespace {

struct Best {
    Mat3 model{};
    float score = 0, inliers = 0;
    bool found = false;

    // Takes a model if it is better than the best, moved to its own optimum.
    void challenge(Kind kind, const Mat3 &candidate, const Points &points, double max_error, int least) {
        if (!take(kind, candidate, points, max_error) || int(inliers) <= least) return;
        take(kind, refine(kind, model, points, max_error, kLocalSteps).model, points, max_error);
    }

private:
    bool take(Kind kind, const Mat3 &candidate, const Points &points, double max_error) {
        float within;
        const float limit = found ? score : float(points.count);
        const float sum = lanes().score(kind, candidate.data(), points, max_error, limit, &within);
        if (!(sum < limit)) return false;
        model = candidate;
        score = sum;
        inliers = within;
        found = true;
        return true;
    }
};

template <Kind Of>
Estimate search_for(const Question &question, const Points &points) {
    using Solver = Minimal<Of>;
    const auto &[kind, search, key, wanted, has_start, start] = question;
    Estimate result;
    if (points.count < Solver::size || wanted > points.count) return result;
    Best best;
    if (has_start) best.challenge(Of, start, points, search.max_error, Solver::size);
    int trial = 0;
    for (; trial < search.max_trials; ++trial) {
        const int sought = int(best.inliers) > wanted ? int(best.inliers) : wanted;
        if (is_enough<Solver::size>(sought, points.count, trial, search.confidence)) break;
        const auto drawn = sample<Solver::size>(key, uint32_t(trial), uint32_t(points.count));
        Array<Correspondence, Solver::size> minimal;
        for (int k = 0; k < Solver::size; ++k) {
            const int i = drawn[k];
            minimal[k] = {points.x1[i], points.y1[i], points.x2[i], points.y2[i]};
        }
        Mat3 found[Solver::most];
        const int count = Solver::solve(minimal, found);
        for (int k = 0; k < count; ++k) best.challenge(Of, found[k], points, search.max_error, Solver::size);
    }
    result.trials = trial;
    if (!best.found) return result;
    const Refined refined = refine(Of, best.model, points, search.max_error, kFinalSteps);
    if (!is_finite(refined.model)) return result;
    result.found = true;
    result.model = refined.model;
    result.inliers = refined.inliers;
    return result;
}

}  // namespace

Estimate estimate(const Question &question, const Points &points) {
    switch (question.kind) {
        case kEssential:
            return search_for<kEssential>(question, points);
        case kFundamental:
            return search_for<kFundamental>(question, points);
        default:
            return search_for<kHomography>(question, points);
    }
}

int inliers_of(Kind kind, const Mat3 &model, const Points &points, double max_error, uint8_t *mask) {
    int count = 0;
    for (int64_t i = 0; i < points.count; ++i) {
        mask[i] = squared_error(kind, model, points, i) < max_error * max_error;
        count += mask[i];
    }
    return count;
}

}  // namespace two_view
