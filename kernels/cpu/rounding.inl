// Colours rounded for the views that see them: rate-distortion optimised quantisation by coordinate descent, a Gaussian
// a lane. What is minimised, and why, is said in splatworker/splat_files/rate_distortion.py.

namespace splat {
namespace SPLAT_ISA {

constexpr int kCoefficients = 16;  // at degree 3
constexpr int kPairs = kCoefficients * (kCoefficients + 1) / 2;

// Where the normal matrix has row i, column j.
SPLAT_INLINE int pair(int i, int j) { return i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i; }

SPLAT_INLINE Vec nearest_whole(Vec v) {  // to even, for |v| < 2^22
    const float magic = 12582912.0f;
    return (v + magic) - magic;
}

SPLAT_INLINE Vec within(Vec v, float lowest, float highest) {
    return minimum(maximum(v, splat_of(lowest)), splat_of(highest));
}

SPLAT_INLINE Vec bits_of(const RoundingPrices &prices, Vec level) {
    Vec bits;
    for (int lane = 0; lane < kLanes; ++lane) {
        const float at = level[lane] + kHighestLevel;
        bits[lane] = prices.bits[at < 0 ? 0 : at > 2 * kHighestLevel ? 2 * kHighestLevel : int(at)];
    }
    return bits;
}

// The best of the levels nearest to what is wanted, the next one towards zero, and zero.
SPLAT_INLINE Vec cheapest(Vec wanted, Vec curvature, const RoundingGrid &grid, const RoundingPrices &prices) {
    const Vec zero = {}, nearest = within(nearest_whole(wanted), grid.lowest, grid.highest);
    const Vec one = select(nearest > 0.0f, splat_of(1.0f), select(nearest < 0.0f, splat_of(-1.0f), zero));
    Vec best = zero, cost = curvature * wanted * wanted + prices.of_a_bit * prices.bits[kHighestLevel];
    const Vec levels[2] = {nearest - one, nearest};
    for (const Vec level : levels) {
        const Vec here = curvature * (level - wanted) * (level - wanted) + prices.of_a_bit * bits_of(prices, level);
        const Mask better = here < cost;
        best = select(better, level, best);
        cost = select(better, here, cost);
    }
    return best;
}

SPLAT_INLINE Vec harmonic(Vec wanted, Vec curvature, const RoundingGrid &grid, const RoundingPrices &prices) {
    return cheapest(wanted * (1.0f / grid.step), curvature * (grid.step * grid.step), grid, prices) * grid.step;
}

SPLAT_INLINE Vec constant(Vec wanted, const RoundingGrid &grid) {
    const Vec level = nearest_whole(wanted * (1.0f / grid.constant_step) - grid.constant_offset);
    return (within(level, grid.constant_lowest, grid.constant_highest) + grid.constant_offset) * grid.constant_step;
}

// kLanes Gaussians from `begin` on; lanes beyond the last repeat it.
static void round_some(const RoundingColors &colors, const RoundingGrid &grid, const RoundingPrices &prices,
                       int64_t begin, float *rounded) {
    int64_t gaussian[kLanes];
    for (int lane = 0; lane < kLanes; ++lane)
        gaussian[lane] = begin + lane < colors.count ? begin + lane : colors.count - 1;
    const int degree = colors.degree, coefficients = (degree + 1) * (degree + 1);

    Vec x, y, z;
    for (int lane = 0; lane < kLanes; ++lane) {
        const float *mean = colors.means + 3 * gaussian[lane];
        x[lane] = mean[0];
        y[lane] = mean[1];
        z[lane] = mean[2];
    }
    Vec normal[kPairs] = {};
    for (int64_t view = 0; view < colors.views; ++view) {
        const float *center = colors.centers + 3 * view, *weights = colors.weights + view * colors.count;
        const Vec dx = x - center[0], dy = y - center[1], dz = z - center[2];
        const Vec inverse = 1.0f / maximum(square_root(dx * dx + dy * dy + dz * dz), splat_of(1e-12f));
        Vec value[kCoefficients], weight;
        harmonics(dx * inverse, dy * inverse, dz * inverse, degree, value);
        for (int lane = 0; lane < kLanes; ++lane) weight[lane] = weights[gaussian[lane]];
        for (int i = 0; i < coefficients; ++i) {
            const Vec weighted = weight * value[i];
            for (int j = 0; j <= i; ++j) normal[pair(i, j)] += weighted * value[j];
        }
    }
    Vec prior = {};
    for (int i = 1; i < coefficients; ++i) prior += normal[pair(i, i)];
    prior = prior * (grid.prior / float(coefficients - 1)) + grid.least_prior;
    for (int i = 0; i < coefficients; ++i) normal[pair(i, i)] += prior;

    Vec found[kCoefficients][3], lost[kCoefficients][3], slope[kCoefficients][3] = {};
    for (int k = 0; k < coefficients; ++k)
        for (int c = 0; c < 3; ++c) {
            Vec own;
            for (int lane = 0; lane < kLanes; ++lane)
                own[lane] = colors.coefficients[(gaussian[lane] * coefficients + k) * 3 + c];
            found[k][c] = k ? within(nearest_whole(own * (1.0f / grid.step)), grid.lowest, grid.highest) * grid.step
                            : own;
            lost[k][c] = found[k][c] - own;
        }
    for (int i = 0; i < coefficients; ++i)  // half the gradient of the distortion
        for (int j = 0; j < coefficients; ++j)
            for (int c = 0; c < 3; ++c) slope[i][c] += normal[pair(i, j)] * lost[j][c];

    for (int sweep = 0; sweep < grid.sweeps; ++sweep)
        for (int k = 0; k < coefficients; ++k) {
            const Vec curvature = normal[pair(k, k)], inverse = 1.0f / curvature;
            for (int c = 0; c < 3; ++c) {
                const Vec wanted = found[k][c] - slope[k][c] * inverse;
                const Vec chosen = k ? harmonic(wanted, curvature, grid, prices) : constant(wanted, grid);
                const Vec change = chosen - found[k][c];
                found[k][c] = chosen;
                for (int i = 0; i < coefficients; ++i) slope[i][c] += normal[pair(i, k)] * change;
            }
        }
    for (int lane = 0; lane < kLanes && begin + lane < colors.count; ++lane)
        for (int k = 0; k < coefficients; ++k)
            for (int c = 0; c < 3; ++c) rounded[((begin + lane) * coefficients + k) * 3 + c] = found[k][c][lane];
}

static void round_colors(const RoundingColors &colors, const RoundingGrid &grid, const RoundingPrices &prices,
                         float *rounded, int threads) {
#pragma omp parallel for schedule(dynamic, 16) num_threads(threads)
    for (int64_t begin = 0; begin < colors.count; begin += kLanes) round_some(colors, grid, prices, begin, rounded);
    (void)threads;
}

}  // namespace SPLAT_ISA
}  // namespace splat
