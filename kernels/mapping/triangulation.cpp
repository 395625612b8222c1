#include "triangulation.h"

#include <cmath>

namespace mapping {
namespace {

constexpr int64_t kMostPairs = 100;  // of a track that is long, pairs evenly spread over all

double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// How many rays show a point, and how well: the lower the better of as many.
int count_showing(const std::vector<Ray> &rays, double cos_most, const double point[3], std::vector<uint8_t> &shows,
                  double *off) {
    int count = 0;
    *off = 0;
    for (size_t k = 0; k < rays.size(); ++k) {
        const double cosine = cosine_to(rays[k], point);
        shows[k] = cosine >= cos_most;
        count += shows[k];
        if (shows[k]) *off += 1 - cosine;
    }
    return count;
}

// Half way between the points of two rays that are nearest to each other; false where that is behind one of them.
bool midpoint(const Ray &a, const Ray &b, double cosine, double point[3]) {
    const double apart[3] = {b.from[0] - a.from[0], b.from[1] - a.from[1], b.from[2] - a.from[2]};
    const double along_a = dot(apart, a.along), along_b = dot(apart, b.along), below = 1 - cosine * cosine;
    const double s = (along_a - cosine * along_b) / below, t = (cosine * along_a - along_b) / below;
    if (!(s > 0 && t > 0)) return false;
    for (int k = 0; k < 3; ++k) point[k] = 0.5 * (a.from[k] + s * a.along[k] + b.from[k] + t * b.along[k]);
    return std::isfinite(point[0] + point[1] + point[2]);
}

}  // namespace

double cosine_to(const Ray &ray, const double point[3]) {
    const double to[3] = {point[0] - ray.from[0], point[1] - ray.from[1], point[2] - ray.from[2]};
    const double length = std::sqrt(dot(to, to));
    return length > 0 ? dot(to, ray.along) / length : -1;
}

bool nearest_point(const std::vector<Ray> &rays, const std::vector<uint8_t> &marked, double point[3]) {
    double m[6] = {}, right[3] = {};  // sum of I - d d', upper half: 00 01 02 11 12 22
    for (size_t k = 0; k < rays.size(); ++k) {
        if (!marked[k]) continue;
        const double *d = rays[k].along, *c = rays[k].from, along = dot(d, c);
        m[0] += 1 - d[0] * d[0], m[1] -= d[0] * d[1], m[2] -= d[0] * d[2];
        m[3] += 1 - d[1] * d[1], m[4] -= d[1] * d[2], m[5] += 1 - d[2] * d[2];
        for (int i = 0; i < 3; ++i) right[i] += c[i] - along * d[i];
    }
    const double a = m[3] * m[5] - m[4] * m[4], b = m[2] * m[4] - m[1] * m[5], c = m[1] * m[4] - m[2] * m[3];
    const double determinant = m[0] * a + m[1] * b + m[2] * c;
    if (!(determinant > 0)) return false;
    point[0] = (a * right[0] + b * right[1] + c * right[2]) / determinant;
    point[1] = (b * right[0] + (m[0] * m[5] - m[2] * m[2]) * right[1] + (m[1] * m[2] - m[0] * m[4]) * right[2]) /
               determinant;
    point[2] = (c * right[0] + (m[1] * m[2] - m[0] * m[4]) * right[1] + (m[0] * m[3] - m[1] * m[1]) * right[2]) /
               determinant;
    return std::isfinite(point[0] + point[1] + point[2]);
}

bool triangulate(const std::vector<Ray> &rays, double cos_most, double cos_least, double point[3],
                 std::vector<uint8_t> &shows) {
    const int64_t n = int64_t(rays.size()), pairs = n * (n - 1) / 2, every = (pairs + kMostPairs - 1) / kMostPairs;
    int best = 0;
    double least = HUGE_VAL;
    std::vector<uint8_t> showing(rays.size());
    int64_t number = 0;
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = i + 1; j < n; ++j, ++number) {
            if (number % every) continue;
            const double cosine = dot(rays[i].along, rays[j].along);
            double candidate[3], off;
            if (!(cosine <= cos_least) || !midpoint(rays[i], rays[j], cosine, candidate)) continue;
            const int count = count_showing(rays, cos_most, candidate, showing, &off);
            if (count >= 2 && (count > best || (count == best && off < least))) {
                best = count, least = off;
                std::copy(candidate, candidate + 3, point);
                shows = showing;
            }
        }
    if (best < 2) return false;
    double moved[3], off;
    if (best > 2 && nearest_point(rays, shows, moved)) {
        const int count = count_showing(rays, cos_most, moved, showing, &off);
        if (count >= best) {
            std::copy(moved, moved + 3, point);
            shows = showing;
        }
    }
    return true;
}

}  // namespace mapping
