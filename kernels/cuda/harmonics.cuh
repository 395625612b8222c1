// Colour from spherical harmonics; see splatworker/render/spherical_harmonics.py for their order and signs.
#pragma once
#include "types.h"

namespace splat {

// A warp's rows of sh_rest in shared memory. Rows that are not used whole get an odd pitch: 32 of them in 32 banks.
inline __device__ int staged_pitch(const Gaussians &gaussians, int active) {
    return active == gaussians.rest * 3 ? active : active | 1;
}

// Copies the active floats of sh_rest of 32 Gaussians, `first` and those after it, for the lanes in `wanted`, and
// zeros for the others. Eight rows are under way at a time.
inline __device__ void stage_rest(const Gaussians &gaussians, int first, int active, unsigned wanted, float *staged) {
    const int lane = threadIdx.x % kWarp, pitch = staged_pitch(gaussians, active), stride = gaussians.rest * 3;
    const float *rows = gaussians.tensor[kShRest] + size_t(first) * stride;
    constexpr int kRows = 8;
    static_assert(kMaxRest <= 2 * kWarp, "a row is at most two loads");
    for (int row = 0; row < kWarp; row += kRows) {
        float low[kRows], high[kRows];
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
            const bool present = wanted >> (row + r) & 1;
            const float *source = rows + size_t(row + r) * stride + lane;
            low[r] = present && lane < active ? source[0] : 0.0f;
            high[r] = present && lane + kWarp < active ? source[kWarp] : 0.0f;
        }
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
            float *target = staged + (row + r) * pitch + lane;
            if (lane < active) target[0] = low[r];
            if (lane + kWarp < active) target[kWarp] = high[r];
        }
    }
    __syncwarp();
}

// Unit vector from the camera to the mean, and one over their distance.
inline __device__ float3 viewing_direction(const Camera &camera, const float *mean, float *inverse_distance) {
    const float x = mean[0] - camera.center[0], y = mean[1] - camera.center[1], z = mean[2] - camera.center[2];
    const float inverse = 1.0f / fmaxf(sqrtf(x * x + y * y + z * z), 1e-12f);
    *inverse_distance = inverse;
    return make_float3(x * inverse, y * inverse, z * inverse);
}

// Calls visit(k, value, gradient in the direction) for the harmonics k = 0 ... (degree + 1)^2 - 1.
template <typename Visit>
inline __device__ void each_harmonic(float3 d, int degree, Visit visit) {
    const float x = d.x, y = d.y, z = d.z;
    visit(0, 0.28209479177387814f, make_float3(0, 0, 0));
    if (degree < 1) return;
    const float c1 = 0.4886025119029199f;
    visit(1, -c1 * y, make_float3(0, -c1, 0));
    visit(2, c1 * z, make_float3(0, 0, c1));
    visit(3, -c1 * x, make_float3(-c1, 0, 0));
    if (degree < 2) return;
    const float a = 1.0925484305920792f, b = 0.31539156525252005f, c = 0.5462742152960396f;
    const float xx = x * x, yy = y * y, zz = z * z;
    visit(4, a * x * y, make_float3(a * y, a * x, 0));
    visit(5, -a * y * z, make_float3(0, -a * z, -a * y));
    visit(6, b * (2 * zz - xx - yy), make_float3(-2 * b * x, -2 * b * y, 4 * b * z));
    visit(7, -a * x * z, make_float3(-a * z, 0, -a * x));
    visit(8, c * (xx - yy), make_float3(2 * c * x, -2 * c * y, 0));
    if (degree < 3) return;
    const float e = 0.5900435899266435f, f = 2.890611442640554f, g = 0.4570457994644658f, h = 0.3731763325901154f,
                i = 1.445305721320277f;
    visit(9, -e * y * (3 * xx - yy), make_float3(-6 * e * x * y, -3 * e * (xx - yy), 0));
    visit(10, f * x * y * z, make_float3(f * y * z, f * x * z, f * x * y));
    visit(11, -g * y * (4 * zz - xx - yy), make_float3(2 * g * x * y, -g * (4 * zz - xx - 3 * yy), -8 * g * y * z));
    visit(12, h * z * (2 * zz - 3 * xx - 3 * yy),
          make_float3(-6 * h * x * z, -6 * h * y * z, 3 * h * (2 * zz - xx - yy)));
    visit(13, -g * x * (4 * zz - xx - yy), make_float3(-g * (4 * zz - 3 * xx - yy), 2 * g * x * y, -8 * g * x * z));
    visit(14, i * z * (xx - yy), make_float3(2 * i * x * z, -2 * i * y * z, i * (xx - yy)));
    visit(15, -e * x * (xx - 3 * yy), make_float3(-3 * e * (xx - yy), 6 * e * x * y, 0));
}

// 0.5 plus the harmonics, before it is cut off at 0. `rest` is the Gaussian's row.
inline __device__ float3 raw_color(float3 direction, int degree, const float *dc, const float *rest) {
    float3 color = make_float3(0.5f, 0.5f, 0.5f);
    each_harmonic(direction, degree, [&](int k, float value, float3) {
        const float *coefficient = k == 0 ? dc : rest + 3 * (k - 1);
        color.x += value * coefficient[0];
        color.y += value * coefficient[1];
        color.z += value * coefficient[2];
    });
    return color;
}

}  // namespace splat
