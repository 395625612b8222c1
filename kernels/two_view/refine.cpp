#include "refine.h"

#include <cstdlib>
#include <cstring>
#include <limits>

namespace two_view {

const Lanes &lanes() {
#if defined(TWO_VIEW_X86)
    __builtin_cpu_init();
    const char *wish = std::getenv("SPLATWORKER_ISA");
    if (__builtin_cpu_supports("avx2") && !(wish && !std::strcmp(wish, "baseline"))) return avx2_lanes();
#endif
    return plain_lanes();
}

namespace {

constexpr int kMostFreedom = 8;

// A model by what it is made of: R and t of [t]x R; U, V and the two singular values (t) of U diag(t0, t1, 0) V'; R of a
// turn; a homography is itself.
struct State {
    Kind kind;
    Mat3 a, b;
    Vec3 t;
};

Mat3 right_handed(const Mat3 &m) {
    Mat3 turned = m;
    if (determinant(m) < 0)
        for (int i = 0; i < 3; ++i) turned[3 * i + 2] = -turned[3 * i + 2];
    return turned;
}

State state_of(Kind kind, const Mat3 &m) {
    if (kind == kHomography) return {kind, m, {}, {}};
    const Svd s = svd(m);
    const Mat3 u = right_handed(s.u), v = right_handed(s.v);
    if (kind == kEssential) {
        const Mat3 quarter = {0, -1, 0, 1, 0, 0, 0, 0, 1};
        return {kind, u * quarter * transposed(v), {}, column(u, 2)};
    }
    if (kind == kFundamental) {
        const double length = std::sqrt(s.values[0] * s.values[0] + s.values[1] * s.values[1]);
        return {kind, u, v, {s.values[0] / length, s.values[1] / length, 0}};
    }
    const Mat3 r = s.u * transposed(s.v);
    return {kind, determinant(r) < 0 ? scaled(r, -1) : r, {}, {}};
}

Mat3 diagonal(const Vec3 &v) { return {v[0], 0, 0, 0, v[1], 0, 0, 0, v[2]}; }

Mat3 model_of(const State &s) {
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
int tangent(const State &s, double (&g)[kMostFreedom][9]) {
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

State moved(const State &s, const double *by) {
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

Normal normal_of(const State &state, const Points &points, double max_error) {
    Normal normal;
    lanes().accumulate(state.kind, model_of(state).data(), points, max_error, normal);
    return normal;
}

}  // namespace

Refined refine(Kind kind, const Mat3 &start, const Points &points, double max_error, int most_steps) {
    State state = state_of(kind, start);
    Normal normal = normal_of(state, points, max_error);
    double damping = 1e-4;
    for (int step = 0; step < most_steps && damping < 1e6; ++step) {
        double g[kMostFreedom][9], half[kMostFreedom][9], a[kMostFreedom][kMostFreedom], b[kMostFreedom],
            by[kMostFreedom];
        const int freedom = tangent(state, g);
        if (normal.inliers < freedom) break;
        for (int k = 0; k < freedom; ++k) {
            b[k] = 0;
            for (int i = 0; i < 9; ++i) {
                half[k][i] = 0;
                for (int j = 0; j < 9; ++j) half[k][i] += g[k][j] * normal.ata[j][i];
                b[k] -= g[k][i] * normal.atb[i];
            }
        }
        bool improved = false, settled = false;
        while (!improved && damping < 1e6) {
            for (int k = 0; k < freedom; ++k)
                for (int l = 0; l < freedom; ++l) {
                    a[k][l] = 0;
                    for (int i = 0; i < 9; ++i) a[k][l] += half[k][i] * g[l][i];
                }
            for (int k = 0; k < freedom; ++k) a[k][k] += damping * a[k][k] + 1e-12;
            if (!solve(a, b, freedom, by)) return {model_of(state), normal.cost, int(normal.inliers)};
            double length = 0;
            for (int k = 0; k < freedom; ++k) length += by[k] * by[k];
            if (!(length > 1e-24)) {
                settled = true;
                break;
            }
            const State next = moved(state, by);
            const Normal there = normal_of(next, points, max_error);
            if (there.cost < normal.cost) {
                improved = true;
                settled = normal.cost - there.cost < 1e-12 * normal.cost;
                state = next;
                normal = there;
                damping = damping > 1e-9 ? damping / 10 : damping;
            } else {
                damping *= 10;
            }
        }
        if (settled) break;
    }
    const Mat3 model = model_of(state);
    return {scaled(model, 1 / frobenius(model)), normal.cost, int(normal.inliers)};
}

double squared_error(Kind kind, const Mat3 &m, const Points &p, int64_t i) {
    const double x1 = p.x1[i], y1 = p.y1[i], x2 = p.x2[i], y2 = p.y2[i];
    const double ax = m[0] * x1 + m[1] * y1 + m[2], ay = m[3] * x1 + m[4] * y1 + m[5];
    const double az = m[6] * x1 + m[7] * y1 + m[8];
    double above, below;
    if (kind == kHomography || kind == kTurn) {
        const double ex = ax - x2 * az, ey = ay - y2 * az;
        above = ex * ex + ey * ey;
        below = p.s2[i] * az * az;
    } else {
        const double bx = m[0] * x2 + m[3] * y2 + m[6], by = m[1] * x2 + m[4] * y2 + m[7];
        const double c = x2 * ax + y2 * ay + az;
        above = c * c;
        below = p.s2[i] * (ax * ax + ay * ay) + p.s1[i] * (bx * bx + by * by);
    }
    const double squared = above / below;
    return squared >= 0 ? squared : std::numeric_limits<double>::infinity();
}

}  // namespace two_view
