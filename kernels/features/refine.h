// Where exactly an extremum is, and whether it is one.
#pragma once
#include "arithmetic.h"
#include "method.h"

namespace features {

static inline FEATURES_BOTH double magnitude(double x) { return x < 0 ? -x : x; }

// Moves an extremum, by pixels, to where a quadratic through its neighbours has its own, and keeps it if that is clear and
// no edge (Lowe 2004, 4 and 4.1). level(number, row, column) gives pixels.
template <class Level>
static inline FEATURES_BOTH bool refine(Level level, int width, int height, Keypoint &point) {
    const int s = point.level;
    int x = point.column, y = point.row;
    double bx, by, bs, value, score;
    for (int step = 0;; ++step) {
        const auto at = [&](int dx, int dy, int ds) {
            return double(level(s + ds + 1, y + dy, x + dx) - level(s + ds, y + dy, x + dx));
        };
        const double middle = at(0, 0, 0);
        const double gx = 0.5 * (at(1, 0, 0) - at(-1, 0, 0)), gy = 0.5 * (at(0, 1, 0) - at(0, -1, 0)),
                     gs = 0.5 * (at(0, 0, 1) - at(0, 0, -1));
        const double xx = at(1, 0, 0) + at(-1, 0, 0) - 2 * middle, yy = at(0, 1, 0) + at(0, -1, 0) - 2 * middle,
                     ss = at(0, 0, 1) + at(0, 0, -1) - 2 * middle;
        const double xy = 0.25 * (at(1, 1, 0) + at(-1, -1, 0) - at(-1, 1, 0) - at(1, -1, 0)),
                     xs = 0.25 * (at(1, 0, 1) + at(-1, 0, -1) - at(-1, 0, 1) - at(1, 0, -1)),
                     ys = 0.25 * (at(0, 1, 1) + at(0, -1, -1) - at(0, -1, 1) - at(0, 1, -1));
        // Cofactors of the Hessian: its inverse times its determinant.
        const double cxx = yy * ss - ys * ys, cxy = xs * ys - xy * ss, cxs = xy * ys - yy * xs;
        const double cyy = xx * ss - xs * xs, cys = xy * xs - xx * ys, css = xx * yy - xy * xy;
        const double determinant = xx * cxx + xy * cxy + xs * cxs;
        if (!(magnitude(determinant) > 1e-30)) return false;
        bx = -(cxx * gx + cxy * gy + cxs * gs) / determinant;
        by = -(cxy * gx + cyy * gy + cys * gs) / determinant;
        bs = -(cxs * gx + cys * gy + css * gs) / determinant;
        value = middle + 0.5 * (gx * bx + gy * by + gs * bs);
        score = css > 0 ? (xx + yy) * (xx + yy) / css : -1;
        if (step == kRefinements - 1) break;
        const int dx = (bx > 0.6 && x < width - 2) - (bx < -0.6 && x > 1);
        const int dy = (by > 0.6 && y < height - 2) - (by < -0.6 && y > 1);
        if (!dx && !dy) break;
        x += dx;
        y += dy;
    }
    const double at_x = x + bx, at_y = y + by;
    if (!(magnitude(value) > kPeak && score >= 0 && score < (kEdge + 1) * (kEdge + 1) / kEdge)) return false;
    if (!(magnitude(bx) < 1.5 && magnitude(by) < 1.5 && magnitude(bs) < 1.5)) return false;
    if (!(at_x >= 0 && at_x <= width - 1 && at_y >= 0 && at_y <= height - 1)) return false;
    const double sigma = kFirstSigma * exponential((s + bs) * (0.6931471805599453 / kScales));
    point = {point.octave, s, y, x, at_x, at_y, sigma, magnitude(value)};
    return true;
}

}  // namespace features
