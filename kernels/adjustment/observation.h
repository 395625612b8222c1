// One observation: its residual, and how that changes with the photo's pose, its lens and the point.
#pragma once
#include "lens.h"
#include "loss.h"
#include "pose.h"

namespace adjustment {

template <typename T>
struct Linearized {
    T residual[2];    // pixels, projected less seen
    T by_pose[2][8];  // turn (3), translation (3), zeros: see `move`
    T by_lens[2][8];
    T by_point[2][3];
    T weight;
};

// A point this near to the camera's plane, or behind it, has no pixel.
template <typename T>
ADJUSTMENT_BOTH T nearest_depth() {
    return T(1e-12);
}

// Cost of an observation in squared pixels; negative where the point is not in front of the camera.
template <typename T>
ADJUSTMENT_BOTH T cost_of(const Pose<T> &pose, const Lens<T> &lens, const T point[3], const T seen[2], Loss loss,
                          T scale) {
    const T *r = pose.rotation;
    T x[3];
    for (int k = 0; k < 3; ++k)
        x[k] = r[3 * k] * point[0] + r[3 * k + 1] * point[1] + r[3 * k + 2] * point[2] + pose.translation[k];
    if (!(x[2] > nearest_depth<T>())) return T(-1);
    T pixel[2], weight;
    project(lens, x, pixel);
    const T dx = pixel[0] - seen[0], dy = pixel[1] - seen[1];
    return loss_of(loss, scale, dx * dx + dy * dy, weight);
}

// Residual and derivatives of an observation of a point in front of the camera.
template <typename T>
ADJUSTMENT_BOTH void linearize(const Pose<T> &pose, const Lens<T> &lens, const T point[3], const T seen[2], Loss loss,
                               T scale, Linearized<T> &out) {
    const T *r = pose.rotation;
    T turned[3], x[3], pixel[2], by[2][3];
    for (int k = 0; k < 3; ++k) {
        turned[k] = r[3 * k] * point[0] + r[3 * k + 1] * point[1] + r[3 * k + 2] * point[2];
        x[k] = turned[k] + pose.translation[k];
    }
    project(lens, x, pixel, by, out.by_lens);
    for (int row = 0; row < 2; ++row) {
        out.residual[row] = pixel[row] - seen[row];
        const T *p = by[row];
        // A turn w moves the point by w x turned.
        out.by_pose[row][0] = turned[1] * p[2] - turned[2] * p[1];
        out.by_pose[row][1] = turned[2] * p[0] - turned[0] * p[2];
        out.by_pose[row][2] = turned[0] * p[1] - turned[1] * p[0];
        for (int k = 0; k < 3; ++k) {
            out.by_pose[row][3 + k] = p[k];
            out.by_point[row][k] = p[0] * r[k] + p[1] * r[3 + k] + p[2] * r[6 + k];
        }
        out.by_pose[row][6] = out.by_pose[row][7] = T(0);
    }
    loss_of(loss, scale, out.residual[0] * out.residual[0] + out.residual[1] * out.residual[1], out.weight);
}

}  // namespace adjustment
