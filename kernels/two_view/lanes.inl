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

inline float sum(F8 v) { return sum_of_8(v); }
inline double sum(D4 v) { return sum_of_4(v); }

template <bool Homography>
float score_of(const double *model, const Points &p, double max_error, float limit, float *inliers) {
    F8 m[9];
    for (int k = 0; k < 9; ++k) m[k] = all8(float(model[k]));
    const F8 most = all8(float(max_error * max_error)), one = all8(1), none = all8(0);
    F8 costs = none, within = none;
    for (int64_t block = 0; block < p.padded; block += kBetweenLooks) {
        const int64_t end = block + kBetweenLooks < p.padded ? block + kBetweenLooks : p.padded;
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
        if constexpr (Homography) {
            D4 jx[9], jy[9], rx, ry;
            const D4 weight = counts / square_root(inside ? s2 : one);
            transfer_rows(m, x1, y1, x2, y2, weight, inside, one, none, jx, jy, rx, ry);
            enter(sums, jx, rx);
            enter(sums, jy, ry);
        } else {
            D4 j[9];
            const D4 weight = counts / square_root(below);
            const D4 residual = epipolar_row(m, x1, y1, x2, y2, s1, s2, below, weight, inside, one, none, j);
            enter(sums, j, residual);
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
