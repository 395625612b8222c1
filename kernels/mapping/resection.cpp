#include "resection.h"

#include <algorithm>
#include <cstring>

#include "../adjustment/observation.h"
#include "../two_view/philox.h"
#include "p3p.h"

namespace mapping {
namespace {

constexpr int kMost = 6 + adjustment::kMostParameters;
constexpr int kSample = 3, kLocalSteps = 3, kFinalSteps = 15;
constexpr int kTrialsOfFocal = 100;  // of each focal length, when there are several to choose from
constexpr double kHuber = 1;         // pixels
constexpr double kLocalHuber = 3;    // while the camera is not known well
constexpr double kSettled = 1e-6;    // a step that lowers the cost by a smaller share is the last
constexpr double kFirstDamping = 1e-4, kLeastDamping = 1e-10, kLeastPivot = 1e-12;
constexpr int kAttempts = 6;         // of a step, with ten times the damping each
constexpr uint32_t kPurpose = 0x50;  // of the random numbers: no one else's

// A rotation as a quaternion x, y, z, w, from the row that its largest component gives.
void quaternion_of(const Mat3 &r, double q[4]) {
    const double squares[4] = {1 + r[0] - r[4] - r[8], 1 - r[0] + r[4] - r[8], 1 - r[0] - r[4] + r[8],
                               1 + r[0] + r[4] + r[8]};
    const int largest = int(std::max_element(squares, squares + 4) - squares);
    const double by = 0.5 / std::sqrt(squares[largest]);
    const double x = r[7] - r[5], y = r[2] - r[6], z = r[3] - r[1], xy = r[1] + r[3], xz = r[2] + r[6],
                 yz = r[5] + r[7];
    const double rows[4][4] = {
        {squares[0], xy, xz, x}, {xy, squares[1], yz, y}, {xz, yz, squares[2], z}, {x, y, z, squares[3]}};
    for (int k = 0; k < 4; ++k) q[k] = rows[largest][k] * by;
    adjustment::normalize(q);
}

void pose_of(const Placement &placement, double pose[7]) {
    quaternion_of(placement.rotation, pose);
    for (int k = 0; k < 3; ++k) pose[4 + k] = placement.translation[k];
}

// MSAC's score of a camera, the lower the better, and how many sights are within the error; it may end at `limit`.
double score(const Sights &sights, const double pose[7], const Lens &lens, double max_error, double limit,
             int *within) {
    Pose matrix;
    adjustment::pose_of(pose, matrix);
    const double most = max_error * max_error;
    const int64_t count = sights.count();
    double sum = 0;
    *within = 0;
    for (int64_t begin = 0; begin < count; begin += 64) {
        const int64_t end = std::min(begin + 64, count);
        for (int64_t i = begin; i < end; ++i) {
            const double error = squared_error(matrix, lens, &sights.points[3 * i], &sights.seen[2 * i]);
            *within += error < most;
            sum += error < most ? error : most;
        }
        if (sum >= limit) break;
    }
    return sum;
}

int mark(const Sights &sights, const double pose[7], const Lens &lens, double max_error, std::vector<uint8_t> &holds) {
    Pose matrix;
    adjustment::pose_of(pose, matrix);
    holds.resize(sights.count());
    int count = 0;
    for (int64_t i = 0; i < sights.count(); ++i) {
        holds[i] = squared_error(matrix, lens, &sights.points[3 * i], &sights.seen[2 * i]) < max_error * max_error;
        count += holds[i];
    }
    return count;
}

bool is_enough(int inliers, int64_t count, int trials, double confidence) {
    double all = 1;
    for (int k = 0; k < kSample; ++k) all *= double(std::max(inliers - k, 0)) / double(count - k);
    double missed = 1, power = 1 - all;
    for (int left = trials; left > 0; left >>= 1) {
        if (left & 1) missed *= power;
        power *= power;
    }
    return missed <= 1 - confidence;
}

// The normal equations of a pose and the lens's free parameters, the lower half.
struct Normal {
    double matrix[kMost][kMost] = {}, descent[kMost] = {};
};

// Their sums over the sights marked, each weighted by the loss; the cost.
double linearize(const Sights &sights, const uint8_t *holds, double huber, const double pose[7], const Lens &lens,
                 Normal &normal) {
    const int unknowns = 6 + lens.free;
    Pose placed;
    adjustment::pose_of(pose, placed);
    double cost = 0;
    for (int64_t i = 0; i < sights.count(); ++i) {
        const double *point = &sights.points[3 * i], *seen = &sights.seen[2 * i];
        if (!holds[i] || !std::isfinite(squared_error(placed, lens, point, seen))) continue;
        adjustment::Linearized<double> one;
        adjustment::linearize(placed, lens, point, seen, adjustment::kHuber, huber, one);
        cost += adjustment::loss_of(adjustment::kHuber, huber, squared_error(placed, lens, point, seen), one.weight);
        for (int row = 0; row < 2; ++row) {
            double by[kMost];
            std::copy(one.by_pose[row], one.by_pose[row] + 6, by);
            std::copy(one.by_lens[row], one.by_lens[row] + lens.free, by + 6);
            for (int a = 0; a < unknowns; ++a) {
                const double weighted = one.weight * by[a];
                normal.descent[a] -= weighted * one.residual[row];
                for (int b = 0; b <= a; ++b) normal.matrix[a][b] += weighted * by[b];
            }
        }
    }
    return cost;
}

// The cost of a camera; infinite where a sight is not in front of it, or the lens is none.
double cost_of(const Sights &sights, const uint8_t *holds, double huber, const double pose[7], const Lens &lens) {
    if (!(lens.value[adjustment::kFx] > 0 && lens.value[adjustment::kFy] > 0)) return HUGE_VAL;
    Pose placed;
    adjustment::pose_of(pose, placed);
    double cost = 0, weight;
    for (int64_t i = 0; i < sights.count(); ++i)
        if (holds[i])
            cost += adjustment::loss_of(adjustment::kHuber, huber,
                                        squared_error(placed, lens, &sights.points[3 * i], &sights.seen[2 * i]),
                                        weight);
    return cost;
}

Lens moved_lens(const Lens &lens, const double *step) {
    Lens moved = lens;
    for (int k = 0; k < lens.free; ++k) {
        if (lens.column[k] == adjustment::kFocal)
            moved.value[adjustment::kFx] += step[k], moved.value[adjustment::kFy] += step[k];
        else
            moved.value[lens.column[k]] += step[k];
    }
    return moved;
}

struct Best {
    double pose[7];
    Lens lens;
    double score;
    int inliers = 0;
    bool found = false;
};

// The best camera with a lens as it is.
Best search_for(const Sights &sights, const Lens &given, const Search &search, uint32_t purpose, int max_trials,
                int *trials) {
    const int64_t count = sights.count();
    Lens lens = given;
    lens.free = 0;
    std::vector<Vec3> bearings(count);
    std::vector<uint8_t> shows(count);
    for (int64_t i = 0; i < count; ++i) {
        double ray[2];
        shows[i] = unproject(lens, &sights.seen[2 * i], ray);
        if (shows[i]) bearings[i] = two_view::normalized({ray[0], ray[1], 1});
    }
    Best best;
    best.lens = lens;
    best.score = search.max_error * search.max_error * double(count);
    const two_view::Key key = {search.seed, search.photo, 0, kPurpose + purpose};
    std::vector<uint8_t> holds;
    int trial = 0;
    for (; trial < max_trials && !is_enough(best.inliers, count, trial, search.confidence); ++trial) {
        const auto drawn = two_view::sample<kSample>(key, uint32_t(trial), uint32_t(count));
        Vec3 seen[kSample], points[kSample];
        bool all = true;
        for (int k = 0; k < kSample; ++k) {
            const int i = drawn[k];
            all &= shows[i] != 0;
            seen[k] = bearings[i];
            std::copy(&sights.points[3 * i], &sights.points[3 * i] + 3, points[k].begin());
        }
        if (!all) continue;
        Placement found[kMostPlacements];
        const int placements = p3p(seen, points, found);
        for (int k = 0; k < placements; ++k) {
            double pose[7];
            pose_of(found[k], pose);
            int within;
            double cost = score(sights, pose, lens, search.max_error, best.score, &within);
            if (!(cost < best.score)) continue;
            for (int round = 0; round < 2; ++round) {  // its own optimum, by what it explains, and then explains
                std::copy(pose, pose + 7, best.pose);
                best.score = cost, best.inliers = within, best.found = true;
                if (within < kSample) break;
                mark(sights, pose, lens, search.max_error, holds);
                refine(sights, holds.data(), kLocalHuber, kLocalSteps, pose, lens);
                cost = score(sights, pose, lens, search.max_error, best.score, &within);
                if (!(cost < best.score)) break;
            }
        }
    }
    *trials += trial;
    return best;
}

}  // namespace

void refine(const Sights &sights, const uint8_t *holds, double huber, int most_steps, double pose[7], Lens &lens) {
    const int unknowns = 6 + lens.free;
    double damping = kFirstDamping;
    for (int step = 0; step < most_steps; ++step) {
        Normal normal;
        const double cost = linearize(sights, holds, huber, pose, lens, normal);
        bool moved = false;
        for (int attempt = 0; attempt < kAttempts && !moved; ++attempt) {
            double damped[kMost][kMost], by[kMost], to[7];
            std::memcpy(damped, normal.matrix, sizeof damped);
            for (int a = 0; a < unknowns; ++a) damped[a][a] += damping * normal.matrix[a][a] + kLeastPivot;
            damping *= 10;
            if (!two_view::solve<kMost>(damped, normal.descent, unknowns, by)) continue;
            adjustment::move(pose, by, to);
            const Lens bent = moved_lens(lens, by + 6);
            const double next = cost_of(sights, holds, huber, to, bent);
            if (!(next < cost)) continue;
            std::copy(to, to + 7, pose);
            lens = bent;
            damping = std::max(damping / 100, kLeastDamping);
            moved = true;
            if (cost - next < kSettled * cost) return;
        }
        if (!moved) return;
    }
}

Resection resect(const Sights &sights, const Lens &lens, const std::vector<double> &focals, const Search &search) {
    Resection result;
    result.lens = lens;
    if (sights.count() < kSample) return result;
    Best best;
    for (size_t k = 0; k < focals.size(); ++k) {
        Lens scaled = lens;
        scaled.value[adjustment::kFx] *= focals[k], scaled.value[adjustment::kFy] *= focals[k];
        const int most = focals.size() > 1 ? std::min(kTrialsOfFocal, search.max_trials) : search.max_trials;
        const Best one = search_for(sights, scaled, search, uint32_t(k), most, &result.trials);
        if (one.found && (!best.found || one.score < best.score)) best = one;
    }
    if (!best.found) return result;
    result.lens = best.lens;
    result.lens.free = lens.free;
    std::copy(lens.column, lens.column + adjustment::kMostParameters, result.lens.column);
    std::copy(best.pose, best.pose + 7, result.pose);
    for (int round = 0; round < 2; ++round) {
        result.inliers = mark(sights, result.pose, result.lens, search.max_error, result.holds);
        if (result.inliers < kSample) return result;
        refine(sights, result.holds.data(), kHuber, kFinalSteps, result.pose, result.lens);
    }
    result.inliers = mark(sights, result.pose, result.lens, search.max_error, result.holds);
    result.found = result.inliers >= kSample;
    for (const double value : result.pose) result.found &= std::isfinite(value);
    for (const double value : result.lens.value) result.found &= std::isfinite(value);
    return result;
}

}  // namespace mapping
