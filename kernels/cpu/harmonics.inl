// Real spherical harmonics and their slopes; the forms are those of splatworker/render/spherical_harmonics.py.

namespace splat {
namespace SPLAT_ISA {

struct Vec3 {
    float x, y, z;
};
SPLAT_INLINE float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

// The values up to `degree` towards a unit vector; one direction, or one a lane.
template <typename Number>
SPLAT_INLINE void harmonics(Number x, Number y, Number z, int degree, Number *value) {
    const float c1 = 0.4886025119029199f;
    value[0] = 0.28209479177387814f - Number{};
    if (degree < 1) return;
    value[1] = -c1 * y;
    value[2] = c1 * z;
    value[3] = -c1 * x;
    if (degree < 2) return;
    const float a = 1.0925484305920792f, b = 0.31539156525252005f, c = 0.5462742152960396f;
    const Number xx = x * x, yy = y * y, zz = z * z;
    value[4] = a * x * y;
    value[5] = -a * y * z;
    value[6] = b * (2.0f * zz - xx - yy);
    value[7] = -a * x * z;
    value[8] = c * (xx - yy);
    if (degree < 3) return;
    const float e = 0.5900435899266435f, f = 2.890611442640554f, g = 0.4570457994644658f, h = 0.3731763325901154f,
                i = 1.445305721320277f;
    value[9] = -e * y * (3.0f * xx - yy);
    value[10] = f * x * y * z;
    value[11] = -g * y * (4.0f * zz - xx - yy);
    value[12] = h * z * (2.0f * zz - 3.0f * xx - 3.0f * yy);
    value[13] = -g * x * (4.0f * zz - xx - yy);
    value[14] = i * z * (xx - yy);
    value[15] = -e * x * (xx - 3.0f * yy);
}

// Their gradients in the direction.
SPLAT_INLINE void harmonic_slopes(Vec3 d, int degree, Vec3 *gradient) {
    const float c1 = 0.4886025119029199f;
    const float x = d.x, y = d.y, z = d.z;
    gradient[0] = {0, 0, 0};
    if (degree < 1) return;
    gradient[1] = {0, -c1, 0};
    gradient[2] = {0, 0, c1};
    gradient[3] = {-c1, 0, 0};
    if (degree < 2) return;
    const float a = 1.0925484305920792f, b = 0.31539156525252005f, c = 0.5462742152960396f;
    const float xx = x * x, yy = y * y, zz = z * z;
    gradient[4] = {a * y, a * x, 0};
    gradient[5] = {0, -a * z, -a * y};
    gradient[6] = {-2 * b * x, -2 * b * y, 4 * b * z};
    gradient[7] = {-a * z, 0, -a * x};
    gradient[8] = {2 * c * x, -2 * c * y, 0};
    if (degree < 3) return;
    const float e = 0.5900435899266435f, f = 2.890611442640554f, g = 0.4570457994644658f, h = 0.3731763325901154f,
                i = 1.445305721320277f;
    gradient[9] = {-6 * e * x * y, -3 * e * (xx - yy), 0};
    gradient[10] = {f * y * z, f * x * z, f * x * y};
    gradient[11] = {2 * g * x * y, -g * (4 * zz - xx - 3 * yy), -8 * g * y * z};
    gradient[12] = {-6 * h * x * z, -6 * h * y * z, 3 * h * (2 * zz - xx - yy)};
    gradient[13] = {-g * (4 * zz - 3 * xx - yy), 2 * g * x * y, -8 * g * x * z};
    gradient[14] = {2 * i * x * z, -2 * i * y * z, i * (xx - yy)};
    gradient[15] = {-3 * e * (xx - yy), 6 * e * x * y, 0};
}

}  // namespace SPLAT_ISA
}  // namespace splat
