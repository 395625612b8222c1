// Small matrices, null spaces and real roots, in doubles. Nothing here calls a function whose last bit differs between
// libraries: square roots are exact by IEEE 754, sines are not needed.
#pragma once
#include "both.h"

namespace two_view {

using Vec3 = Array<double, 3>;
using Mat3 = Array<double, 9>;  // by rows

TWO_VIEW_BOTH inline bool is_number(double x) { return x - x == 0; }  // neither infinite nor NaN

TWO_VIEW_BOTH inline double dot(const Vec3 &a, const Vec3 &b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

TWO_VIEW_BOTH inline Vec3 cross(const Vec3 &a, const Vec3 &b) {
    return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

TWO_VIEW_BOTH inline Vec3 scaled(const Vec3 &a, double by) { return {a[0] * by, a[1] * by, a[2] * by}; }

TWO_VIEW_BOTH inline Vec3 normalized(const Vec3 &a) { return scaled(a, 1 / sqrt(dot(a, a))); }

TWO_VIEW_BOTH inline Mat3 transposed(const Mat3 &m) { return {m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]}; }

TWO_VIEW_BOTH inline Mat3 operator*(const Mat3 &a, const Mat3 &b) {
    Mat3 c{};
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) c[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
    return c;
}

TWO_VIEW_BOTH inline Vec3 operator*(const Mat3 &m, const Vec3 &v) {
    return {m[0] * v[0] + m[1] * v[1] + m[2] * v[2], m[3] * v[0] + m[4] * v[1] + m[5] * v[2],
            m[6] * v[0] + m[7] * v[1] + m[8] * v[2]};
}

TWO_VIEW_BOTH inline Mat3 skew(const Vec3 &v) { return {0, -v[2], v[1], v[2], 0, -v[0], -v[1], v[0], 0}; }

TWO_VIEW_BOTH inline double determinant(const Mat3 &m) {
    return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
}

TWO_VIEW_BOTH inline Mat3 scaled(Mat3 m, double by) {
    for (double &entry : m) entry *= by;
    return m;
}

TWO_VIEW_BOTH inline double frobenius(const Mat3 &m) {
    double sum = 0;
    for (double entry : m) sum += entry * entry;
    return sqrt(sum);
}

TWO_VIEW_BOTH inline bool is_finite(const Mat3 &m) { return is_number(frobenius(m)); }

TWO_VIEW_BOTH inline Vec3 column(const Mat3 &m, int j) { return {m[j], m[3 + j], m[6 + j]}; }

TWO_VIEW_BOTH inline Mat3 of_columns(const Vec3 &a, const Vec3 &b, const Vec3 &c) {
    return {a[0], b[0], c[0], a[1], b[1], c[1], a[2], b[2], c[2]};
}

// A unit vector at a right angle to a unit vector.
TWO_VIEW_BOTH inline Vec3 any_perpendicular(const Vec3 &v) {
    int least = 0;
    for (int k = 1; k < 3; ++k)
        if (fabs(v[k]) < fabs(v[least])) least = k;
    Vec3 axis{};
    axis[least] = 1;
    return normalized(cross(v, axis));
}

// A rotation near the identity: Cayley's map of half the vector, a turn by it up to the third order.
TWO_VIEW_BOTH inline Mat3 small_rotation(const Vec3 &w) {
    const double a = w[0] / 2, b = w[1] / 2, c = w[2] / 2, n = 1 / (1 + a * a + b * b + c * c);
    return {n * (1 + a * a - b * b - c * c), n * 2 * (a * b - c), n * 2 * (a * c + b), n * 2 * (a * b + c),
            n * (1 - a * a + b * b - c * c), n * 2 * (b * c - a), n * 2 * (a * c - b), n * 2 * (b * c + a),
            n * (1 - a * a - b * b + c * c)};
}

struct Svd {
    Mat3 u, v;    // orthogonal, of either handedness
    Vec3 values;  // falling
};

// m = u diag(values) v', by one-sided Jacobi rotations: small singular values keep their digits.
TWO_VIEW_BOTH TWO_VIEW_CALLED inline Svd svd(const Mat3 &m) {
    Vec3 a[3] = {column(m, 0), column(m, 1), column(m, 2)}, v[3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}};
    for (int sweep = 0; sweep < 12; ++sweep) {
        bool done = true;
        for (int p = 0; p < 2; ++p)
            for (int q = p + 1; q < 3; ++q) {
                const double alpha = dot(a[p], a[p]), beta = dot(a[q], a[q]), gamma = dot(a[p], a[q]);
                if (!(fabs(gamma) > 1e-16 * sqrt(alpha * beta))) continue;
                done = false;
                const double zeta = (beta - alpha) / (2 * gamma);
                const double t = (zeta < 0 ? -1 : 1) / (fabs(zeta) + sqrt(1 + zeta * zeta));
                const double c = 1 / sqrt(1 + t * t), s = c * t;
                for (int k = 0; k < 3; ++k) {
                    const double ap = a[p][k], aq = a[q][k], vp = v[p][k], vq = v[q][k];
                    a[p][k] = c * ap - s * aq;
                    a[q][k] = s * ap + c * aq;
                    v[p][k] = c * vp - s * vq;
                    v[q][k] = s * vp + c * vq;
                }
            }
        if (done) break;
    }
    double length[3];
    int order[3] = {0, 1, 2};
    for (int k = 0; k < 3; ++k) length[k] = sqrt(dot(a[k], a[k]));
    auto put = [&](int i, int j) {
        if (length[order[i]] < length[order[j]]) {
            const int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
    };
    put(0, 1), put(1, 2), put(0, 1);
    Vec3 u[3];
    for (int k = 0; k < 3; ++k) u[k] = a[order[k]];
    const double largest = length[order[0]];
    u[0] = largest > 0 ? scaled(u[0], 1 / largest) : Vec3{1, 0, 0};
    u[1] = length[order[1]] > 1e-14 * largest ? scaled(u[1], 1 / length[order[1]]) : any_perpendicular(u[0]);
    const Vec3 third = cross(u[0], u[1]);
    u[2] = dot(third, a[order[2]]) < 0 ? scaled(third, -1) : third;
    return {of_columns(u[0], u[1], u[2]),
            of_columns(v[order[0]], v[order[1]], v[order[2]]),
            {largest, length[order[1]], length[order[2]]}};
}

// One of eight matrices that are at right angles to a matrix and to each other, of norm 1: columns of a Householder
// reflection, as null_space<1> has them.
TWO_VIEW_BOTH inline Mat3 perpendicular(const Mat3 &m, int k) {
    double row[9], norm = 0;
    for (int i = 0; i < 9; ++i) norm += m[i] * m[i];
    norm = sqrt(norm);
    if (m[0] > 0) norm = -norm;
    for (int i = 0; i < 9; ++i) row[i] = m[i];
    row[0] -= norm;
    double length = 0;
    for (int i = 0; i < 9; ++i) length += row[i] * row[i];
    const double scale = length > 0 ? 2 / length : 0;
    Mat3 one{};
    double product = 0;
    for (int i = 0; i < 9; ++i) {
        one[i] = i == 1 + k;
        product += row[i] * one[i];
    }
    for (int i = 0; i < 9; ++i) one[i] -= scale * product * row[i];
    return one;
}

// An orthonormal basis of what is at right angles to `Rows` vectors of nine numbers: the last columns of Q in the QR
// decomposition of their transpose, by Householder's reflections. `rows` is used up.
template <int Rows>
TWO_VIEW_BOTH TWO_VIEW_CALLED void null_space(double (&rows)[Rows][9], double (&basis)[9 - Rows][9]) {
    double scale[Rows];
    TWO_VIEW_LOOP
    for (int k = 0; k < Rows; ++k) {
        double norm = 0;
        for (int i = k; i < 9; ++i) norm += rows[k][i] * rows[k][i];
        norm = sqrt(norm);
        if (rows[k][k] > 0) norm = -norm;
        rows[k][k] -= norm;
        double length = 0;
        for (int i = k; i < 9; ++i) length += rows[k][i] * rows[k][i];
        scale[k] = length > 0 ? 2 / length : 0;
        TWO_VIEW_LOOP
        for (int other = k + 1; other < Rows; ++other) {
            double product = 0;
            for (int i = k; i < 9; ++i) product += rows[k][i] * rows[other][i];
            for (int i = k; i < 9; ++i) rows[other][i] -= scale[k] * product * rows[k][i];
        }
    }
    TWO_VIEW_LOOP
    for (int j = 0; j < 9 - Rows; ++j) {
        for (int i = 0; i < 9; ++i) basis[j][i] = i == Rows + j;
        TWO_VIEW_LOOP
        for (int k = Rows - 1; k >= 0; --k) {
            double product = 0;
            for (int i = k; i < 9; ++i) product += rows[k][i] * basis[j][i];
            for (int i = k; i < 9; ++i) basis[j][i] -= scale[k] * product * rows[k][i];
        }
    }
}

// x of a x = b for a symmetric positive definite `a` of n rows (at most N), whose lower triangle is looked at and used up,
// by Cholesky; false where it is not.
template <int N>
TWO_VIEW_BOTH inline bool solve(double (&a)[N][N], const double (&b)[N], int n, double (&x)[N]) {
    TWO_VIEW_UNROLLED
    for (int j = 0; j < n; ++j) {
        TWO_VIEW_UNROLLED
        for (int k = 0; k < j; ++k) a[j][j] -= a[j][k] * a[j][k];
        if (!(a[j][j] > 0)) return false;
        a[j][j] = sqrt(a[j][j]);
        TWO_VIEW_UNROLLED
        for (int i = j + 1; i < n; ++i) {
            TWO_VIEW_UNROLLED
            for (int k = 0; k < j; ++k) a[i][j] -= a[i][k] * a[j][k];
            a[i][j] /= a[j][j];
        }
    }
    TWO_VIEW_UNROLLED
    for (int i = 0; i < n; ++i) {
        x[i] = b[i];
        TWO_VIEW_UNROLLED
        for (int k = 0; k < i; ++k) x[i] -= a[i][k] * x[k];
        x[i] /= a[i][i];
    }
    TWO_VIEW_UNROLLED
    for (int i = n - 1; i >= 0; --i) {
        TWO_VIEW_UNROLLED
        for (int k = i + 1; k < n; ++k) x[i] -= a[k][i] * x[k];
        x[i] /= a[i][i];
    }
    return true;
}

// The real roots in [-1, 1] of sum c[k] x^k, k up to `Degree`, rising; how many. Between two neighbouring roots of its
// derivative a polynomial has one root or none: Newton's steps find it, kept within the bracket.
template <int Degree>
TWO_VIEW_BOTH TWO_VIEW_CALLED int roots_in_unit(const double (&c)[Degree + 1], double (&roots)[Degree]) {
    double knots[Degree + 1], found[Degree];
    int count = 0;
    for (int degree = 1; degree <= Degree; ++degree) {
        // The derivative that has this degree, over a factorial: a coefficient times a binomial.
        double p[Degree + 1];
        const int order = Degree - degree;
        const double near = degree < Degree ? 1e-3 : 1e-15;  // of a derivative's roots what is left is of second order
        double binomial = 1;
        for (int k = 0; k <= degree; ++k) {
            p[k] = c[k + order] * binomial;
            binomial = binomial * (k + 1 + order) / (k + 1);
        }
        const auto value = [&](double x, double *slope) {
            double v = p[degree], s = 0;
            for (int k = degree - 1; k >= 0; --k) {
                s = s * x + v;
                v = v * x + p[k];
            }
            *slope = s;
            return v;
        };
        int next = 0;
        double low = -1, slope;
        double at_low = value(low, &slope);
        for (int k = 0; k <= count; ++k) {
            const double high = k < count ? knots[k] : 1;
            const double at_high = value(high, &slope);
            if (at_low == 0) {
                if (next == 0 || found[next - 1] != low) found[next++] = low;
            } else if (at_low * at_high < 0) {
                double a = low, b = high, x = (a + b) / 2;
                for (int step = 0; step < 80; ++step) {
                    const double v = value(x, &slope);
                    if (v == 0) break;
                    (v < 0) == (at_low < 0) ? a = x : b = x;
                    double moved = x - v / slope;
                    if (!(moved > a && moved < b)) moved = (a + b) / 2;
                    const double by = fabs(moved - x);
                    x = moved;
                    if (by <= near * fabs(x) || b - a < 1e-300) break;
                }
                found[next++] = x;
            }
            low = high;
            at_low = at_high;
            if (next == degree) break;
        }
        count = next;
        for (int k = 0; k < count; ++k) knots[k] = found[k];
    }
    for (int k = 0; k < count; ++k) roots[k] = knots[k];
    return count;
}

}  // namespace two_view
