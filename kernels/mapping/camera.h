// A photo's camera, and the way back from its pixels: what the lens of an adjustment draws there.
#pragma once
#include <cmath>
#include <cstdint>

#include "../adjustment/pose.h"

namespace mapping {

using Lens = adjustment::Lens<double>;
using Pose = adjustment::Pose<double>;

inline const adjustment::LensModel *lens_model(int colmap_id) {
    for (const adjustment::LensModel &model : adjustment::kLensModels)
        if (model.colmap_id == colmap_id) return &model;
    return nullptr;
}

inline Lens lens_of(const double *parameters, const adjustment::LensModel &model, uint8_t free) {
    Lens lens{};
    lens.fisheye = model.fisheye;
    for (int k = 0; k < model.parameters; ++k) {
        if (model.term[k] == adjustment::kFocal)
            lens.value[adjustment::kFx] = lens.value[adjustment::kFy] = parameters[k];
        else
            lens.value[model.term[k]] = parameters[k];
        if (free >> k & 1) lens.column[lens.free++] = model.term[k];
    }
    return lens;
}

inline void write_parameters(const Lens &lens, const adjustment::LensModel &model, double *parameters) {
    for (int k = 0; k < model.parameters; ++k)
        parameters[k] = lens.value[model.term[k] == adjustment::kFocal ? adjustment::kFx : model.term[k]];
}

// The point at depth 1 that a pixel shows, by Newton's steps from the pinhole's; false where the lens shows none: beyond
// the ring where it folds back, or at right angles to its axis.
inline bool unproject(const Lens &lens, const double pixel[2], double ray[2]) {
    const double *value = lens.value, *bend = value + adjustment::kD0;
    const double x = (pixel[0] - value[adjustment::kCx]) / value[adjustment::kFx];
    const double y = (pixel[1] - value[adjustment::kCy]) / value[adjustment::kFy];
    constexpr int kSteps = 30;
    constexpr double kNear = 1e-12, kWidest = 1.55;
    if (lens.fisheye) {
        const double bent = std::sqrt(x * x + y * y);
        double theta = bent;
        for (int step = 0; step < kSteps; ++step) {
            const double t = theta * theta;
            const double off = theta * (1 + t * (bend[0] + t * (bend[1] + t * (bend[2] + t * bend[3])))) - bent;
            const double slope = 1 + t * (3 * bend[0] + t * (5 * bend[1] + t * (7 * bend[2] + t * 9 * bend[3])));
            if (!(slope > 0)) return false;
            const double by = off / slope;
            theta -= by;
            if (std::fabs(by) < kNear) {
                if (!(theta >= 0 && theta < kWidest)) return false;
                const double stretch = bent > 1e-9 ? std::tan(theta) / bent : 1;
                ray[0] = x * stretch, ray[1] = y * stretch;
                return true;
            }
        }
        return false;
    }
    double at[3] = {x, y, 1};
    for (int step = 0; step < kSteps; ++step) {
        adjustment::Bent<double> bent;
        adjustment::bend_plane(bend, at, bent);
        const double (&by)[2][3] = bent.by_point;
        const double determinant = by[0][0] * by[1][1] - by[0][1] * by[1][0];
        if (!(determinant > 0)) return false;
        const double u = bent.at[0] - x, v = bent.at[1] - y;
        const double dx = (by[1][1] * u - by[0][1] * v) / determinant, dy = (by[0][0] * v - by[1][0] * u) / determinant;
        at[0] -= dx, at[1] -= dy;
        if (std::fabs(dx) + std::fabs(dy) < kNear) {
            ray[0] = at[0], ray[1] = at[1];
            return std::isfinite(at[0] + at[1]);
        }
    }
    return false;
}

// Squared pixels between where a point is seen and where it should be; infinite where it is not in front of the camera.
inline double squared_error(const Pose &pose, const Lens &lens, const double *point, const double *seen) {
    const double *r = pose.rotation;
    double x[3], pixel[2];
    for (int k = 0; k < 3; ++k)
        x[k] = r[3 * k] * point[0] + r[3 * k + 1] * point[1] + r[3 * k + 2] * point[2] + pose.translation[k];
    if (!(x[2] > 1e-12)) return HUGE_VAL;
    adjustment::project(lens, x, pixel);
    const double dx = pixel[0] - seen[0], dy = pixel[1] - seen[1];
    return dx * dx + dy * dy;
}

}  // namespace mapping
