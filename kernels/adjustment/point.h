// A point's own three unknowns: eliminated, and found again once photos and lenses have moved.
#pragma once
#include "functions.h"

namespace adjustment {

constexpr double kUndetermined = 1.0;  // damping of an unknown that no observation tells of

ADJUSTMENT_BOTH double damped(double diagonal) { return diagonal > 0 ? diagonal : kUndetermined; }

// What is left of a point when it is eliminated; see `System`.
struct Eliminated {
    double root[6], rhs[3], descent[3], diagonal[3];
    bool stays;  // L is 1, and Z is 0
};

// The root L of V = L L', of which `v` has 00 10 11 20 21 22, with a damped diagonal. A point that is held, or whose depth
// cannot be told from rounding, stays.
ADJUSTMENT_BOTH void eliminate(double v[6], const double descent[3], double damping, bool held, Eliminated &out) {
    for (int k = 0; k < 3; ++k) {
        out.descent[k] = descent[k];
        out.diagonal[k] = damped(v[k * (k + 3) / 2]);
        v[k * (k + 3) / 2] += damping * out.diagonal[k];
    }
    double *root = out.root, *rhs = out.rhs;
    root[0] = root_of(v[0]);
    root[1] = v[1] / root[0];
    const double second = v[2] - root[1] * root[1];
    root[2] = root_of(second);
    root[3] = v[3] / root[0];
    root[4] = (v[4] - root[3] * root[1]) / root[2];
    const double third = v[5] - root[3] * root[3] - root[4] * root[4];
    root[5] = root_of(third);
    out.stays = held || !(second > 1e-15 * v[2]) || !(third > 1e-15 * v[5]);
    if (out.stays) {
        for (int k = 0; k < 6; ++k) root[k] = k == 0 || k == 2 || k == 5 ? 1 : 0;
        for (int k = 0; k < 3; ++k) rhs[k] = out.descent[k] = 0;
        return;
    }
    rhs[0] = descent[0] * (1 / root[0]);
    rhs[1] = (descent[1] - root[1] * rhs[0]) * (1 / root[2]);
    rhs[2] = (descent[2] - root[3] * rhs[0] - root[4] * rhs[1]) * (1 / root[5]);
}

// The point's step where `y` is inv(L) of what photos and lenses leave of its descent: L' step = y.
ADJUSTMENT_BOTH void step_of(const double root[6], const double y[3], double step[3]) {
    step[2] = y[2] / root[5];
    step[1] = (y[1] - root[4] * step[2]) / root[2];
    step[0] = (y[0] - root[1] * step[1] - root[3] * step[2]) / root[0];
}

}  // namespace adjustment
