// A photo's pose, camera_from_world, and how a step moves it.
#pragma once
#include "lens.h"

namespace adjustment {

template <typename T>
struct Pose {
    T rotation[9];     // by rows
    T translation[3];  // x in the camera's frame is rotation X + translation
};

// `q`: a quaternion (x, y, z, w) of unit length, then the translation.
template <typename T>
ADJUSTMENT_BOTH void pose_of(const T q[7], Pose<T> &pose) {
    const T x = q[0], y = q[1], z = q[2], w = q[3];
    T *r = pose.rotation;
    r[0] = T(1) - T(2) * (y * y + z * z), r[1] = T(2) * (x * y - z * w), r[2] = T(2) * (x * z + y * w);
    r[3] = T(2) * (x * y + z * w), r[4] = T(1) - T(2) * (x * x + z * z), r[5] = T(2) * (y * z - x * w);
    r[6] = T(2) * (x * z - y * w), r[7] = T(2) * (y * z + x * w), r[8] = T(1) - T(2) * (x * x + y * y);
    for (int k = 0; k < 3; ++k) pose.translation[k] = q[4 + k];
}

template <typename T>
ADJUSTMENT_BOTH void normalize(T q[4]) {
    const T scale = T(1) / root_of(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
    for (int k = 0; k < 4; ++k) q[k] *= scale;
}

// A pose after a step: turned by `step[0..2]` in the camera's frame, then moved by `step[3..5]`. The turn's quaternion is
// (step / 2, 1), brought to unit length: the exponential map to first order, which is all that a step asks of it, and
// without a sine, so that every processor gives the same bits.
template <typename T>
ADJUSTMENT_BOTH void move(const T q[7], const T step[6], T moved[7]) {
    const T a = step[0] / T(2), b = step[1] / T(2), c = step[2] / T(2);
    const T x = q[0], y = q[1], z = q[2], w = q[3];
    moved[0] = x + a * w + b * z - c * y;
    moved[1] = y - a * z + b * w + c * x;
    moved[2] = z + a * y - b * x + c * w;
    moved[3] = w - a * x - b * y - c * z;
    normalize(moved);
    for (int k = 0; k < 3; ++k) moved[4 + k] = q[4 + k] + step[3 + k];
}

}  // namespace adjustment
