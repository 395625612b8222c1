// From a Gaussian to its splat (EWA splatting, Zwicker et al. 2001) and from the splat's gradient back. The forward
// mathematics is that of splatworker/render/reference.py; the backward is its chain rule written out.
#pragma once
#include "types.h"

namespace splat {

// What projection computes on the way to the covariance, and the backward pass needs again.
struct Geometry {
    float3 point;            // the mean in the camera's frame
    float slope_x, slope_y;  // x / z and y / z, clamped to the widened frustum
    bool clamped_x, clamped_y;
    float4 unit;         // unit quaternion w, x, y, z in .x .y .z .w
    float inverse_norm;  // of the quaternion as it was given
    float rotation[9];   // R, the Gaussian's own axes as columns
    float scale[3];
    float transform[6];  // T = J W, 2 x 3
    float factor[6];     // F = T R S, 2 x 3: covariance = F F^T + kDilation I
    float p, q, r;       // the dilated covariance [[p, q], [q, r]]
    float inverse_determinant;
};

inline __device__ float clamp_slope(float slope, int size, float focal, float principal, bool *clamped) {
    const float middle = (0.5f * size - principal) / focal, half = kFrustumMargin * 0.5f * size / focal;
    const float low = middle - half, high = middle + half;
    *clamped = slope < low || slope > high;
    return fminf(fmaxf(slope, low), high);
}

inline __device__ float3 to_camera(const Camera &camera, const float *mean) {
    const float *w = camera.rotation;
    return make_float3(w[0] * mean[0] + w[1] * mean[1] + w[2] * mean[2] + camera.translation[0],
                       w[3] * mean[0] + w[4] * mean[1] + w[5] * mean[2] + camera.translation[1],
                       w[6] * mean[0] + w[7] * mean[1] + w[8] * mean[2] + camera.translation[2]);
}

inline __device__ void set_rotation(Geometry *g, const float *quaternion) {
    float squared = 0;
    for (int k = 0; k < 4; ++k) squared += quaternion[k] * quaternion[k];
    g->inverse_norm = 1.0f / fmaxf(sqrtf(squared), 1e-12f);
    const float w = quaternion[0] * g->inverse_norm, x = quaternion[1] * g->inverse_norm;
    const float y = quaternion[2] * g->inverse_norm, z = quaternion[3] * g->inverse_norm;
    g->unit = make_float4(w, x, y, z);
    const float rotation[9] = {1 - 2 * (y * y + z * z), 2 * (x * y - w * z),     2 * (x * z + w * y),
                               2 * (x * y + w * z),     1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
                               2 * (x * z - w * y),     2 * (y * z + w * x),     1 - 2 * (x * x + y * y)};
    for (int k = 0; k < 9; ++k) g->rotation[k] = rotation[k];
}

inline __device__ Geometry geometry_of(const Camera &camera, float3 point, const float *quaternion,
                                       const float *log_scale) {
    Geometry g;
    g.point = point;
    const float inverse_z = 1.0f / point.z;
    g.slope_x = clamp_slope(point.x * inverse_z, camera.width, camera.fx, camera.cx, &g.clamped_x);
    g.slope_y = clamp_slope(point.y * inverse_z, camera.height, camera.fy, camera.cy, &g.clamped_y);
    set_rotation(&g, quaternion);
    for (int k = 0; k < 3; ++k) g.scale[k] = expf(log_scale[k]);

    const float *w = camera.rotation;
    for (int k = 0; k < 3; ++k) {
        g.transform[k] = camera.fx * inverse_z * (w[k] - g.slope_x * w[6 + k]);
        g.transform[3 + k] = camera.fy * inverse_z * (w[3 + k] - g.slope_y * w[6 + k]);
    }
    for (int i = 0; i < 2; ++i)
        for (int k = 0; k < 3; ++k)
            g.factor[3 * i + k] = g.scale[k] *
                                  (g.transform[3 * i] * g.rotation[k] + g.transform[3 * i + 1] * g.rotation[3 + k] +
                                   g.transform[3 * i + 2] * g.rotation[6 + k]);
    const float *f = g.factor;
    const float p = f[0] * f[0] + f[1] * f[1] + f[2] * f[2], r = f[3] * f[3] + f[4] * f[4] + f[5] * f[5];
    g.p = p + kDilation;
    g.q = f[0] * f[3] + f[1] * f[4] + f[2] * f[5];
    g.r = r + kDilation;
    // det(F F^T) is the squared cross product of F's rows (Cauchy-Binet): a sum of squares, where p r - q^2 would
    // cancel for thin splats.
    const float m0 = f[1] * f[5] - f[2] * f[4], m1 = f[2] * f[3] - f[0] * f[5], m2 = f[0] * f[4] - f[1] * f[3];
    g.inverse_determinant = 1.0f / (m0 * m0 + m1 * m1 + m2 * m2 + kDilation * (p + r) + kDilation * kDilation);
    return g;
}

// The normal of F's rows, F0 x F1: its squared length is the determinant of the covariance before the dilation.
inline __device__ float3 factor_normal(const Geometry &g) {
    const float *f = g.factor;
    return make_float3(f[1] * f[5] - f[2] * f[4], f[2] * f[3] - f[0] * f[5], f[0] * f[4] - f[1] * f[3]);
}

// sqrt(det before / det after the dilation): the share of its opacity that a splat keeps with antialiasing.
inline __device__ float compensation(const Geometry &g) {
    const float3 n = factor_normal(g);
    return sqrtf((n.x * n.x + n.y * n.y + n.z * n.z) * g.inverse_determinant);
}

// Adds d loss / d F by the compensation c, from h = d loss / d log c: with D = kDilation, covariances S before and
// S + D I after it, d log c / d F = (inverse(S) - inverse(S + D I)) F. Of F, G = det(S) inverse(S) F has the rows F1 x n and
// n x F0, n being F0 x F1; so that the difference, which cancels for splats much larger than a pixel, is
// D / det(S + D I) (G (tr(S) + D) / det(S) - F).
inline __device__ void add_compensation_gradient(const Geometry &g, float h, float *d_factor) {
    const float *f = g.factor;
    const float3 n = factor_normal(g);
    const float shift = h * kDilation * g.inverse_determinant;
    const float turn = __fdividef(shift * (g.p + g.r - kDilation), n.x * n.x + n.y * n.y + n.z * n.z);
    d_factor[0] += turn * (f[4] * n.z - f[5] * n.y) - shift * f[0];
    d_factor[1] += turn * (f[5] * n.x - f[3] * n.z) - shift * f[1];
    d_factor[2] += turn * (f[3] * n.y - f[4] * n.x) - shift * f[2];
    d_factor[3] += turn * (n.y * f[2] - n.z * f[1]) - shift * f[3];
    d_factor[4] += turn * (n.z * f[0] - n.x * f[2]) - shift * f[4];
    d_factor[5] += turn * (n.x * f[1] - n.y * f[0]) - shift * f[5];
}

// d loss / d given quaternion, from d loss / d rotation matrix.
inline __device__ void quaternion_gradient(const Geometry &g, const float *d, float *gradient) {
    const float w = g.unit.x, x = g.unit.y, y = g.unit.z, z = g.unit.w;
    const float unit[4] = {
        2 * (-z * d[1] + y * d[2] + z * d[3] - x * d[5] - y * d[6] + x * d[7]),
        2 * (y * d[1] + z * d[2] + y * d[3] - 2 * x * d[4] - w * d[5] + z * d[6] + w * d[7] - 2 * x * d[8]),
        2 * (-2 * y * d[0] + x * d[1] + w * d[2] + x * d[3] + z * d[5] - w * d[6] + z * d[7] - 2 * y * d[8]),
        2 * (-2 * z * d[0] - w * d[1] + x * d[2] + w * d[3] - 2 * z * d[4] + y * d[5] + x * d[6] + y * d[7]),
    };
    const float along = unit[0] * w + unit[1] * x + unit[2] * y + unit[3] * z;
    gradient[0] = (unit[0] - w * along) * g.inverse_norm;
    gradient[1] = (unit[1] - x * along) * g.inverse_norm;
    gradient[2] = (unit[2] - y * along) * g.inverse_norm;
    gradient[3] = (unit[3] - z * along) * g.inverse_norm;
}

struct GeometryGradient {
    float mean[3];  // in the world
    float quaternion[4];
    float log_scale[3];
    float mean2d[2];  // projected mean, pixels
};

inline __device__ GeometryGradient geometry_gradient(const Camera &camera, const Geometry &g, const SplatGradient &d) {
    GeometryGradient out;
    const float A = g.r * g.inverse_determinant, B = -g.q * g.inverse_determinant, C = g.p * g.inverse_determinant;
    // log alpha = log opacity - d^T conic d / 2 with d = pixel - mean, so its gradient in the mean is conic d.
    out.mean2d[0] = A * d.hx + B * d.hy;
    out.mean2d[1] = B * d.hx + C * d.hy;
    // d loss / d conic = -H / 2 with H = sum h d d^T; the conic is the covariance's inverse, so
    // d loss / d covariance = conic H conic / 2; the covariance is F F^T + ..., so d loss / d F = conic H conic F.
    const float l0 = A * d.hxx + B * d.hxy, l1 = A * d.hxy + B * d.hyy;
    const float l2 = B * d.hxx + C * d.hxy, l3 = B * d.hxy + C * d.hyy;
    const float m00 = l0 * A + l1 * B, m01 = l0 * B + l1 * C, m11 = l2 * B + l3 * C;
    float d_factor[6], d_transform[6] = {0, 0, 0, 0, 0, 0}, d_rotation[9];
    for (int k = 0; k < 3; ++k) {
        d_factor[k] = m00 * g.factor[k] + m01 * g.factor[3 + k];
        d_factor[3 + k] = m01 * g.factor[k] + m11 * g.factor[3 + k];
    }
    // h = d loss / d log alpha, and alpha is a multiple of the compensation as it is of the opacity.
    if (camera.antialiasing) add_compensation_gradient(g, d.h, d_factor);
    for (int k = 0; k < 3; ++k) {
        const float d0 = d_factor[k], d1 = d_factor[3 + k];
        out.log_scale[k] = d0 * g.factor[k] + d1 * g.factor[3 + k];
        for (int j = 0; j < 3; ++j) {
            const float axis = g.scale[k] * g.rotation[3 * j + k];  // F = T A with A = R S
            d_transform[j] += d0 * axis;
            d_transform[3 + j] += d1 * axis;
            d_rotation[3 * j + k] = g.scale[k] * (g.transform[j] * d0 + g.transform[3 + j] * d1);
        }
    }
    quaternion_gradient(g, d_rotation, out.quaternion);
    // T row 0 = (fx / z) (W0 - u W2), row 1 = (fy / z) (W1 - v W2), with u = x / z and v = y / z unless clamped.
    const float inverse_z = 1.0f / g.point.z;
    const float *w = camera.rotation;
    float along = 0, d_u = 0, d_v = 0;
    for (int k = 0; k < 3; ++k) {
        along += d_transform[k] * g.transform[k] + d_transform[3 + k] * g.transform[3 + k];
        d_u -= d_transform[k] * w[6 + k];
        d_v -= d_transform[3 + k] * w[6 + k];
    }
    d_u = g.clamped_x ? 0.0f : d_u * camera.fx * inverse_z;
    d_v = g.clamped_y ? 0.0f : d_v * camera.fy * inverse_z;
    const float mx = out.mean2d[0] * camera.fx, my = out.mean2d[1] * camera.fy;
    const float dx = (d_u + mx) * inverse_z, dy = (d_v + my) * inverse_z;
    const float dz = -(along + d_u * g.slope_x + d_v * g.slope_y + (mx * g.point.x + my * g.point.y) * inverse_z) *
                     inverse_z;
    for (int k = 0; k < 3; ++k) out.mean[k] = w[k] * dx + w[3 + k] * dy + w[6 + k] * dz;
    return out;
}

}  // namespace splat
