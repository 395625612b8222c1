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

// A model by what it is made of: R and t of [t]x R; U, V and the two singular values (t) of U diag(t0, t1, 0) V'; R of a
// turn; a homography is itself.
struct Decomposed {
    Mat3 a, b;
    Vec3 t;
};

TWO_VIEW_BOTH inline Mat3 right_handed(const Mat3 &m) {
    Mat3 turned = m;
    if (determinant(m) < 0)
        for (int i = 0; i < 3; ++i) turned[3 * i + 2] = -turned[3 * i + 2];
    return turned;
}

template <Kind Of>
TWO_VIEW_BOTH Decomposed decomposed(const Mat3 &m) {
    if constexpr (Of == kHomography) return {m, {}, {}};
    const Svd s = svd(m);
    if constexpr (Of == kTurn) {
        const Mat3 r = s.u * transposed(s.v);
        return {determinant(r) < 0 ? scaled(r, -1) : r, {}, {}};
    }
    const Mat3 u = right_handed(s.u), v = right_handed(s.v);
    if constexpr (Of == kEssential) {
        const Mat3 quarter = {0, -1, 0, 1, 0, 0, 0, 0, 1};
        return {u * quarter * transposed(v), {}, column(u, 2)};
    }
    const double length = sqrt(s.values[0] * s.values[0] + s.values[1] * s.values[1]);
    return {u, v, {s.values[0] / length, s.values[1] / length, 0}};
}

TWO_VIEW_BOTH inline Mat3 diagonal(const Vec3 &v) { return {v[0], 0, 0, 0, v[1], 0, 0, 0, v[2]}; }

template <Kind Of>
TWO_VIEW_BOTH Mat3 model_of(const Decomposed &s) {
    if constexpr (Of == kEssential) return skew(s.t) * s.a;
    if constexpr (Of == kFundamental) return s.a * diagonal(s.t) * transposed(s.b);
    return s.a;
}

// So many numbers a model of this kind is.
template <Kind Of>
constexpr int kFreedom = Of == kEssential     ? 5
                         : Of == kFundamental ? 7
                         : Of == kTurn        ? 3
                                              : 8;

// How the nine entries move with freedom `k` of a state's.
template <Kind Of>
TWO_VIEW_BOTH Mat3 tangent(const Decomposed &s, int k) {
    const Mat3 axis = skew({k % 3 == 0 ? 1.0 : 0.0, k % 3 == 1 ? 1.0 : 0.0, k % 3 == 2 ? 1.0 : 0.0});
    if constexpr (Of == kEssential) {
        if (k < 3) return model_of<Of>(s) * axis;
        const Vec3 b0 = any_perpendicular(s.t);
        return skew(k == 3 ? b0 : cross(s.t, b0)) * s.a;
    } else if constexpr (Of == kFundamental) {
        const Mat3 vt = transposed(s.b);
        if (k < 3) return s.a * axis * diagonal(s.t) * vt;
        if (k < 6) return s.a * diagonal(s.t) * transposed(axis) * vt;
        return s.a * diagonal({-s.t[1], s.t[0], 0}) * vt;
    } else if constexpr (Of == kTurn) {
        return s.a * axis;
    } else {
        return perpendicular(s.a, k);
    }
}

// A state moved along its freedoms, whose tangents are `g`.
template <Kind Of>
TWO_VIEW_BOTH Decomposed moved(const Decomposed &s, const double (&g)[kFreedom<Of>][9], const double *by) {
    Decomposed next = s;
    if constexpr (Of == kHomography) {
        for (int i = 0; i < 9; ++i)
            for (int k = 0; k < kFreedom<Of>; ++k) next.a[i] += by[k] * g[k][i];
        next.a = scaled(next.a, 1 / frobenius(next.a));
        return next;
    }
    next.a = s.a * small_rotation({by[0], by[1], by[2]});
    if constexpr (Of == kEssential) {
        const Vec3 b0 = any_perpendicular(s.t), b1 = cross(s.t, b0);
        for (int k = 0; k < 3; ++k) next.t[k] = s.t[k] + by[3] * b0[k] + by[4] * b1[k];
        next.t = normalized(next.t);
    }
    if constexpr (Of == kFundamental) {
        next.b = s.b * small_rotation({by[3], by[4], by[5]});
        next.t = normalized({s.t[0] - by[6] * s.t[1], s.t[1] + by[6] * s.t[0], 0});
    }
    return next;
}

// Levenberg and Marquardt's steps:
//     begin; normal equations of `asked` to `there()`; accept; then while (may_step()) {
//         all entries; while (propose()) { normal equations of `asked` to `there()`; if (judge()) break; } }
template <Kind Of>
struct Refinement {
    static constexpr int freedom = kFreedom<Of>;
    Decomposed state, next;
    Mat3 asked;         // the model whose normal equations are wanted
    Normal normals[2];  // one of them of `state`
    int current;
    double g[freedom][9], half[freedom][9], b[freedom];
    double a[freedom][freedom];  // of the step's equations, not yet damped
    double damping;
    int steps;
    bool has_ended, has_failed;

    TWO_VIEW_BOTH const Normal &normal() const { return normals[current]; }
    TWO_VIEW_BOTH Normal &there() { return normals[1 - current]; }
    TWO_VIEW_BOTH void accept() { current = 1 - current; }

    TWO_VIEW_BOTH void begin(const Mat3 &start, int most_steps) {
        state = decomposed<Of>(start);
        asked = model_of<Of>(state);
        current = 0;
        damping = 1e-4;
        steps = most_steps;
        has_ended = has_failed = false;
    }

    // Whether there is another step.
    TWO_VIEW_BOTH bool may_step() {
        return !has_ended && steps-- > 0 && damping < 1e6 && !(normal().inliers < freedom);
    }

    // Entries of the step's equations, in any order: all of `g`, then of `half` and `b`, then of `a`.
    TWO_VIEW_BOTH void fill_g(int k) {
        const Mat3 along = tangent<Of>(state, k);
        for (int i = 0; i < 9; ++i) g[k][i] = along[i];
    }
    TWO_VIEW_BOTH void fill_half(int k, int i) {
        double sum = 0;
        for (int j = 0; j < 9; ++j) sum += g[k][j] * normal().ata[j][i];
        half[k][i] = sum;
    }
    TWO_VIEW_BOTH void fill_b(int k) {
        double sum = 0;
        for (int i = 0; i < 9; ++i) sum -= g[k][i] * normal().atb[i];
        b[k] = sum;
    }
    TWO_VIEW_BOTH void fill_a(int k, int l) {
        double sum = 0;
        for (int i = 0; i < 9; ++i) sum += half[k][i] * g[l][i];
        a[k][l] = sum;
    }

    // A step is taken to `next`; false where there is nothing more to be tried.
    TWO_VIEW_BOTH TWO_VIEW_CALLED bool propose() {
        if (!(damping < 1e6)) return false;
        double damped[freedom][freedom], by[freedom];
        TWO_VIEW_UNROLLED
        for (int k = 0; k < freedom; ++k) TWO_VIEW_UNROLLED
        for (int l = 0; l <= k; ++l) damped[k][l] = k == l ? a[k][k] + (damping * a[k][k] + 1e-12) : a[k][l];
        has_failed = !solve(damped, b, freedom, by);
        double length = 0;
        for (int k = 0; k < freedom && !has_failed; ++k) length += by[k] * by[k];
        has_ended = !(length > 1e-24);
        if (has_ended) return false;
        next = moved<Of>(state, g, by);
        asked = model_of<Of>(next);
        return true;
    }

    // Whether `next`, whose normal equations are there, is better and has become the state.
    TWO_VIEW_BOTH bool judge() {
        const double before = normal().cost, after = there().cost;
        if (!(after < before)) {
            damping *= 10;
            return false;
        }
        has_ended = before - after < 1e-12 * before;
        state = next;
        accept();
        damping = damping > 1e-9 ? damping / 10 : damping;
        return true;
    }

    TWO_VIEW_BOTH Refined result() const {
        const Mat3 model = model_of<Of>(state);
        return {has_failed ? model : scaled(model, 1 / frobenius(model)), normal().cost, int(normal().inliers)};
    }
};

}  // namespace two_view
