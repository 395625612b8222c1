// Local optimisation, step by step: what a processor does one after the other, and a GPU's block of threads together. Who
// drives it works out the normal equations wherever it asks for them (refine.cpp, kernels/cuda/two_view.cu).
#pragma once
#include "algebra.h"
#include "residuals.h"

namespace two_view {

struct Refined {
    Mat3 model;   // of Frobenius norm 1
    double cost;  // squared pixels, cut at the square of the error
    int inliers;
};

constexpr int kMostFreedom = 8;

// A model by what it is made of: R and t of [t]x R; U, V and the two singular values (t) of U diag(t0, t1, 0) V'; R of a
// turn; a homography is itself.
struct State {
    Kind kind;
    Mat3 a, b;
    Vec3 t;
};

TWO_VIEW_BOTH inline Mat3 right_handed(const Mat3 &m) {
    Mat3 turned = m;
    if (determinant(m) < 0)
        for (int i = 0; i < 3; ++i) turned[3 * i + 2] = -turned[3 * i + 2];
    return turned;
}

TWO_VIEW_BOTH inline State state_of(Kind kind, const Mat3 &m) {
    if (kind == kHomography) return {kind, m, {}, {}};
    const Svd s = svd(m);
    const Mat3 u = right_handed(s.u), v = right_handed(s.v);
    if (kind == kEssential) {
        const Mat3 quarter = {0, -1, 0, 1, 0, 0, 0, 0, 1};
        return {kind, u * quarter * transposed(v), {}, column(u, 2)};
    }
    if (kind == kFundamental) {
        const double length = sqrt(s.values[0] * s.values[0] + s.values[1] * s.values[1]);
        return {kind, u, v, {s.values[0] / length, s.values[1] / length, 0}};
    }
    const Mat3 r = s.u * transposed(s.v);
    return {kind, determinant(r) < 0 ? scaled(r, -1) : r, {}, {}};
}

TWO_VIEW_BOTH inline Mat3 diagonal(const Vec3 &v) { return {v[0], 0, 0, 0, v[1], 0, 0, 0, v[2]}; }

TWO_VIEW_BOTH inline Mat3 model_of(const State &s) {
    switch (s.kind) {
        case kEssential:
            return skew(s.t) * s.a;
        case kFundamental:
            return s.a * diagonal(s.t) * transposed(s.b);
        default:
            return s.a;
    }
}

// How the nine entries move with each of a state's freedoms: columns of `g`; their number.
TWO_VIEW_BOTH inline int tangent(const State &s, double (&g)[kMostFreedom][9]) {
    const auto put = [&](int freedom, const Mat3 &m) {
        for (int i = 0; i < 9; ++i) g[freedom][i] = m[i];
    };
    const Mat3 axes[3] = {skew({1, 0, 0}), skew({0, 1, 0}), skew({0, 0, 1})};
    switch (s.kind) {
        case kEssential: {
            const Vec3 b0 = any_perpendicular(s.t), b1 = cross(s.t, b0);
            const Mat3 e = model_of(s);
            for (int k = 0; k < 3; ++k) put(k, e * axes[k]);
            put(3, skew(b0) * s.a);
            put(4, skew(b1) * s.a);
            return 5;
        }
        case kFundamental: {
            const Mat3 d = diagonal(s.t), vt = transposed(s.b);
            for (int k = 0; k < 3; ++k) put(k, s.a * axes[k] * d * vt);
            for (int k = 0; k < 3; ++k) put(3 + k, s.a * d * transposed(axes[k]) * vt);
            put(6, s.a * diagonal({-s.t[1], s.t[0], 0}) * vt);
            return 7;
        }
        case kTurn:
            for (int k = 0; k < 3; ++k) put(k, s.a * axes[k]);
            return 3;
        default: {
            double row[1][9];
            for (int i = 0; i < 9; ++i) row[0][i] = s.a[i];
            null_space<1>(row, g);
            return 8;
        }
    }
}

TWO_VIEW_BOTH inline State moved(const State &s, const double *by) {
    State next = s;
    switch (s.kind) {
        case kEssential: {
            const Vec3 b0 = any_perpendicular(s.t), b1 = cross(s.t, b0);
            next.a = s.a * small_rotation({by[0], by[1], by[2]});
            for (int k = 0; k < 3; ++k) next.t[k] = s.t[k] + by[3] * b0[k] + by[4] * b1[k];
            next.t = normalized(next.t);
            break;
        }
        case kFundamental:
            next.a = s.a * small_rotation({by[0], by[1], by[2]});
            next.b = s.b * small_rotation({by[3], by[4], by[5]});
            next.t = normalized({s.t[0] - by[6] * s.t[1], s.t[1] + by[6] * s.t[0], 0});
            break;
        case kTurn:
            next.a = s.a * small_rotation({by[0], by[1], by[2]});
            break;
        default: {
            double g[kMostFreedom][9];
            tangent(s, g);
            for (int i = 0; i < 9; ++i)
                for (int k = 0; k < 8; ++k) next.a[i] += by[k] * g[k][i];
            next.a = scaled(next.a, 1 / frobenius(next.a));
        }
    }
    return next;
}

// Levenberg and Marquardt's steps:
//     begin; `normal` of `asked`; while (derive()) { all entries; while (propose()) if (judge(normal of `asked`)) break; }
struct Refinement {
    State state, next;
    Normal normal;  // of `state`
    Mat3 asked;     // the model whose normal equations are wanted
    double g[kMostFreedom][9], half[kMostFreedom][9], b[kMostFreedom];
    double a[kMostFreedom][kMostFreedom];  // of the step's equations, not yet damped
    double damping;
    int freedom, steps;
    bool has_ended, has_failed;

    TWO_VIEW_BOTH void begin(Kind kind, const Mat3 &start, int most_steps) {
        state = state_of(kind, start);
        asked = model_of(state);
        damping = 1e-4;
        steps = most_steps;
        has_ended = has_failed = false;
    }

    // Where the next step begins; false where there is none.
    TWO_VIEW_BOTH bool derive() {
        if (has_ended || steps-- <= 0 || !(damping < 1e6)) return false;
        freedom = tangent(state, g);
        return !(normal.inliers < freedom);
    }

    // Entries of the step's equations, in any order: first all of `half` and `b`, then those of `a`.
    TWO_VIEW_BOTH void fill_half(int k, int i) {
        half[k][i] = 0;
        for (int j = 0; j < 9; ++j) half[k][i] += g[k][j] * normal.ata[j][i];
    }
    TWO_VIEW_BOTH void fill_b(int k) {
        b[k] = 0;
        for (int i = 0; i < 9; ++i) b[k] -= g[k][i] * normal.atb[i];
    }
    TWO_VIEW_BOTH void fill_a(int k, int l) {
        a[k][l] = 0;
        for (int i = 0; i < 9; ++i) a[k][l] += half[k][i] * g[l][i];
    }

    // A step is taken to `next`; false where there is nothing more to be tried.
    TWO_VIEW_BOTH bool propose() {
        if (!(damping < 1e6)) return false;
        double damped[kMostFreedom][kMostFreedom], by[kMostFreedom];
        for (int k = 0; k < freedom; ++k)
            for (int l = 0; l < freedom; ++l) damped[k][l] = a[k][l];
        for (int k = 0; k < freedom; ++k) damped[k][k] += damping * damped[k][k] + 1e-12;
        has_failed = !solve(damped, b, freedom, by);
        double length = 0;
        for (int k = 0; k < freedom && !has_failed; ++k) length += by[k] * by[k];
        has_ended = !(length > 1e-24);
        if (has_ended) return false;
        next = moved(state, by);
        asked = model_of(next);
        return true;
    }

    // Whether `next`, with these normal equations, is better and has become the state.
    TWO_VIEW_BOTH bool judge(const Normal &there) {
        if (!(there.cost < normal.cost)) {
            damping *= 10;
            return false;
        }
        has_ended = normal.cost - there.cost < 1e-12 * normal.cost;
        state = next;
        normal = there;
        damping = damping > 1e-9 ? damping / 10 : damping;
        return true;
    }

    TWO_VIEW_BOTH Refined result() const {
        const Mat3 model = model_of(state);
        return {has_failed ? model : scaled(model, 1 / frobenius(model)), normal.cost, int(normal.inliers)};
    }
};

}  // namespace two_view
