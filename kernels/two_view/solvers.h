// Minimal solvers: the geometries that a few correspondences allow. Coordinates are normalized (a lens's distortion,
// focal length and principal point taken out); x2' M x1 = 0 for epipolar geometries, x2 ~ M x1 for homographies.
#pragma once
#include "algebra.h"

namespace two_view {

struct Correspondence {
    double x1, y1, x2, y2;
};

constexpr int kMostEssentials = 10, kMostFundamentals = 3;

// Products of monomials. Linear ones: x, y, z, 1. Quadratic ones: xx, xy, xz, x, yy, yz, y, zz, z, 1. Cubic ones in the
// order in which Nister eliminates them: x3, y3, x2y, xy2, x2z, x2, y2z, y2, xyz, xy; xz2, xz, x, yz2, yz, y, z3, z2, z, 1.
constexpr int kLinear = 4, kQuadratic = 10, kCubic = 20;

typedef double Linear[kLinear];
typedef double Quadratic[kQuadratic];
typedef double Cubic[kCubic];

TWO_VIEW_BOTH inline void add_product(const Linear &a, const Linear &b, double sign, Quadratic &sum) {
    constexpr int place[kLinear][kLinear] = {{0, 1, 2, 3}, {1, 4, 5, 6}, {2, 5, 7, 8}, {3, 6, 8, 9}};
    for (int i = 0; i < kLinear; ++i)
        for (int j = 0; j < kLinear; ++j) sum[place[i][j]] += sign * a[i] * b[j];
}

TWO_VIEW_BOTH TWO_VIEW_CALLED inline void add_product(const Quadratic &a, const Linear &b, Cubic &sum) {
    constexpr int place[kQuadratic][kLinear] = {{0, 2, 4, 5},     {2, 3, 8, 9},    {4, 8, 10, 11}, {5, 9, 11, 12},
                                                {3, 1, 6, 7},     {8, 6, 13, 14},  {9, 7, 14, 15}, {10, 13, 16, 17},
                                                {11, 14, 17, 18}, {12, 15, 18, 19}};
    for (int i = 0; i < kQuadratic; ++i)
        for (int j = 0; j < kLinear; ++j) sum[place[i][j]] += a[i] * b[j];
}

// The ten cubic equations of E = x X + y Y + z Z + W: det E = 0 and E E' E - tr(E E') E / 2 = 0.
TWO_VIEW_BOTH TWO_VIEW_CALLED inline void constraints(const Linear (&e)[9], Cubic (&equations)[10]) {
    for (auto &equation : equations)
        for (double &entry : equation) entry = 0;
    for (int j = 0; j < 3; ++j) {
        Quadratic minor{};
        const int a = (j + 1) % 3, b = (j + 2) % 3;
        add_product(e[3 + a], e[6 + b], 1, minor);
        add_product(e[3 + b], e[6 + a], -1, minor);
        add_product(minor, e[j], equations[0]);
    }
    Quadratic square[3][3];
    for (int i = 0; i < 3; ++i)
        for (int j = i; j < 3; ++j) {
            for (double &entry : square[i][j]) entry = 0;
            for (int k = 0; k < 3; ++k) add_product(e[3 * i + k], e[3 * j + k], 1, square[i][j]);
        }
    for (int m = 0; m < kQuadratic; ++m) {
        const double half = (square[0][0][m] + square[1][1][m] + square[2][2][m]) / 2;
        for (int i = 0; i < 3; ++i) square[i][i][m] -= half;
    }
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j)
            for (int k = 0; k < 3; ++k)
                add_product(i <= k ? square[i][k] : square[k][i], e[3 * k + j], equations[1 + 3 * i + j]);
}

// Rows 4 to 9 of the reduced echelon form, of which only the right half is written; false where there is none.
TWO_VIEW_BOTH TWO_VIEW_CALLED inline bool eliminate(Cubic (&m)[10]) {
    for (int column = 0; column < 10; ++column) {
        int pivot = column;
        for (int row = column + 1; row < 10; ++row)
            if (fabs(m[row][column]) > fabs(m[pivot][column])) pivot = row;
        if (!(fabs(m[pivot][column]) > 0)) return false;
        for (int k = column; k < kCubic; ++k) {
            const double kept = m[column][k];
            m[column][k] = m[pivot][k];
            m[pivot][k] = kept;
        }
        const double factor_of_pivot = 1 / m[column][column];
        for (int k = column; k < kCubic; ++k) m[column][k] *= factor_of_pivot;
        for (int row = column + 1; row < 10; ++row) {
            const double factor = m[row][column];
            for (int k = column; k < kCubic; ++k) m[row][k] -= factor * m[column][k];
        }
    }
    for (int row = 8; row >= 4; --row)
        for (int below = row + 1; below < 10; ++below)
            for (int k = 10; k < kCubic; ++k) m[row][k] -= m[row][below] * m[below][k];
    return true;
}

template <int A, int B>
TWO_VIEW_BOTH inline void add_product(const double (&a)[A], const double (&b)[B], double sign,
                                      double (&sum)[A + B - 1]) {
    for (int i = 0; i < A; ++i)
        for (int j = 0; j < B; ++j) sum[i + j] += sign * a[i] * b[j];
}

// Of two rows of the eliminated system, the first less z times the second: polynomials in z before x, y and 1.
struct Row {
    double x[4], y[4], one[5];
};

TWO_VIEW_BOTH inline Row without_squares(const Cubic &a, const Cubic &b) {
    return {{a[12], a[11] - b[12], a[10] - b[11], -b[10]},
            {a[15], a[14] - b[15], a[13] - b[14], -b[13]},
            {a[19], a[18] - b[19], a[17] - b[18], a[16] - b[17], -b[16]}};
}

template <int N>
TWO_VIEW_BOTH inline double value(const double (&p)[N], double z) {
    double sum = p[N - 1];
    for (int k = N - 2; k >= 0; --k) sum = sum * z + p[k];
    return sum;
}

template <int Size>
TWO_VIEW_BOTH inline void epipolar_rows(const Array<Correspondence, Size> &points, double (&rows)[Size][9]) {
    for (int k = 0; k < Size; ++k) {
        const Correspondence &p = points[k];
        const double row[9] = {p.x2 * p.x1, p.x2 * p.y1, p.x2, p.y2 * p.x1, p.y2 * p.y1, p.y2, p.x1, p.y1, 1};
        for (int i = 0; i < 9; ++i) rows[k][i] = row[i];
    }
}

TWO_VIEW_BOTH inline bool keep(const Mat3 &m, Mat3 &kept) {
    const double norm = frobenius(m);
    if (!(norm > 0) || !is_number(norm)) return false;
    kept = scaled(m, 1 / norm);
    return true;
}

// x with p(x) = 0, of which those beyond 1 as w = 1 / x are roots of the polynomial read backwards: (x, 1) or (1, w).
template <int Degree>
TWO_VIEW_BOTH inline int all_roots(const double (&p)[Degree + 1], double (&roots)[Degree][2]) {
    double backwards[Degree + 1], inner[Degree], outer[Degree];
    for (int k = 0; k <= Degree; ++k) backwards[k] = p[Degree - k];
    int count = 0;
    const int inside = roots_in_unit<Degree>(p, inner), outside = roots_in_unit<Degree>(backwards, outer);
    for (int k = 0; k < inside && count < Degree; ++k, ++count) {
        roots[count][0] = inner[k];
        roots[count][1] = 1;
    }
    for (int k = 0; k < outside && count < Degree; ++k) {
        if (fabs(outer[k]) >= 1) continue;
        roots[count][0] = 1;
        roots[count++][1] = outer[k];
    }
    return count;
}

// Essential matrices of five correspondences, each of Frobenius norm 1; how many (Nister, "An efficient solution to the
// five-point relative pose problem", 2004).
TWO_VIEW_BOTH inline int essentials(const Array<Correspondence, 5> &points, Mat3 (&found)[kMostEssentials]) {
    double rows[5][9], basis[4][9];
    epipolar_rows(points, rows);
    null_space<5>(rows, basis);
    Linear e[9];
    for (int i = 0; i < 9; ++i)
        for (int k = 0; k < kLinear; ++k) e[i][k] = basis[k][i];
    Cubic m[10];
    constraints(e, m);
    if (!eliminate(m)) return 0;
    const Row r[3] = {without_squares(m[4], m[5]), without_squares(m[6], m[7]), without_squares(m[8], m[9])};
    double determinant[11] = {};
    for (int i = 0; i < 3; ++i) {
        const Row &a = r[(i + 1) % 3], &b = r[(i + 2) % 3];
        double minor[7] = {};
        add_product(a.x, b.y, 1, minor);
        add_product(a.y, b.x, -1, minor);
        add_product(minor, r[i].one, 1, determinant);
    }
    double roots[10][2];
    const int count = all_roots<10>(determinant, roots);
    int kept = 0;
    for (int k = 0; k < count; ++k) {
        if (roots[k][1] == 0) continue;
        const double z = roots[k][0] / roots[k][1];
        Vec3 at[3];
        for (int i = 0; i < 3; ++i) at[i] = {value(r[i].x, z), value(r[i].y, z), value(r[i].one, z)};
        Vec3 best{};
        double longest = 0;
        for (int i = 0; i < 3; ++i) {  // (x, y, 1) is at right angles to all rows; the surest pair of them tells it
            const Vec3 &a = at[i], &b = at[(i + 1) % 3];
            const Vec3 normal = cross(a, b);
            const double length = dot(normal, normal) / (dot(a, a) * dot(b, b));
            if (length > longest) {
                longest = length;
                best = scaled(normal, 1 / sqrt(dot(normal, normal)));
            }
        }
        Mat3 e_found;
        for (int i = 0; i < 9; ++i)
            e_found[i] = best[0] * basis[0][i] + best[1] * basis[1][i] + best[2] * (z * basis[2][i] + basis[3][i]);
        kept += keep(e_found, found[kept]);
    }
    return kept;
}

// Fundamental matrices of seven (Hartley & Zisserman, "Multiple View Geometry", 11.1.2).
TWO_VIEW_BOTH inline int fundamentals(const Array<Correspondence, 7> &points, Mat3 (&found)[kMostFundamentals]) {
    double rows[7][9], basis[2][9];
    epipolar_rows(points, rows);
    null_space<7>(rows, basis);
    // det(a F1 + b F2), b = 1: cubic in a.
    const auto mixed = [&](double a, double b) {
        Mat3 m;
        for (int i = 0; i < 9; ++i) m[i] = a * basis[0][i] + b * basis[1][i];
        return m;
    };
    const double d0 = determinant(mixed(0, 1)), d3 = determinant(mixed(1, 0));
    const double plus = determinant(mixed(1, 1)), minus = determinant(mixed(-1, 1));
    const double cubic[4] = {d0, (plus - minus) / 2 - d3, (plus + minus) / 2 - d0, d3};
    double roots[3][2];
    const int count = all_roots<3>(cubic, roots);
    int kept = 0;
    for (int k = 0; k < count; ++k) kept += keep(mixed(roots[k][0], roots[k][1]), found[kept]);
    return kept;
}

// The homography of four (the same, 4.1).
TWO_VIEW_BOTH inline int homographies(const Array<Correspondence, 4> &points, Mat3 (&found)[1]) {
    double rows[8][9], basis[1][9];
    for (int k = 0; k < 4; ++k) {
        const Correspondence &p = points[k];
        const double u[9] = {p.x1, p.y1, 1, 0, 0, 0, -p.x2 * p.x1, -p.x2 * p.y1, -p.x2};
        const double v[9] = {0, 0, 0, p.x1, p.y1, 1, -p.y2 * p.x1, -p.y2 * p.y1, -p.y2};
        for (int i = 0; i < 9; ++i) rows[2 * k][i] = u[i], rows[2 * k + 1][i] = v[i];
    }
    null_space<8>(rows, basis);
    Mat3 m;
    for (int i = 0; i < 9; ++i) m[i] = basis[0][i];
    if (fabs(determinant(m)) < 1e-12) return 0;  // three points in a line
    return keep(m, found[0]);
}

}  // namespace two_view
