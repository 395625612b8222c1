// Bundle adjustment by Levenberg and Marquardt's method, the points eliminated (Triggs et al. 2000, 6.1).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "solver.h"

namespace adjustment {

struct Options {
    Loss loss = kPlain;
    double scale = 1;
    int most_iterations = 100;
    double tolerance = 1e-7;  // ends when a step lowers the cost by less than this share
};

// Everything in the order that the caller has it in; `poses`, `parameters` and `points` are changed.
struct Problem {
    int64_t photos, lenses, points, observations;
    double *poses;                 // (photos, 7) quaternion x, y, z, w, then translation: camera_from_world
    double *parameters;            // (lenses, 8) COLMAP's, zeros behind them
    double *coordinates;           // (points, 3)
    const int32_t *model;          // (lenses) COLMAP's number
    const uint8_t *free_lens;      // (lenses) a bit for each parameter that is adjusted
    const int32_t *lens_of;        // (photos)
    const uint8_t *free_pose;      // (photos) a bit for each of turn (3) and translation (3)
    const uint8_t *held_point;     // (points)
    const int32_t *photo, *point;  // (observations)
    const double *seen;            // (observations, 2)
};

enum class End { kConverged, kMostIterations, kStuck };

struct Summary {
    double initial_cost, cost;  // half the sum of rho over the observations used, in squared pixels
    int iterations, accepted;
    int64_t used, behind, lonely;  // observations: used; not in front of their camera; of points seen but once
    End end;
};

const LensModel *lens_model(int colmap_id);

// Throws std::invalid_argument with a sentence where the problem is none.
Summary adjust(const Problem &problem, const Options &options, const MakeSolver &make_solver);

// Values and derivatives of all residuals, for tests: (observations, 2), (observations, 2, 6 + 8 + 3).
void derivatives(const Problem &problem, double *residuals, double *jacobians);

}  // namespace adjustment
