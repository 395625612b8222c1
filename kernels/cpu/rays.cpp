#include "rays.h"

#include <cmath>
#include <vector>

namespace splat {
namespace {

constexpr double kShortest = 1e-12;

// (x, y, z)[count] become the directions from `from` to (a, b, c)[count].
inline void direction(double a, double b, double c, const double *from, double &x, double &y, double &z) {
    const double across = a - from[0], down = b - from[1], along = c - from[2];
    const double length = std::sqrt(across * across + down * down + along * along);
    const double divisor = length < kShortest ? kShortest : length;
    x = across / divisor, y = down / divisor, z = along / divisor;
}

}  // namespace

void ray_cosines(const double *points, int64_t count, const double *center, const double *others, int64_t other_count,
                 double *cosines) {
    std::vector<double> memory(6 * count);
    double *const a = memory.data(), *const b = a + count, *const c = b + count;
    double *const x = c + count, *const y = x + count, *const z = y + count;
    for (int64_t n = 0; n < count; ++n) {
        a[n] = points[3 * n], b[n] = points[3 * n + 1], c[n] = points[3 * n + 2];
        direction(a[n], b[n], c[n], center, x[n], y[n], z[n]);
    }
    for (int64_t p = 0; p < other_count; ++p) {
        const double from[3] = {others[3 * p], others[3 * p + 1], others[3 * p + 2]};
        double *const row = cosines + p * count;
        for (int64_t n = 0; n < count; ++n) {
            double u, v, w;
            direction(a[n], b[n], c[n], from, u, v, w);
            const double cosine = x[n] * u + y[n] * v + z[n] * w;
            const double above = cosine < -1 ? -1 : cosine;
            row[n] = above > 1 ? 1 : above;
        }
    }
}

}  // namespace splat
