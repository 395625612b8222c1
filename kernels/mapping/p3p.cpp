#include "p3p.h"

#include <cmath>

namespace mapping {
namespace {

using two_view::cross;
using two_view::dot;
using two_view::normalized;
using two_view::roots_in_unit;
using two_view::operator*;

Vec3 difference(const Vec3 &a, const Vec3 &b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

// Columns along the first side, across it in the triangle's plane, and at right angles to that.
Mat3 frame_of(const Vec3 (&p)[3]) {
    const Vec3 along = normalized(difference(p[1], p[0])), up = normalized(cross(along, difference(p[2], p[0])));
    return two_view::of_columns(along, cross(up, along), up);
}

// The cosines between bearings 1 2, 1 3, 2 3, and the squared sides between the points.
struct Triangle {
    double cos12, cos13, cos23, side12, side13, side23;
};

// Distances that fulfil the three laws of cosines better than those given: two steps of Newton's.
void polish(const Triangle &t, double (&d)[3]) {
    for (int step = 0; step < 2; ++step) {
        const double f[3] = {d[0] * d[0] + d[1] * d[1] - 2 * d[0] * d[1] * t.cos12 - t.side12,
                             d[0] * d[0] + d[2] * d[2] - 2 * d[0] * d[2] * t.cos13 - t.side13,
                             d[1] * d[1] + d[2] * d[2] - 2 * d[1] * d[2] * t.cos23 - t.side23};
        const double a = d[0] - d[1] * t.cos12, b = d[1] - d[0] * t.cos12;  // halves of the derivatives
        const double c = d[0] - d[2] * t.cos13, e = d[2] - d[0] * t.cos13;
        const double g = d[1] - d[2] * t.cos23, h = d[2] - d[1] * t.cos23;
        const double determinant = -a * e * g - b * c * h;
        if (!(std::fabs(determinant) > 0)) return;
        const double by = 0.5 / determinant;
        d[0] -= by * (-e * g * f[0] - b * h * f[1] + b * e * f[2]);
        d[1] -= by * (-c * h * f[0] + a * h * f[1] - a * e * f[2]);
        d[2] -= by * (c * g * f[0] - a * g * f[1] - b * c * f[2]);
    }
}

}  // namespace

int p3p(const Vec3 (&bearings)[3], const Vec3 (&points)[3], Placement (&found)[kMostPlacements]) {
    const Vec3 by12 = difference(points[1], points[0]), by13 = difference(points[2], points[0]),
               by23 = difference(points[2], points[1]);
    const Triangle t = {dot(bearings[0], bearings[1]),
                        dot(bearings[0], bearings[2]),
                        dot(bearings[1], bearings[2]),
                        dot(by12, by12),
                        dot(by13, by13),
                        dot(by23, by23)};
    const Vec3 normal = cross(by12, by13);
    if (!(dot(normal, normal) > 1e-12 * t.side12 * t.side13)) return 0;  // all in a line

    // With distances d1, u d1 and v d1: u n1(v) = n2(v) from the difference of two laws, put into the first of them.
    const double a = t.side23 / t.side13, c = t.side12 / t.side13;
    const double n[3] = {c - a - 1, 2 * (a - c) * t.cos13, 1 - a + c}, d[2] = {-2 * t.cos12, 2 * t.cos23};
    const double rest[3] = {1 - c, 2 * c * t.cos13, -c};
    double q[5] = {};
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) q[i + j] += n[i] * n[j];
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 2; ++j) q[i + j] -= 2 * t.cos12 * n[i] * d[j];
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 2; ++j)
            for (int k = 0; k < 2; ++k) q[i + j + k] += rest[i] * d[j] * d[k];

    double ratios[8], roots[4];
    int candidates = 0;
    int count = roots_in_unit<4>(q, roots);
    for (int k = 0; k < count; ++k)
        if (roots[k] > 0) ratios[candidates++] = roots[k];
    const double reversed[5] = {q[4], q[3], q[2], q[1], q[0]};
    count = roots_in_unit<4>(reversed, roots);
    for (int k = 0; k < count; ++k)
        if (roots[k] > 0 && roots[k] < 1) ratios[candidates++] = 1 / roots[k];

    const Mat3 of_world = two_view::transposed(frame_of(points));
    int placements = 0;
    for (int k = 0; k < candidates && placements < kMostPlacements; ++k) {
        const double v = ratios[k], below = d[0] + d[1] * v, shape = 1 + v * v - 2 * v * t.cos13;
        const double u = (n[0] + v * (n[1] + v * n[2])) / below;
        if (!(u > 0) || !std::isfinite(u) || !(shape > 0)) continue;
        const double first = std::sqrt(t.side13 / shape);
        double distance[3] = {first, u * first, v * first};
        polish(t, distance);
        if (!(distance[0] > 0 && distance[1] > 0 && distance[2] > 0)) continue;
        const Vec3 seen[3] = {two_view::scaled(bearings[0], distance[0]), two_view::scaled(bearings[1], distance[1]),
                              two_view::scaled(bearings[2], distance[2])};
        const Mat3 rotation = frame_of(seen) * of_world;
        if (!two_view::is_finite(rotation)) continue;
        found[placements++] = {rotation, difference(seen[0], rotation * points[0])};
    }
    return placements;
}

}  // namespace mapping
