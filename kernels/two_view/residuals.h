// How far a match is from what a model says, and how that moves with the model: for one match, in a number, and for as many
// as a vector has entries.
#pragma once
#include "both.h"

namespace two_view {

enum Kind { kEssential, kFundamental, kHomography, kTurn };  // a turn is a homography that is a rotation

constexpr int kLanes = 8;           // of the sums of a score: a match belongs to that of its number
constexpr int kNormalLanes = 4;     // of normal equations
constexpr int kBetweenLooks = 128;  // matches between two looks at a score's limit

// The normal equations of the matches within the error: their squared residuals by the nine entries of the model.
struct Normal {
    double ata[9][9], atb[9];
    double cost;  // squared pixels, a match beyond the error counting as one at it
    double inliers;
};

// What lanes hold becomes one sum in this order.
template <typename V>
TWO_VIEW_BOTH static inline float sum_of_8(const V &v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
template <typename V>
TWO_VIEW_BOTH static inline double sum_of_4(const V &v) {
    return (v[0] + v[2]) + (v[1] + v[3]);
}

// Squared errors as a fraction: numerator and denominator, in pixels. Of an epipolar geometry Sampson's (Hartley &
// Zisserman, 11.4.3), of a homography the distance in the second photo.
template <typename V>
struct Fraction {
    V above, below;
};

template <typename V>
TWO_VIEW_BOTH static inline Fraction<V> epipolar(const V *m, V x1, V y1, V x2, V y2, V s1, V s2) {
    const V ax = m[0] * x1 + m[1] * y1 + m[2], ay = m[3] * x1 + m[4] * y1 + m[5], az = m[6] * x1 + m[7] * y1 + m[8];
    const V bx = m[0] * x2 + m[3] * y2 + m[6], by = m[1] * x2 + m[4] * y2 + m[7];
    const V c = x2 * ax + y2 * ay + az;
    return {c * c, s2 * (ax * ax + ay * ay) + s1 * (bx * bx + by * by)};
}

template <typename V>
TWO_VIEW_BOTH static inline Fraction<V> transfer(const V *m, V x1, V y1, V x2, V y2, V s2) {
    const V px = m[0] * x1 + m[1] * y1 + m[2], py = m[3] * x1 + m[4] * y1 + m[5], pz = m[6] * x1 + m[7] * y1 + m[8];
    const V ex = px - x2 * pz, ey = py - y2 * pz;
    return {ex * ex + ey * ey, s2 * pz * pz};
}

// The residual of a match that is `inside`, else 0, and how it moves with the model's entries. r = C / sqrt(D), so
// dr = (dC - C / D * dD / 2) / sqrt(D); `below` is D, and `weight` 1 / sqrt(D).
template <typename V, typename B>
TWO_VIEW_BOTH static inline V epipolar_row(const V *m, V x1, V y1, V x2, V y2, V s1, V s2, V below, V weight, B inside,
                                           V one, V none, V *j) {
    const V ax = m[0] * x1 + m[1] * y1 + m[2], ay = m[3] * x1 + m[4] * y1 + m[5];
    const V az = m[6] * x1 + m[7] * y1 + m[8];
    const V bx = m[0] * x2 + m[3] * y2 + m[6], by = m[1] * x2 + m[4] * y2 + m[7];
    const V c = x2 * ax + y2 * ay + az;
    const V ratio = c / below;
    const V px = ratio * s2 * ax, py = ratio * s2 * ay, qx = ratio * s1 * bx, qy = ratio * s1 * by;
    j[0] = x2 * x1 - px * x1 - qx * x2;
    j[1] = x2 * y1 - px * y1 - qy * x2;
    j[2] = x2 - px;
    j[3] = y2 * x1 - py * x1 - qx * y2;
    j[4] = y2 * y1 - py * y1 - qy * y2;
    j[5] = y2 - py;
    j[6] = x1 - qx;
    j[7] = y1 - qy;
    j[8] = one;
    for (int k = 0; k < 9; ++k) j[k] = inside ? j[k] * weight : none;
    return inside ? c * weight : none;
}

// The same of a homography, whose residuals are two: in pixels, with `weight` 1 / (a pixel's size) and 0 outside.
template <typename V, typename B>
TWO_VIEW_BOTH static inline void transfer_rows(const V *m, V x1, V y1, V x2, V y2, V weight, B inside, V one, V none,
                                               V (&jx)[9], V (&jy)[9], V &rx, V &ry) {
    const V px = m[0] * x1 + m[1] * y1 + m[2], py = m[3] * x1 + m[4] * y1 + m[5];
    const V pz = inside ? m[6] * x1 + m[7] * y1 + m[8] : one;
    const V u = px / pz, v = py / pz, g = weight / pz;
    const V of[3] = {g * x1, g * y1, g};
    for (int k = 0; k < 3; ++k) jx[k] = of[k], jx[3 + k] = none, jx[6 + k] = inside ? -u * of[k] : none;
    for (int k = 0; k < 3; ++k) jy[k] = none, jy[3 + k] = of[k], jy[6 + k] = inside ? -v * of[k] : none;
    rx = inside ? (u - x2) * weight : none;
    ry = inside ? (v - y2) * weight : none;
}

}  // namespace two_view
