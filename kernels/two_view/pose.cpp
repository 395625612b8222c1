#include "pose.h"

#include <algorithm>
#include <limits>

namespace two_view {
namespace {

// Count and median angle of the masked matches in front of both cameras.
void look(Pose &pose, const Points &points, const std::vector<uint8_t> &mask) {
    std::vector<double> cosines;
    for (int64_t i = 0; i < points.count; ++i) {
        if (!mask[i]) continue;
        const Depths depths = depths_of(pose, points, i);
        if (!(depths.first > 0 && depths.second > 0)) continue;
        const Vec3 a = normalized(pose.r * Vec3{points.x1[i], points.y1[i], 1});
        const Vec3 b = normalized({points.x2[i], points.y2[i], 1});
        cosines.push_back(dot(a, b));
    }
    pose.in_front = int(cosines.size());
    if (cosines.empty()) return;
    std::nth_element(cosines.begin(), cosines.begin() + cosines.size() / 2, cosines.end());
    pose.angle = std::acos(std::min(1.0, cosines[cosines.size() / 2]));
}

// How many of the masked matches meet behind a camera by more than their error: rays that are parallel within it meet far
// away, on whichever side.
int behind(const Pose &pose, const Points &points, const std::vector<uint8_t> &mask, double max_error) {
    int count = 0;
    for (int64_t i = 0; i < points.count; ++i) {
        if (!mask[i]) continue;
        const Depths depths = depths_of(pose, points, i);
        if (!(depths.first <= 0 || depths.second <= 0)) continue;
        const Vec3 a = pose.r * Vec3{points.x1[i], points.y1[i], 1};
        const double x = a[0] - points.x2[i] * a[2], y = a[1] - points.y2[i] * a[2];
        const bool far = a[2] > 0 && x * x + y * y < max_error * max_error * points.s2[i] * a[2] * a[2];
        count += !far;
    }
    return count;
}

}  // namespace

Depths depths_of(const Pose &pose, const Points &points, int64_t i) {
    const Vec3 a = pose.r * Vec3{points.x1[i], points.y1[i], 1}, b = {points.x2[i], points.y2[i], 1};
    const double aa = dot(a, a), ab = dot(a, b), bb = dot(b, b), at = dot(a, pose.t), bt = dot(b, pose.t);
    const double below = aa * bb - ab * ab;
    if (!(below > 0)) return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
    return {(ab * bt - bb * at) / below, (aa * bt - ab * at) / below};
}

Pose pose_of_essential(const Mat3 &essential, const Points &points, const std::vector<uint8_t> &mask) {
    const Svd s = svd(essential);
    const Mat3 quarter = {0, -1, 0, 1, 0, 0, 0, 0, 1};
    Pose best;
    best.in_front = -1;
    for (int choice = 0; choice < 4; ++choice) {
        Pose pose;
        pose.r = s.u * (choice & 1 ? transposed(quarter) : quarter) * transposed(s.v);
        if (determinant(pose.r) < 0) pose.r = scaled(pose.r, -1);
        pose.t = scaled(column(s.u, 2), choice & 2 ? -1 : 1);
        look(pose, points, mask);
        if (pose.in_front > best.in_front) best = pose;
    }
    return best;
}

Pose pose_of_homography(const Mat3 &homography, const Points &points, const std::vector<uint8_t> &mask,
                        double max_error) {
    Mat3 h = scaled(homography, 1 / svd(homography).values[1]);
    int64_t positive = 0, counted = 0;
    for (int64_t i = 0; i < points.count; ++i) {
        if (!mask[i]) continue;
        positive += dot(h * Vec3{points.x1[i], points.y1[i], 1}, {points.x2[i], points.y2[i], 1}) > 0;
        ++counted;
    }
    if (2 * positive < counted) h = scaled(h, -1);
    const Svd s = svd(h);
    const double upper = s.values[0] * s.values[0] - 1, lower = 1 - s.values[2] * s.values[2];
    const double p = std::sqrt(std::max(0.0, lower)), q = std::sqrt(std::max(0.0, upper)),
                 norm = std::sqrt(p * p + q * q);
    Pose best;
    best.in_front = -1;
    double least = std::numeric_limits<double>::infinity(), next = least;
    if (!(norm > 0)) return best;
    const Vec3 v1 = column(s.v, 0), v2 = column(s.v, 1), v3 = column(s.v, 2);
    for (int choice = 0; choice < 4; ++choice) {
        Vec3 u;
        for (int k = 0; k < 3; ++k) u[k] = (p * v1[k] + (choice & 1 ? -q : q) * v3[k]) / norm;
        const Vec3 n = cross(v2, u), hv = h * v2, hu = h * u;
        Pose pose;
        pose.r = of_columns(hv, hu, cross(hv, hu)) * transposed(of_columns(v2, u, n));
        const Vec3 hn = h * n, rn = pose.r * n;
        const double sign = choice & 2 ? -1 : 1;
        for (int k = 0; k < 3; ++k) pose.t[k] = sign * (hn[k] - rn[k]);
        if (!(dot(pose.t, pose.t) > 0)) continue;
        pose.t = normalized(pose.t);
        look(pose, points, mask);
        float inliers;
        const Mat3 essential = skew(pose.t) * pose.r;
        const double cost = lanes().score(kEssential, essential.data(), points, max_error,
                                          std::numeric_limits<float>::infinity(), &inliers) +
                            behind(pose, points, mask, max_error);
        if (!(pose.in_front > 0)) continue;
        next = std::min(next, std::max(least, cost));
        if (cost < least) {
            best = pose;
            least = cost;
        }
    }
    if (std::isfinite(least)) best.margin = next - least;
    return best;
}

}  // namespace two_view
