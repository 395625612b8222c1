// Lenses: from a point in the camera's frame to a pixel, with derivatives. Plain functions of a scalar type, without the
// standard library, so that a GPU runs the same lines.
//
// The models are COLMAP's, by its numbers and with its parameters in its order. All of them are one of two families,
// Brown's distortion of a plane (Brown 1966; in OpenCV's form) or Kannala and Brandt's of an angle (2006; OpenCV's
// fisheye), with some parameters left at zero and perhaps one focal length for both axes.
#pragma once
#include "functions.h"

namespace adjustment {

// A lens's parameters, whatever its model.
enum Term : int8_t { kFx, kFy, kCx, kCy, kD0, kD1, kD2, kD3, kFocal, kTerms = 8 };  // kFocal: fx and fy are one

constexpr int kMostParameters = 8;

struct LensModel {
    int colmap_id;
    bool fisheye;
    int parameters;
    Term term[kMostParameters];  // what each of COLMAP's parameters is
};

constexpr LensModel kLensModels[] = {
    {0, false, 3, {kFocal, kCx, kCy}},                        // SIMPLE_PINHOLE
    {1, false, 4, {kFx, kFy, kCx, kCy}},                      // PINHOLE
    {2, false, 4, {kFocal, kCx, kCy, kD0}},                   // SIMPLE_RADIAL
    {3, false, 5, {kFocal, kCx, kCy, kD0, kD1}},              // RADIAL
    {4, false, 8, {kFx, kFy, kCx, kCy, kD0, kD1, kD2, kD3}},  // OPENCV: k1 k2 p1 p2
    {5, true, 8, {kFx, kFy, kCx, kCy, kD0, kD1, kD2, kD3}},   // OPENCV_FISHEYE: k1 to k4
    {8, true, 4, {kFocal, kCx, kCy, kD0}},                    // SIMPLE_RADIAL_FISHEYE
    {9, true, 5, {kFocal, kCx, kCy, kD0, kD1}},               // RADIAL_FISHEYE
};

template <typename T>
struct Lens {
    T value[kTerms];  // by Term
    bool fisheye;
    int free;                      // parameters that are adjusted
    Term column[kMostParameters];  // what the derivative by each of them is
};

// Where a ray meets the distorted plane at unit distance, and how that changes with the point and the distortion.
template <typename T>
struct Bent {
    T at[2];
    T by_point[2][3];
    T by_distortion[2][4];
};

// Below this sine of its angle to the axis a ray is taken as the axis: its angle is then its tangent to the last bit.
template <typename T>
ADJUSTMENT_BOTH bool is_on_axis(T rho, T z) {
    return rho < T(1e-9) * z;
}

// Brown's distortion: k1, k2 radial, p1, p2 tangential.
template <typename T>
ADJUSTMENT_BOTH void bend_plane(const T d[4], const T x[3], Bent<T> &bent) {
    const T w = T(1) / x[2], u = x[0] * w, v = x[1] * w;
    const T uu = u * u, vv = v * v, uv = u * v, r2 = uu + vv;
    const T radial = T(1) + r2 * (d[0] + r2 * d[1]);
    bent.at[0] = u * radial + T(2) * d[2] * uv + d[3] * (r2 + T(2) * uu);
    bent.at[1] = v * radial + T(2) * d[3] * uv + d[2] * (r2 + T(2) * vv);
    const T slope = T(2) * (d[0] + T(2) * d[1] * r2);  // d radial / d r2, twice
    const T cross = slope * uv + T(2) * (d[2] * u + d[3] * v);
    const T du[2] = {radial + slope * uu + T(2) * d[2] * v + T(6) * d[3] * u, cross};
    const T dv[2] = {cross, radial + slope * vv + T(2) * d[3] * u + T(6) * d[2] * v};
    for (int row = 0; row < 2; ++row) {
        bent.by_point[row][0] = du[row] * w;
        bent.by_point[row][1] = dv[row] * w;
        bent.by_point[row][2] = -(du[row] * u + dv[row] * v) * w;
    }
    const T by[2][4] = {{u * r2, u * r2 * r2, T(2) * uv, r2 + T(2) * uu},
                        {v * r2, v * r2 * r2, r2 + T(2) * vv, T(2) * uv}};
    for (int row = 0; row < 2; ++row)
        for (int k = 0; k < 4; ++k) bent.by_distortion[row][k] = by[row][k];
}

// Kannala and Brandt's distortion of the angle to the axis: theta (1 + k1 theta^2 + ... + k4 theta^8).
template <typename T>
ADJUSTMENT_BOTH void bend_angle(const T d[4], const T x[3], Bent<T> &bent) {
    const T rho2 = x[0] * x[0] + x[1] * x[1], rho = root_of(rho2), away2 = rho2 + x[2] * x[2];
    T stretch = T(1) / x[2], slope_plane = 0, by_z = -stretch * stretch, theta2 = 0, theta_over_rho = stretch;
    if (!is_on_axis(rho, x[2])) {
        const T theta = arc_tangent(rho, x[2]);
        theta2 = theta * theta;
        theta_over_rho = theta / rho;
        const T factor = T(1) + theta2 * (d[0] + theta2 * (d[1] + theta2 * (d[2] + theta2 * d[3])));
        const T rate = T(1) +
                       theta2 * (T(3) * d[0] + theta2 * (T(5) * d[1] + theta2 * (T(7) * d[2] + theta2 * T(9) * d[3])));
        stretch = theta_over_rho * factor;                     // distorted angle over rho
        slope_plane = (rate * x[2] / away2 - stretch) / rho2;  // d stretch / d x is this times x
        by_z = -rate / away2;
    }
    T power = theta_over_rho * theta2;
    for (int k = 0; k < 4; ++k, power *= theta2)
        for (int row = 0; row < 2; ++row) bent.by_distortion[row][k] = x[row] * power;
    for (int row = 0; row < 2; ++row) {
        bent.at[row] = x[row] * stretch;
        for (int axis = 0; axis < 2; ++axis) bent.by_point[row][axis] = x[row] * slope_plane * x[axis];
        bent.by_point[row][row] += stretch;
        bent.by_point[row][2] = x[row] * by_z;
    }
}

// The pixel of a point `x` in front of the camera, in its frame.
template <typename T>
ADJUSTMENT_BOTH void project(const Lens<T> &lens, const T x[3], T pixel[2]) {
    const T *value = lens.value, *d = value + kD0;
    T at[2];
    if (lens.fisheye) {
        const T rho = root_of(x[0] * x[0] + x[1] * x[1]);
        T stretch = T(1) / x[2];
        if (!is_on_axis(rho, x[2])) {
            const T theta = arc_tangent(rho, x[2]), theta2 = theta * theta;
            stretch = theta / rho * (T(1) + theta2 * (d[0] + theta2 * (d[1] + theta2 * (d[2] + theta2 * d[3]))));
        }
        for (int row = 0; row < 2; ++row) at[row] = x[row] * stretch;
    } else {
        const T w = T(1) / x[2], u = x[0] * w, v = x[1] * w;
        const T uu = u * u, vv = v * v, uv = u * v, r2 = uu + vv;
        const T radial = T(1) + r2 * (d[0] + r2 * d[1]);
        at[0] = u * radial + T(2) * d[2] * uv + d[3] * (r2 + T(2) * uu);
        at[1] = v * radial + T(2) * d[3] * uv + d[2] * (r2 + T(2) * vv);
    }
    for (int row = 0; row < 2; ++row) pixel[row] = value[kFx + row] * at[row] + value[kCx + row];
}

// The same with derivatives, by the point (2, 3) and by the lens's free parameters (2, 8; columns beyond `free` are 0).
template <typename T>
ADJUSTMENT_BOTH void project(const Lens<T> &lens, const T x[3], T pixel[2], T by_point[2][3], T by_lens[2][8]) {
    Bent<T> bent;
    if (lens.fisheye)
        bend_angle(lens.value + kD0, x, bent);
    else
        bend_plane(lens.value + kD0, x, bent);
    T by[2][kTerms + 1];
    for (int row = 0; row < 2; ++row) {
        const T focal = lens.value[kFx + row];
        pixel[row] = focal * bent.at[row] + lens.value[kCx + row];
        for (int axis = 0; axis < 3; ++axis) by_point[row][axis] = focal * bent.by_point[row][axis];
        for (int other = 0; other < 2; ++other) {
            by[row][kFx + other] = other == row ? bent.at[row] : T(0);
            by[row][kCx + other] = other == row ? T(1) : T(0);
        }
        for (int k = 0; k < 4; ++k) by[row][kD0 + k] = focal * bent.by_distortion[row][k];
        by[row][kFocal] = bent.at[row];
    }
    for (int row = 0; row < 2; ++row)
        for (int column = 0; column < kMostParameters; ++column)
            by_lens[row][column] = column < lens.free ? by[row][lens.column[column]] : T(0);
}

// A lens after a step of its free parameters.
template <typename T>
ADJUSTMENT_BOTH void move(const Lens<T> &lens, const T *step, Lens<T> &moved) {
    moved = lens;
    for (int parameter = 0; parameter < lens.free; ++parameter) {
        const Term term = lens.column[parameter];
        if (term == kFocal)
            moved.value[kFx] += step[parameter], moved.value[kFy] += step[parameter];
        else
            moved.value[term] += step[parameter];
    }
}

}  // namespace adjustment
