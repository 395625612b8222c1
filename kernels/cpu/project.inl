// From Gaussians to splats (EWA splatting, Zwicker et al. 2001) and from the splats' gradients back to the Gaussians'.
// The forward mathematics is that of splatworker/render/reference.py; the backward is its chain rule written out.

namespace splat {
namespace SPLAT_ISA {

// What projection computes on the way to the covariance, kept for the backward pass.
struct Geometry {
    Vec3 point;              // the mean in the camera's frame
    float slope_x, slope_y;  // x / z and y / z, clamped to the widened frustum
    bool clamped_x, clamped_y;
    float quaternion[4], norm;    // unit quaternion, and the length that was divided out
    float rotation[9], scale[3];  // the Gaussian's own axes
    float transform[6];           // T = J W, 2 x 3
    float factor[6];              // F = T R S, 2 x 3: covariance = F F^T + kDilation I
    float p, q, r, determinant;   // the dilated covariance [[p, q], [q, r]]
};

SPLAT_INLINE float clamp_slope(float slope, int size, float focal, float principal, bool *clamped) {
    const float middle = (0.5f * size - principal) / focal, half = kFrustumMargin * 0.5f * size / focal;
    const float low = middle - half, high = middle + half;
    *clamped = slope < low || slope > high;
    return slope < low ? low : slope > high ? high : slope;
}

SPLAT_INLINE Vec3 to_camera(const Camera &cam, const float *mean) {
    const float *w = cam.rotation;
    return {w[0] * mean[0] + w[1] * mean[1] + w[2] * mean[2] + cam.translation[0],
            w[3] * mean[0] + w[4] * mean[1] + w[5] * mean[2] + cam.translation[1],
            w[6] * mean[0] + w[7] * mean[1] + w[8] * mean[2] + cam.translation[2]};
}

SPLAT_INLINE void geometry_of(const Camera &cam, Vec3 point, const float *quaternion, const float *log_scale,
                              Geometry *g) {
    g->point = point;
    const float inverse_z = 1.0f / point.z;
    g->slope_x = clamp_slope(point.x * inverse_z, cam.width, cam.fx, cam.cx, &g->clamped_x);
    g->slope_y = clamp_slope(point.y * inverse_z, cam.height, cam.fy, cam.cy, &g->clamped_y);

    float squared = 0;
    for (int k = 0; k < 4; ++k) squared += quaternion[k] * quaternion[k];
    g->norm = __builtin_sqrtf(squared);
    const float inverse_norm = 1.0f / (g->norm > 1e-12f ? g->norm : 1e-12f);
    for (int k = 0; k < 4; ++k) g->quaternion[k] = quaternion[k] * inverse_norm;
    const float w = g->quaternion[0], x = g->quaternion[1], y = g->quaternion[2], z = g->quaternion[3];
    const float rotation[9] = {1 - 2 * (y * y + z * z), 2 * (x * y - w * z),     2 * (x * z + w * y),
                               2 * (x * y + w * z),     1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
                               2 * (x * z - w * y),     2 * (y * z + w * x),     1 - 2 * (x * x + y * y)};
    for (int k = 0; k < 9; ++k) g->rotation[k] = rotation[k];
    for (int k = 0; k < 3; ++k) g->scale[k] = __builtin_expf(log_scale[k]);

    const float jx = cam.fx * inverse_z, jy = cam.fy * inverse_z;
    for (int k = 0; k < 3; ++k) {
        g->transform[k] = jx * (cam.rotation[k] - g->slope_x * cam.rotation[6 + k]);
        g->transform[3 + k] = jy * (cam.rotation[3 + k] - g->slope_y * cam.rotation[6 + k]);
    }
    for (int i = 0; i < 2; ++i)
        for (int k = 0; k < 3; ++k)
            g->factor[3 * i + k] = g->scale[k] * (g->transform[3 * i] * g->rotation[k] +
                                                  g->transform[3 * i + 1] * g->rotation[3 + k] +
                                                  g->transform[3 * i + 2] * g->rotation[6 + k]);
    const float *f = g->factor;
    g->p = f[0] * f[0] + f[1] * f[1] + f[2] * f[2] + kDilation;
    g->q = f[0] * f[3] + f[1] * f[4] + f[2] * f[5];
    g->r = f[3] * f[3] + f[4] * f[4] + f[5] * f[5] + kDilation;
    // det(F F^T) is the sum of the squares of F's minors (Cauchy & Binet); p r - q^2 would cancel for a needle.
    const float m0 = f[1] * f[5] - f[2] * f[4], m1 = f[2] * f[3] - f[0] * f[5], m2 = f[0] * f[4] - f[1] * f[3];
    g->determinant = m0 * m0 + m1 * m1 + m2 * m2 + kDilation * (g->p + g->r - kDilation);
}

// The normal of F's rows, F0 x F1: its squared length is the determinant of the covariance before the dilation.
SPLAT_INLINE Vec3 factor_normal(const Geometry &g) {
    const float *f = g.factor;
    return {f[1] * f[5] - f[2] * f[4], f[2] * f[3] - f[0] * f[5], f[0] * f[4] - f[1] * f[3]};
}

// sqrt(det before / det after the dilation): the share of its opacity that a splat keeps with antialiasing.
SPLAT_INLINE float compensation(const Geometry &g) {
    const Vec3 normal = factor_normal(g);
    return __builtin_sqrtf(dot(normal, normal) / g.determinant);
}

// Unit vector from the camera to the mean, and their distance.
SPLAT_INLINE Vec3 viewing_direction(const Camera &cam, const float *mean, float *distance) {
    const Vec3 d = {mean[0] - cam.center[0], mean[1] - cam.center[1], mean[2] - cam.center[2]};
    *distance = __builtin_sqrtf(dot(d, d));
    const float inverse = 1.0f / (*distance > 1e-12f ? *distance : 1e-12f);
    return {d.x * inverse, d.y * inverse, d.z * inverse};
}

SPLAT_INLINE void raw_color(const Gaussians &gs, int64_t n, const float *basis, int degree, float *color) {
    const float *rest = gs.sh_rest + n * gs.rest * 3;
    const int coefficients = (degree + 1) * (degree + 1);
    for (int c = 0; c < 3; ++c) color[c] = 0.5f + basis[0] * gs.sh_dc[3 * n + c];
    for (int k = 1; k < coefficients; ++k)
        for (int c = 0; c < 3; ++c) color[c] += basis[k] * rest[3 * (k - 1) + c];
}

SPLAT_INLINE int16_t tile_of(float pixel, int tiles) {
    return int16_t(pixel <= 0 ? 0 : pixel >= float(tiles * kTile) ? tiles : int(pixel) / kTile);
}

// Compiled with antialiasing and without: what is drawn without keeps its every bit, which a branch would cost it, as
// multiplications and additions fuse otherwise around one.
template <bool kAntialiasing>
SPLAT_INLINE void project_one(const Gaussians &gs, const Frame &f, int64_t n, Splat *s) {
    const Camera &cam = f.camera;
    s->radius = 0;
    s->tile_row_begin = s->tile_row_end = 0;
    if (f.dropout.leaves_out(uint32_t(n))) return;
    const float *mean = gs.means + 3 * n;
    const Vec3 point = to_camera(cam, mean);
    if (!(point.z > kNearPlane)) return;
    float opacity = f.dropout.boost / (1.0f + __builtin_expf(-gs.opacity_logits[n]));
    if (!(opacity > kAlphaMin)) return;
    Geometry g;
    geometry_of(cam, point, gs.quaternions + 4 * n, gs.log_scales + 3 * n, &g);
    const float determinant = g.determinant;
    if (!(determinant > 0) || !__builtin_isfinite(determinant)) return;
    if constexpr (kAntialiasing) {
        opacity *= compensation(g);
        if (!(opacity > kAlphaMin)) return;
    }
    const float inverse = 1.0f / determinant;
    s->x = cam.fx * point.x / point.z + cam.cx;
    s->y = cam.fy * point.y / point.z + cam.cy;
    s->a = g.r * inverse;
    s->b = -g.q * inverse;
    s->c = g.p * inverse;
    s->opacity = opacity;
    s->depth = point.z;
    s->reach = 2.0f * __builtin_logf(opacity / kAlphaMin);
    s->half_x = __builtin_sqrtf(s->reach * g.p);
    s->half_y = __builtin_sqrtf(s->reach * g.r);
    if (!(s->x + s->half_x > 0 && s->x - s->half_x < cam.width && s->y + s->half_y > 0 &&
          s->y - s->half_y < cam.height))
        return;
    const float middle = 0.5f * (g.p + g.r), spread = middle * middle - determinant;
    s->radius = 3.0f * __builtin_sqrtf(middle + __builtin_sqrtf(spread > 0 ? spread : 0));
    s->tile_row_begin = tile_of(s->y - s->half_y - 0.5f, f.tiles_y);
    const float bottom = s->y + s->half_y;
    s->tile_row_end = bottom >= float(f.tiles_y * kTile) ? int16_t(f.tiles_y) : int16_t(int(bottom) / kTile + 1);
    float basis[16], distance;
    const Vec3 direction = viewing_direction(cam, mean, &distance);
    harmonics(direction.x, direction.y, direction.z, f.sh_degree, basis);
    raw_color(gs, n, basis, f.sh_degree, s->color);
    for (int c = 0; c < 3; ++c) s->color[c] = s->color[c] > 0 ? s->color[c] : 0;
}

template <bool kAntialiasing>
static void project_all(const Gaussians &gs, const Frame &f, int threads) {
#pragma omp parallel for schedule(static, 256) num_threads(threads)
    for (int64_t n = 0; n < gs.count; ++n) project_one<kAntialiasing>(gs, f, n, &f.splats[n]);
    (void)threads;
}

static void project(const Gaussians &gs, const Frame &f, int threads) {
    (f.camera.antialiasing ? project_all<true> : project_all<false>)(gs, f, threads);
}

// d loss / d unit quaternion from d loss / d rotation matrix, then through the normalisation.
SPLAT_INLINE void quaternion_backward(const Geometry &g, const float *d, float *out) {
    const float w = g.quaternion[0], x = g.quaternion[1], y = g.quaternion[2], z = g.quaternion[3];
    const float unit[4] = {
        2 * (-z * d[1] + y * d[2] + z * d[3] - x * d[5] - y * d[6] + x * d[7]),
        2 * (y * d[1] + z * d[2] + y * d[3] - 2 * x * d[4] - w * d[5] + z * d[6] + w * d[7] - 2 * x * d[8]),
        2 * (-2 * y * d[0] + x * d[1] + w * d[2] + x * d[3] + z * d[5] - w * d[6] + z * d[7] - 2 * y * d[8]),
        2 * (-2 * z * d[0] - w * d[1] + x * d[2] + w * d[3] - 2 * z * d[4] + y * d[5] + x * d[6] + y * d[7]),
    };
    const float along = unit[0] * w + unit[1] * x + unit[2] * y + unit[3] * z;
    const float inverse_norm = 1.0f / (g.norm > 1e-12f ? g.norm : 1e-12f);
    for (int k = 0; k < 4; ++k) out[k] = (unit[k] - g.quaternion[k] * along) * inverse_norm;
}

// Adds d loss / d F by the compensation c, from h = d loss / d log c: with D = kDilation, covariances S before and
// S + D I after it, d log c / d F = (inverse(S) - inverse(S + D I)) F. Of F, G = det(S) inverse(S) F has the rows F1 x n and
// n x F0, n being F0 x F1; so that the difference, which cancels for splats much larger than a pixel, is
// D / det(S + D I) (G (tr(S) + D) / det(S) - F).
SPLAT_INLINE void compensation_backward(const Geometry &g, float h, float *d_factor) {
    const float *f = g.factor;
    const Vec3 n = factor_normal(g);
    const float shift = h * kDilation / g.determinant, turn = shift * (g.p + g.r - kDilation) / dot(n, n);
    d_factor[0] += turn * (f[4] * n.z - f[5] * n.y) - shift * f[0];
    d_factor[1] += turn * (f[5] * n.x - f[3] * n.z) - shift * f[1];
    d_factor[2] += turn * (f[3] * n.y - f[4] * n.x) - shift * f[2];
    d_factor[3] += turn * (n.y * f[2] - n.z * f[1]) - shift * f[3];
    d_factor[4] += turn * (n.z * f[0] - n.x * f[2]) - shift * f[4];
    d_factor[5] += turn * (n.x * f[1] - n.y * f[0]) - shift * f[5];
}

// From d loss / d conic, and d loss / d log opacity, to d loss / d log scales, quaternion and camera-space mean.
template <bool kAntialiasing>
SPLAT_INLINE void covariance_backward(const Camera &cam, const Geometry &g, const PairGradient &d, float d_log_opacity,
                                      float *log_scales, float *quaternion, Vec3 *point) {
    // The conic is the covariance's inverse: M = -conic [[da, db/2], [db/2, dc]] conic is d loss / d covariance.
    const float inverse = 1.0f / g.determinant;
    const float a = g.r * inverse, b = -g.q * inverse, c = g.p * inverse;
    const float half_b = 0.5f * d.b;
    const float left[4] = {a * d.a + b * half_b, a * half_b + b * d.c, b * d.a + c * half_b, b * half_b + c * d.c};
    const float m00 = -(left[0] * a + left[1] * b), m01 = -(left[0] * b + left[1] * c),
                m11 = -(left[2] * b + left[3] * c);
    // covariance = F F^T: d F = 2 M F.
    float d_factor[6];
    for (int k = 0; k < 3; ++k) {
        d_factor[k] = 2 * (m00 * g.factor[k] + m01 * g.factor[3 + k]);
        d_factor[3 + k] = 2 * (m01 * g.factor[k] + m11 * g.factor[3 + k]);
    }
    if constexpr (kAntialiasing) compensation_backward(g, d_log_opacity, d_factor);
    // F = T A with A = R S: d A = T^T dF, d T = dF A^T.
    float d_rotation[9], d_transform[6] = {0, 0, 0, 0, 0, 0};
    for (int k = 0; k < 3; ++k) {
        float d_scale = 0;
        for (int i = 0; i < 3; ++i) {
            const float d_axis = g.transform[i] * d_factor[k] + g.transform[3 + i] * d_factor[3 + k];
            d_scale += d_axis * g.rotation[3 * i + k];
            d_rotation[3 * i + k] = d_axis * g.scale[k];
            const float axis = g.rotation[3 * i + k] * g.scale[k];
            d_transform[i] += d_factor[k] * axis;
            d_transform[3 + i] += d_factor[3 + k] * axis;
        }
        log_scales[k] = d_scale * g.scale[k];
    }
    quaternion_backward(g, d_rotation, quaternion);
    // T row 0 = (fx / z) (W0 - u W2), row 1 = (fy / z) (W1 - v W2), with u = x / z and v = y / z unless clamped.
    const float inverse_z = 1.0f / g.point.z;
    const float *w = cam.rotation;
    float along0 = 0, along1 = 0, d_slope_x = 0, d_slope_y = 0;
    for (int k = 0; k < 3; ++k) {
        along0 += d_transform[k] * g.transform[k];
        along1 += d_transform[3 + k] * g.transform[3 + k];
        d_slope_x -= d_transform[k] * w[6 + k];
        d_slope_y -= d_transform[3 + k] * w[6 + k];
    }
    point->z -= (along0 + along1) * inverse_z;
    if (!g.clamped_x) {
        const float d_u = cam.fx * inverse_z * d_slope_x;
        point->x += d_u * inverse_z;
        point->z -= d_u * g.slope_x * inverse_z;
    }
    if (!g.clamped_y) {
        const float d_v = cam.fy * inverse_z * d_slope_y;
        point->y += d_v * inverse_z;
        point->z -= d_v * g.slope_y * inverse_z;
    }
}

// From d loss / d colour to the coefficients, and through the viewing direction to the mean.
SPLAT_INLINE void color_backward(const Gaussians &gs, const Frame &f, int64_t n, const float *d_color, float *d_dc,
                                 float *d_rest, float *d_mean) {
    float basis[16], distance, color[3], gated[3];
    Vec3 slopes[16];
    const Vec3 direction = viewing_direction(f.camera, gs.means + 3 * n, &distance);
    harmonics(direction.x, direction.y, direction.z, f.sh_degree, basis);
    harmonic_slopes(direction, f.sh_degree, slopes);
    raw_color(gs, n, basis, f.sh_degree, color);
    for (int c = 0; c < 3; ++c) {
        gated[c] = color[c] > 0 ? d_color[c] : 0;
        d_dc[c] = basis[0] * gated[c];
    }
    const float *rest = gs.sh_rest + n * gs.rest * 3;
    const int coefficients = (f.sh_degree + 1) * (f.sh_degree + 1);
    Vec3 d_direction = {0, 0, 0};
    for (int k = 1; k < coefficients; ++k) {
        float strength = 0;
        for (int c = 0; c < 3; ++c) {
            d_rest[3 * (k - 1) + c] = basis[k] * gated[c];
            strength += rest[3 * (k - 1) + c] * gated[c];
        }
        d_direction.x += strength * slopes[k].x;
        d_direction.y += strength * slopes[k].y;
        d_direction.z += strength * slopes[k].z;
    }
    const float along = dot(d_direction, direction), inverse = 1.0f / (distance > 1e-12f ? distance : 1e-12f);
    d_mean[0] += (d_direction.x - direction.x * along) * inverse;
    d_mean[1] += (d_direction.y - direction.y * along) * inverse;
    d_mean[2] += (d_direction.z - direction.z * along) * inverse;
}

template <bool kAntialiasing>
static void project_backward_all(const Gaussians &gs, const Frame &f, int64_t begin, int64_t end,
                                 const MutableGaussians &out, float *grad_means2d) {
    const int active = ((f.sh_degree + 1) * (f.sh_degree + 1) - 1) * 3;
    const int stride = gs.rest * 3;
    for (int64_t n = begin; n < end; ++n) {
        const int64_t o = n - begin;
        float *d_mean = out.means + 3 * o, *d_rest = out.sh_rest + stride * o;
        PairGradient d = {};
        for (uint32_t slot = f.pair_begin[n]; slot < f.pair_begin[n + 1]; ++slot) {
            const PairGradient &pair = f.pair_gradients[slot];
            d.x += pair.x;
            d.y += pair.y;
            d.a += pair.a;
            d.b += pair.b;
            d.c += pair.c;
            d.opacity += pair.opacity;
            for (int c = 0; c < 3; ++c) d.color[c] += pair.color[c];
        }
        grad_means2d[2 * o] = d.x;
        grad_means2d[2 * o + 1] = d.y;
        for (int k = 0; k < 3; ++k) d_mean[k] = 0;
        for (int k = active; k < stride; ++k) d_rest[k] = 0;
        if (f.pair_begin[n] == f.pair_begin[n + 1]) {
            for (int k = 0; k < 4; ++k) out.quaternions[4 * o + k] = 0;
            for (int k = 0; k < 3; ++k) out.log_scales[3 * o + k] = out.sh_dc[3 * o + k] = 0;
            for (int k = 0; k < active; ++k) d_rest[k] = 0;
            out.opacity_logits[o] = 0;
            continue;
        }
        const Camera &cam = f.camera;
        Geometry g;
        geometry_of(cam, to_camera(cam, gs.means + 3 * n), gs.quaternions + 4 * n, gs.log_scales + 3 * n, &g);
        const float inverse_z = 1.0f / g.point.z;
        Vec3 d_point = {d.x * cam.fx * inverse_z, d.y * cam.fy * inverse_z, 0};
        d_point.z = -(d_point.x * g.point.x + d_point.y * g.point.y) * inverse_z;
        const float opacity = f.splats[n].opacity;  // the boost times the logistic of the logit, and the compensation
        covariance_backward<kAntialiasing>(cam, g, d, d.opacity * opacity, out.log_scales + 3 * o,
                                           out.quaternions + 4 * o, &d_point);
        for (int k = 0; k < 3; ++k)
            d_mean[k] += cam.rotation[k] * d_point.x + cam.rotation[3 + k] * d_point.y +
                         cam.rotation[6 + k] * d_point.z;
        color_backward(gs, f, n, d.color, out.sh_dc + 3 * o, d_rest, d_mean);
        const float whole = kAntialiasing ? f.dropout.boost * compensation(g) : f.dropout.boost;
        out.opacity_logits[o] = d.opacity * opacity * (1 - opacity / whole);
    }
}

static void project_backward(const Gaussians &gs, const Frame &f, int64_t begin, int64_t end,
                             const MutableGaussians &out, float *grad_means2d) {
    (f.camera.antialiasing ? project_backward_all<true> : project_backward_all<false>)(gs, f, begin, end, out,
                                                                                       grad_means2d);
}

}  // namespace SPLAT_ISA
}  // namespace splat
