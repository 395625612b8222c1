#include "verify.h"

#include <algorithm>
#include <array>

namespace two_view {
namespace {

// Of the points in one photo, in pixels: standard deviations along the line that fits them best, and across it.
struct Spread {
    double along, across;
};

Spread spread_of(const double *x, const double *y, const double *s, const std::vector<uint8_t> &mask) {
    double n = 0, mx = 0, my = 0;
    for (size_t i = 0; i < mask.size(); ++i)
        if (mask[i]) n += 1, mx += x[i], my += y[i];
    mx /= n, my /= n;
    double xx = 0, xy = 0, yy = 0, pixels = 0;
    for (size_t i = 0; i < mask.size(); ++i) {
        if (!mask[i]) continue;
        const double dx = x[i] - mx, dy = y[i] - my;
        xx += dx * dx, xy += dx * dy, yy += dy * dy, pixels += s[i];
    }
    const double half = (xx + yy) / 2, other = std::sqrt((xx - yy) * (xx - yy) / 4 + xy * xy);
    return {std::sqrt((half + other) / pixels), std::sqrt(std::max(0.0, half - other) / pixels)};
}

// How many of the masked matches differ from all others: a feature has several descriptors where it has several
// orientations, and the same point twice says nothing new.
int distinct(const Points &p, const std::vector<uint8_t> &mask) {
    std::vector<std::array<double, 4>> seen;
    for (int64_t i = 0; i < p.count; ++i)
        if (mask[i]) seen.push_back({p.x1[i], p.y1[i], p.x2[i], p.y2[i]});
    std::sort(seen.begin(), seen.end());
    return int(std::unique(seen.begin(), seen.end()) - seen.begin());
}

// In neither photo all on a line, on which any number of geometries agree.
bool is_spread(const Points &p, const std::vector<uint8_t> &mask, const Rules &rules) {
    return spread_of(p.x1, p.y1, p.s1, mask).across > rules.max_error &&
           spread_of(p.x2, p.y2, p.s2, mask).across > rules.max_error;
}

double log_binomial(int64_t n, int64_t k) {
    double sum = 0;
    for (int64_t i = 1; i <= k; ++i) sum += std::log(double(n - k + i) / double(i));
    return sum;
}

// The logarithm of how many models as good as this one unrelated matches would give: number of false alarms (Moisan &
// Stival, "A probabilistic criterion to detect rigid point matches between two images", 2004). A match lies within the
// error of a line, or of a point, by the chance that this much is of the area over which matches are spread: that of
// the rectangle with their deviations, in the photo where it is less.
double log_false_alarms(Kind kind, const Points &p, int inliers, const Rules &rules) {
    const std::vector<uint8_t> all(size_t(p.count), 1);
    const int sample = kind == kEssential ? 5 : kind == kFundamental ? 7 : 4;
    const int models = kind == kEssential ? 10 : kind == kFundamental ? 3 : 1;
    double chance = 0;
    for (const Spread &spread : {spread_of(p.x1, p.y1, p.s1, all), spread_of(p.x2, p.y2, p.s2, all)}) {
        const double wide = std::sqrt(12.0) * spread.along, high = std::sqrt(12.0) * spread.across;
        const double within = kind == kHomography ? 3.14159265358979 * rules.max_error * rules.max_error
                                                  : 2 * rules.max_error * std::sqrt(wide * wide + high * high);
        chance = std::max(chance, std::min(1.0, within / (wide * high)));
    }
    return std::log(double(models) * double(std::max<int64_t>(p.count - sample, 1))) + log_binomial(p.count, inliers) +
           log_binomial(inliers, sample) + (inliers - sample) * std::log(chance);
}

Kind kind_of(Configuration configuration) {
    return configuration == kCalibrated ? kEssential : configuration == kUncalibrated ? kFundamental : kHomography;
}

bool is_near(const Vec3 &epipole, double x, double y, double cosine) {
    const Vec3 ray = {x, y, 1};
    return std::fabs(dot(epipole, ray)) > cosine * std::sqrt(dot(epipole, epipole) * dot(ray, ray));
}

// Leaves of the masked matches those that pass the stricter tests.
void test_strictly(Geometry &g, const Points &p, const Rules &rules) {
    if (kind_of(g.configuration) == kHomography) return;
    const Mat3 &model = g.configuration == kCalibrated ? g.e.model : g.f.model;
    const Svd s = svd(model);
    const Vec3 first = column(s.v, 2), second = column(s.u, 2);
    const double cosine = std::cos(rules.min_epipole_deg * 0.017453292519943295);
    for (int64_t i = 0; i < p.count; ++i) {
        if (!g.mask[i]) continue;
        const bool near = rules.min_epipole_deg > 0 &&
                          (is_near(first, p.x1[i], p.y1[i], cosine) || is_near(second, p.x2[i], p.y2[i], cosine));
        bool behind = false;
        if (rules.cheirality && g.configuration == kCalibrated) {
            const Depths depths = depths_of(g.pose, p, i);
            behind = !(depths.first > 0 && depths.second > 0);
        }
        g.mask[i] = !near && !behind;
    }
}

void find_pose(Geometry &g, const Points &points, const Rules &rules) {
    if (g.configuration == kCalibrated) {
        g.pose = pose_of_essential(g.e.model, points, g.mask);
        g.has_pose = g.pose.in_front > 0;
        return;
    }
    if (g.configuration != kPlanarOrPanoramic) return;
    const Refined turn = refine(kTurn, g.h.model, points, rules.max_error, 10);
    if (turn.inliers >= rules.min_e_f_ratio * g.h.inliers) {
        g.configuration = kPanoramic;
        const Svd s = svd(turn.model);
        g.pose.r = s.u * transposed(s.v);
        if (determinant(g.pose.r) < 0) g.pose.r = scaled(g.pose.r, -1);
        g.has_pose = true;
        return;
    }
    g.pose = pose_of_homography(g.h.model, points, g.mask, rules.max_error);
    g.has_pose = g.pose.in_front > 0;
    if (g.has_pose) g.configuration = kPlanar;
}

}  // namespace

Verification::Verification(const Points &points, bool calibrated, const Rules &rules, uint64_t seed, uint32_t first,
                           uint32_t second)
    : points_(points), calibrated_(calibrated), rules_(rules), seed_(seed), first_(first), second_(second) {
    least_ = std::max(rules.min_inliers, int(std::ceil(rules.min_inlier_ratio * double(points.count))));
    next_ = points.count < least_ ? kAllAnswered : calibrated ? kEssential : kFundamental;
}

bool Verification::asks(Question &question) const {
    if (next_ == kAllAnswered) return false;
    const Kind kind = Kind(next_);
    question = {
        kind, {rules_.max_error, rules_.confidence, rules_.max_trials}, {seed_, first_, second_, kind}, least_, false,
        {}};
    // Others matter only by what they explain beside it: fewer trials tell whether they do.
    if (kind == kFundamental && e_.holds) {
        const int more = std::max(least_, int(e_.estimate.inliers / rules_.min_e_f_ratio));
        question.wanted = std::min(more, int(points_.count));
        question.has_start = true;
        question.start = e_.estimate.model;
    }
    if (kind == kHomography && general().holds)
        question.wanted = std::max(least_, int(rules_.max_h_ratio * general().estimate.inliers));
    return true;
}

void Verification::answer(const Estimate &estimate) {
    const Kind kind = Kind(next_);
    Found &found = kind == kEssential ? e_ : kind == kFundamental ? f_ : h_;
    found.estimate = estimate;
    found.mask.assign(size_t(points_.count), 0);
    if (estimate.found) {
        found.estimate.inliers = inliers_of(kind, estimate.model, points_, rules_.max_error, found.mask.data());
        const int different = distinct(points_, found.mask);
        found.holds = different >= rules_.min_inliers && is_spread(points_, found.mask, rules_) &&
                      log_false_alarms(kind, points_, different, rules_) < std::log(rules_.max_false_alarms);
    }
    next_ = kind == kHomography ? kAllAnswered : kind + 1;
}

bool Verification::believes_focal_lengths() const {
    return e_.holds && (!f_.holds || e_.estimate.inliers > rules_.min_e_f_ratio * f_.estimate.inliers);
}

const Verification::Found &Verification::general() const { return believes_focal_lengths() ? e_ : f_; }

Geometry Verification::geometry() const {
    Geometry g;
    g.mask.assign(size_t(points_.count), 0);
    g.e = e_.estimate, g.f = f_.estimate, g.h = h_.estimate;
    const Found &best = general();
    if (best.holds) {
        const bool believed = believes_focal_lengths();
        g.configuration = believed ? kCalibrated : kUncalibrated;
        g.mask = believed && f_.holds && f_.estimate.inliers > e_.estimate.inliers ? f_.mask : best.mask;
        g.inliers = int(std::count(g.mask.begin(), g.mask.end(), 1));
        if (h_.holds && h_.estimate.inliers > rules_.max_h_ratio * best.estimate.inliers) {
            g.configuration = kPlanarOrPanoramic;
            if (h_.estimate.inliers > g.inliers) g.mask = h_.mask;
        }
    } else if (h_.holds) {
        g.configuration = kPlanarOrPanoramic;
        g.mask = h_.mask;
    } else {
        return g;
    }
    if (calibrated_) find_pose(g, points_, rules_);
    if (rules_.cheirality || rules_.min_epipole_deg > 0) test_strictly(g, points_, rules_);
    g.inliers = int(std::count(g.mask.begin(), g.mask.end(), 1));
    if (g.inliers < least_ || !is_spread(points_, g.mask, rules_)) {
        g.configuration = kDegenerate;
        g.mask.assign(size_t(points_.count), 0);
        g.inliers = 0;
        g.has_pose = false;
    }
    return g;
}

Geometry verify(const Points &points, bool calibrated, const Rules &rules, uint64_t seed, uint32_t first,
                uint32_t second) {
    Verification verification(points, calibrated, rules, seed, first, second);
    for (Question question; verification.asks(question);) verification.answer(estimate(question, points));
    return verification.geometry();
}

}  // namespace two_view
