// Included by a file for each instruction set. No standard library templates in here, or the linker might let another
// caller use a copy built for AVX2.
namespace two_view {
namespace {

typedef float F8 __attribute__((vector_size(32)));
typedef double D4 __attribute__((vector_size(32)));

inline F8 load(const float *p) {
    F8 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

inline D4 load(const double *p) {
    D4 v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
}

inline F8 all8(float x) { return F8{x, x, x, x, x, x, x, x}; }
inline D4 all4(double x) { return D4{x, x, x, x}; }

inline float sum(F8 v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }
inline double sum(D4 v) { return (v[0] + v[2]) + (v[1] + v[3]); }

constexpr int64_t kBlock = 128;  // matches between two looks at the limit

// Squared errors as a fraction: numerator and denominator, in pixels. Of an epipolar geometry Sampson's (Hartley &
// Zisserman, 11.4.3), of a homography the distance in the second photo.
template <typename V>
struct Fraction {
    V above, below;
};

template <typename V>
inline Fraction<V> epipolar(const V *m, V x1, V y1, V x2, V y2, V s1, V s2) {
    const V ax = m[0] * x1 + m[1] * y1 + m[2], ay = m[3] * x1 + m[4] * y1 + m[5], az = m[6] * x1 + m[7] * y1 + m[8];
    const V bx = m[0] * x2 + m[3] * y2 + m[6], by = m[1] * x2 + m[4] * y2 + m[7];
    const V c = x2 * ax + y2 * ay + az;
    return {c * c, s2 * (ax * ax + ay * ay) + s1 * (bx * bx + by * by)};
}

template <typename V>
inline Fraction<V> transfer(const V *m, V x1, V y1, V x2, V y2, V s2) {
    const V px = m[0] * x1 + m[1] * y1 + m[2], py = m[3] * x1 + m[4] * y1 + m[5], pz = m[6] * x1 + m[7] * y1 + m[8];
    const V ex = px - x2 * pz, ey = py - y2 * pz;
    return {ex * ex + ey * ey, s2 * pz * pz};
}

template <bool Homography>
float score_of(const double *model, const Points &p, double max_error, float limit, float *inliers) {
    F8 m[9];
    for (int k = 0; k < 9; ++k) m[k] = all8(float(model[k]));
    const F8 most = all8(float(max_error * max_error)), one = all8(1), none = all8(0);
    F8 costs = none, within = none;
    for (int64_t block = 0; block < p.padded; block += kBlock) {
        const int64_t end = block + kBlock < p.padded ? block + kBlock : p.padded;
        for (int64_t i = block; i < end; i += 8) {
            const F8 x1 = load(p.fx1 + i), y1 = load(p.fy1 + i), x2 = load(p.fx2 + i), y2 = load(p.fy2 + i);
            const F8 s2 = load(p.fs2 + i), valid = load(p.fvalid + i);
            Fraction<F8> error;
            if constexpr (Homography)
                error = transfer(m, x1, y1, x2, y2, s2);
            else
                error = epipolar(m, x1, y1, x2, y2, load(p.fs1 + i), s2);
            const F8 limit_here = error.below * most;
            const auto inside = error.above < limit_here;  // false where anything is not a number
            costs += valid * (inside ? error.above / limit_here : one);
            within += inside ? valid : none;
        }
        if (end < p.padded && sum(costs) > limit) break;
    }
    *inliers = sum(within);
    return sum(costs);
}

float score(Kind kind, const double *model, const Points &points, double max_error, float limit, float *inliers) {
    return kind == kHomography || kind == kTurn ? score_of<true>(model, points, max_error, limit, inliers)
                                                : score_of<false>(model, points, max_error, limit, inliers);
}

struct Sums {
    D4 ata[45], atb[9];
};

inline void enter(Sums &sums, const D4 *j, D4 residual) {
    int at = 0;
    for (int a = 0; a < 9; ++a) {
        for (int b = a; b < 9; ++b) sums.ata[at++] += j[a] * j[b];
        sums.atb[a] += j[a] * residual;
    }
}

inline D4 square_root(D4 v) {
    return D4{__builtin_sqrt(v[0]), __builtin_sqrt(v[1]), __builtin_sqrt(v[2]), __builtin_sqrt(v[3])};
}

template <bool Homography>
void accumulate_of(const double *model, const Points &p, double max_error, Normal &normal) {
    D4 m[9];
    for (int k = 0; k < 9; ++k) m[k] = all4(model[k]);
    const D4 most = all4(max_error * max_error), one = all4(1), none = all4(0);
    Sums sums = {};
    D4 costs = none, within = none;
    for (int64_t i = 0; i < p.padded; i += 4) {
        const D4 x1 = load(p.x1 + i), y1 = load(p.y1 + i), x2 = load(p.x2 + i), y2 = load(p.y2 + i);
        const D4 s1 = load(p.s1 + i), s2 = load(p.s2 + i), valid = load(p.valid + i);
        Fraction<D4> error;
        if constexpr (Homography)
            error = transfer(m, x1, y1, x2, y2, s2);
        else
            error = epipolar(m, x1, y1, x2, y2, s1, s2);
        const auto inside = error.above < error.below * most;
        const D4 counts = inside ? valid : none;
        within += counts;
        const D4 below = inside ? error.below : one;  // what is outside must not bring in what is not a number
        costs += valid * (inside ? error.above / below : most);
        if (sum(counts) == 0) continue;
        D4 j[9];
        if constexpr (Homography) {
            const D4 px = m[0] * x1 + m[1] * y1 + m[2], py = m[3] * x1 + m[4] * y1 + m[5];
            const D4 pz = inside ? m[6] * x1 + m[7] * y1 + m[8] : one;
            const D4 weight = counts / square_root(inside ? s2 : one);  // residuals in pixels
            const D4 u = px / pz, v = py / pz, g = weight / pz;
            const D4 of[3] = {g * x1, g * y1, g};
            for (int k = 0; k < 3; ++k) j[k] = of[k], j[3 + k] = none, j[6 + k] = -u * of[k];
            enter(sums, j, inside ? (u - x2) * weight : none);
            for (int k = 0; k < 3; ++k) j[k] = none, j[3 + k] = of[k], j[6 + k] = -v * of[k];
            enter(sums, j, inside ? (v - y2) * weight : none);
        } else {
            const D4 ax = m[0] * x1 + m[1] * y1 + m[2], ay = m[3] * x1 + m[4] * y1 + m[5];
            const D4 az = m[6] * x1 + m[7] * y1 + m[8];
            const D4 bx = m[0] * x2 + m[3] * y2 + m[6], by = m[1] * x2 + m[4] * y2 + m[7];
            const D4 c = x2 * ax + y2 * ay + az;
            // r = C / sqrt(D), so dr = (dC - C / D * dD / 2) / sqrt(D).
            const D4 root = counts / square_root(below), ratio = c / below;
            const D4 px = ratio * s2 * ax, py = ratio * s2 * ay, qx = ratio * s1 * bx, qy = ratio * s1 * by;
            j[0] = x2 * x1 - px * x1 - qx * x2;
            j[1] = x2 * y1 - px * y1 - qy * x2;
            j[2] = x2 - px;
            j[3] = y2 * x1 - py * x1 - qx * y2;
            j[4] = y2 * y1 - py * y1 - qy * y2;
            j[5] = y2 - py;
            j[6] = x1 - qx;
            j[7] = y1 - qy;
            j[8] = one;
            for (D4 &entry : j) entry = inside ? entry * root : none;
            enter(sums, j, inside ? c * root : none);
        }
    }
    int at = 0;
    for (int a = 0; a < 9; ++a) {
        for (int b = a; b < 9; ++b) normal.ata[a][b] = normal.ata[b][a] = sum(sums.ata[at++]);
        normal.atb[a] = sum(sums.atb[a]);
    }
    normal.cost = sum(costs);
    normal.inliers = sum(within);
}

void accumulate(Kind kind, const double *model, const Points &points, double max_error, Normal &normal) {
    if (kind == kHomography || kind == kTurn)
        accumulate_of<true>(model, points, max_error, normal);
    else
        accumulate_of<false>(model, points, max_error, normal);
}

}  // namespace
}  // namespace two_view
