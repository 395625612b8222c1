#include "ransac.h"

#include "solvers.h"

namespace two_view {
namespace {

constexpr int kLocalSteps = 4, kFinalSteps = 25;

// Whether so many trials have met a sample without outliers, but for a chance below 1 - confidence.
template <int Size>
bool is_enough(int inliers, int64_t count, int trials, double confidence) {
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
    static int solve(const std::array<Correspondence, 5> &p, Mat3 (&found)[most]) { return essentials(p, found); }
};

template <>
struct Minimal<kFundamental> {
    static constexpr int size = 7, most = kMostFundamentals;
    static int solve(const std::array<Correspondence, 7> &p, Mat3 (&found)[most]) { return fundamentals(p, found); }
};

template <>
struct Minimal<kHomography> {
    static constexpr int size = 4, most = 1;
    static int solve(const std::array<Correspondence, 4> &p, Mat3 (&found)[most]) { return homographies(p, found); }
};

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
Estimate search_for(const Points &points, const Search &search, const Key &key, int wanted, const Mat3 *start) {
    using Solver = Minimal<Of>;
    Estimate result;
    if (points.count < Solver::size || wanted > points.count) return result;
    Best best;
    if (start) best.challenge(Of, *start, points, search.max_error, Solver::size);
    int trial = 0;
    for (; trial < search.max_trials; ++trial) {
        const int sought = int(best.inliers) > wanted ? int(best.inliers) : wanted;
        if (is_enough<Solver::size>(sought, points.count, trial, search.confidence)) break;
        const auto drawn = sample<Solver::size>(key, uint32_t(trial), uint32_t(points.count));
        std::array<Correspondence, Solver::size> minimal;
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

Estimate estimate(Kind kind, const Points &points, const Search &search, const Key &key, int wanted,
                  const Mat3 *start) {
    switch (kind) {
        case kEssential:
            return search_for<kEssential>(points, search, key, wanted, start);
        case kFundamental:
            return search_for<kFundamental>(points, search, key, wanted, start);
        default:
            return search_for<kHomography>(points, search, key, wanted, start);
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
