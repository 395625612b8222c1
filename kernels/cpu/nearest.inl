// Which of some centroids is nearest to each of many points: what k-means spends its time on. A matrix product that is
// never written down: a block of scores stays in registers and only its least is kept.

namespace splat {
namespace SPLAT_ISA {

constexpr int kPointsAtOnce = 6;    // beside two vectors of centroids: as many sums as hide a multiplication's time
constexpr int kPanel = 2 * kLanes;  // centroids that are looked at together
static_assert(kPanel <= kWidestPanel, "scratch memory is for the widest panel");

// Centroids by panels: half the squares of their lengths, then a coordinate at a time of all of a panel. What fills the
// last one up is never the nearest.
static void pack_panels(const Rows &centroids, float *panels) {
    const int width = centroids.width;
    for (int64_t first = 0; first < centroids.count; first += kPanel, panels += (width + 1) * kPanel)
        for (int lane = 0; lane < kPanel; ++lane) {
            const bool there = first + lane < centroids.count;
            const float *own = centroids.values + (first + lane) * width;
            double squares = 0;
            for (int d = 0; d < width; ++d) {
                panels[(d + 1) * kPanel + lane] = there ? own[d] : 0.0f;
                if (there) squares += double(own[d]) * own[d];
            }
            panels[lane] = there ? float(0.5 * squares) : 3.4028235e38f;  // above all that is ever the least
        }
}

// |c|^2 / 2 - p.c, which is least where |p - c| is, of `points` points and all centroids.
template <int points>
static void nearest_of(const float *rows, int width, const float *panels, int64_t count, int32_t *labels) {
    Vec least[points][2];
    Mask where[points][2] = {};
    for (int p = 0; p < points; ++p) least[p][0] = least[p][1] = splat_of(3.4e38f);
    for (int64_t first = 0; first < count; first += kPanel, panels += (width + 1) * kPanel) {
        Vec score[points][2];
        for (int p = 0; p < points; ++p) {
            score[p][0] = load(panels);
            score[p][1] = load(panels + kLanes);
        }
        for (int d = 0; d < width; ++d) {
            const float *at = panels + (d + 1) * kPanel;
            const Vec one = load(at), other = load(at + kLanes);
            for (int p = 0; p < points; ++p) {
                const Vec own = splat_of(rows[p * width + d]);
                score[p][0] -= own * one;
                score[p][1] -= own * other;
            }
        }
        const Mask here = int32_t(first) - Mask{};
        for (int p = 0; p < points; ++p)
            for (int half = 0; half < 2; ++half) {
                const Mask better = score[p][half] < least[p][half];
                least[p][half] = select(better, score[p][half], least[p][half]);
                where[p][half] = better ? here : where[p][half];
            }
    }
    for (int p = 0; p < points; ++p) {
        float best = 3.4e38f;
        int32_t label = 0;
        for (int lane = 0; lane < kPanel; ++lane) {
            const float score = least[p][lane / kLanes][lane % kLanes];
            const int32_t centroid = where[p][lane / kLanes][lane % kLanes] + lane;
            if (score < best || (score == best && centroid < label)) {
                best = score;
                label = centroid;
            }
        }
        labels[p] = label;
    }
}

static void nearest(const Rows &points, const Rows &centroids, float *panels, int32_t *labels, int threads) {
    pack_panels(centroids, panels);
    const int64_t whole = points.count / kPointsAtOnce;
#pragma omp parallel for schedule(dynamic, 64) num_threads(threads)
    for (int64_t block = 0; block < whole; ++block)
        nearest_of<kPointsAtOnce>(points.values + block * kPointsAtOnce * points.width, points.width, panels,
                                  centroids.count, labels + block * kPointsAtOnce);
    for (int64_t point = whole * kPointsAtOnce; point < points.count; ++point)
        nearest_of<1>(points.values + point * points.width, points.width, panels, centroids.count, labels + point);
    (void)threads;
}

}  // namespace SPLAT_ISA
}  // namespace splat
