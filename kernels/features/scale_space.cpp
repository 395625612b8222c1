// Blurred octaves, the extrema of their differences, and where exactly these lie.
#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

#include "arithmetic.h"
#include "sift.h"

namespace features {
namespace {

// Weights of a Gaussian from its middle to one side, to four sigmas; they sum up to 1.
std::vector<float> gaussian(double sigma) {
    const int radius = std::max(1, int(std::ceil(4 * sigma)));
    std::vector<double> weights(radius + 1);
    double sum = 0;
    for (int k = 0; k <= radius; ++k) {
        weights[k] = exponential(-0.5 * (k / sigma) * (k / sigma));
        sum += k ? 2 * weights[k] : weights[k];
    }
    std::vector<float> shares;
    for (double weight : weights) shares.push_back(float(weight / sum));
    return shares;
}

// Pixels beyond the edge are as those at it.
void blur(const Kernel &kernel, const Plane &in, double sigma, Plane &out) {
    const std::vector<float> weights = gaussian(sigma);
    const int radius = int(weights.size()) - 1;
    std::vector<float> scratch(in.stride + 2 * (radius + 8));
    std::vector<const float *> rows(2 * radius + 1);
    for (int y = 0; y < in.height; ++y) {
        for (int k = -radius; k <= radius; ++k) rows[k + radius] = in.row(std::clamp(y + k, 0, in.height - 1));
        kernel.blur_row(rows.data(), in.width, in.stride, weights.data(), radius, scratch.data(), out.row(y));
    }
}

Plane as_floats(const uint8_t *grey, int width, int height) {
    Plane out(width, height);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) out.row(y)[x] = float(grey[size_t(y) * width + x]) / 255.0f;
    return out;
}

// Twice as large; pixels between others are their mean.
Plane doubled(const Plane &in) {
    Plane wide(2 * in.width, in.height), out(2 * in.width, 2 * in.height);
    for (int y = 0; y < in.height; ++y)
        for (int x = 0; x < in.width; ++x) {
            const float here = in.row(y)[x], next = in.row(y)[std::min(x + 1, in.width - 1)];
            wide.row(y)[2 * x] = here;
            wide.row(y)[2 * x + 1] = 0.5f * (here + next);
        }
    for (int y = 0; y < in.height; ++y)
        for (int x = 0; x < wide.width; ++x) {
            const float here = wide.row(y)[x], next = wide.row(std::min(y + 1, in.height - 1))[x];
            out.row(2 * y)[x] = here;
            out.row(2 * y + 1)[x] = 0.5f * (here + next);
        }
    return out;
}

void halve(const Plane &in, Plane &out) {
    for (int y = 0; y < out.height; ++y)
        for (int x = 0; x < out.width; ++x) out.row(y)[x] = in.row(2 * y)[2 * x];
}

typedef std::array<Plane *, kLevels> Levels;

// Moves an extremum, by pixels, to where a quadratic through its neighbours has its own, and keeps it if that is clear and
// no edge (Lowe 2004, 4 and 4.1).
bool refine(const Levels &levels, Keypoint &point) {
    const int width = levels[0]->width, height = levels[0]->height, s = point.level;
    int x = point.column, y = point.row;
    double bx, by, bs, value, score;
    for (int step = 0;; ++step) {
        const auto at = [&](int dx, int dy, int ds) {
            return double(levels[s + ds + 1]->row(y + dy)[x + dx] - levels[s + ds]->row(y + dy)[x + dx]);
        };
        const double middle = at(0, 0, 0);
        const double gx = 0.5 * (at(1, 0, 0) - at(-1, 0, 0)), gy = 0.5 * (at(0, 1, 0) - at(0, -1, 0)),
                     gs = 0.5 * (at(0, 0, 1) - at(0, 0, -1));
        const double xx = at(1, 0, 0) + at(-1, 0, 0) - 2 * middle, yy = at(0, 1, 0) + at(0, -1, 0) - 2 * middle,
                     ss = at(0, 0, 1) + at(0, 0, -1) - 2 * middle;
        const double xy = 0.25 * (at(1, 1, 0) + at(-1, -1, 0) - at(-1, 1, 0) - at(1, -1, 0)),
                     xs = 0.25 * (at(1, 0, 1) + at(-1, 0, -1) - at(-1, 0, 1) - at(1, 0, -1)),
                     ys = 0.25 * (at(0, 1, 1) + at(0, -1, -1) - at(0, -1, 1) - at(0, 1, -1));
        // Cofactors of the Hessian: its inverse times its determinant.
        const double cxx = yy * ss - ys * ys, cxy = xs * ys - xy * ss, cxs = xy * ys - yy * xs;
        const double cyy = xx * ss - xs * xs, cys = xy * xs - xx * ys, css = xx * yy - xy * xy;
        const double determinant = xx * cxx + xy * cxy + xs * cxs;
        if (!(std::fabs(determinant) > 1e-30)) return false;
        bx = -(cxx * gx + cxy * gy + cxs * gs) / determinant;
        by = -(cxy * gx + cyy * gy + cys * gs) / determinant;
        bs = -(cxs * gx + cys * gy + css * gs) / determinant;
        value = middle + 0.5 * (gx * bx + gy * by + gs * bs);
        score = css > 0 ? (xx + yy) * (xx + yy) / css : -1;
        if (step == kRefinements - 1) break;
        const int dx = (bx > 0.6 && x < width - 2) - (bx < -0.6 && x > 1);
        const int dy = (by > 0.6 && y < height - 2) - (by < -0.6 && y > 1);
        if (!dx && !dy) break;
        x += dx;
        y += dy;
    }
    const double at_x = x + bx, at_y = y + by;
    if (!(std::fabs(value) > kPeak && score >= 0 && score < (kEdge + 1) * (kEdge + 1) / kEdge)) return false;
    if (!(std::fabs(bx) < 1.5 && std::fabs(by) < 1.5 && std::fabs(bs) < 1.5)) return false;
    if (!(at_x >= 0 && at_x <= width - 1 && at_y >= 0 && at_y <= height - 1)) return false;
    const double sigma = kFirstSigma * exponential((s + bs) * (0.6931471805599453 / kScales));
    point = {point.octave, s, y, x, at_x, at_y, sigma, std::fabs(value)};
    return true;
}

void find_extrema(const Kernel &kernel, const Levels &levels, int octave, std::vector<Keypoint> &keypoints) {
    const int width = levels[0]->width, height = levels[0]->height, stride = levels[0]->stride;
    std::vector<float> ring(size_t(3) * kDifferences * (stride + kSlack));  // three rows of each difference
    const auto difference = [&](int d, int y) {
        return ring.data() + size_t(y % 3 * kDifferences + d) * (stride + kSlack);
    };
    std::vector<int32_t> columns(width);
    for (int y = 0; y < height; ++y) {
        for (int d = 0; d < kDifferences; ++d)
            kernel.subtract(levels[d + 1]->row(y), levels[d]->row(y), stride, difference(d, y));
        if (y < 2) continue;
        for (int level = 1; level <= kScales; ++level) {
            const float *rows[3][3];
            for (int d = 0; d < 3; ++d)
                for (int row = 0; row < 3; ++row) rows[d][row] = difference(level - 1 + d, y - 2 + row);
            const int count = kernel.extrema(rows, width, kFirstPeak, columns.data());
            for (int i = 0; i < count; ++i) {
                Keypoint point = {octave, level, y - 1, columns[i], 0, 0, 0, 0};
                if (refine(levels, point)) keypoints.push_back(point);
            }
        }
    }
}

// The coarsest first, of a level the clearest; no two of one pixel, where two extrema moved to the same.
void put_in_order(std::vector<Keypoint> &keypoints) {
    const auto key = [](const Keypoint &p) { return std::make_tuple(-p.octave, -p.level, -p.value, p.row, p.column); };
    std::sort(keypoints.begin(), keypoints.end(),
              [&](const Keypoint &a, const Keypoint &b) { return key(a) < key(b); });
    const auto same = [&](const Keypoint &a, const Keypoint &b) { return key(a) == key(b); };
    keypoints.erase(std::unique(keypoints.begin(), keypoints.end(), same), keypoints.end());
}

}  // namespace

ScaleSpace scale_space(const Kernel &kernel, const uint8_t *grey, int width, int height, int first_octave) {
    ScaleSpace space;
    Plane base = as_floats(grey, width, height);
    if (first_octave < 0) base = doubled(base);
    const double photo_sigma = first_octave < 0 ? 2 * kPhotoSigma : kPhotoSigma;
    for (int octave = 0; octave < kOctaves && std::min(base.width, base.height) >= 3; ++octave) {
        Plane others[kLevels];  // those that only the search needs
        std::vector<Plane> kept;
        Levels levels;
        kept.reserve(kScales);
        for (int level = 0; level < kLevels; ++level) {
            const bool keep = level >= 1 && level <= kScales;
            if (keep) kept.emplace_back(base.width, base.height);
            if (!keep && level) others[level] = Plane(base.width, base.height);
            levels[level] = keep ? &kept.back() : &others[level];
        }
        if (octave == 0) {
            others[0] = Plane(base.width, base.height);
            blur(kernel, base, std::sqrt(kFirstSigma * kFirstSigma - photo_sigma * photo_sigma), others[0]);
        } else {
            others[0] = std::move(base);
        }
        double sigma = kFirstSigma * std::sqrt(kScaleStep * kScaleStep - 1);  // of the blur from level 0 to 1
        for (int level = 1; level < kLevels; ++level, sigma *= kScaleStep)
            blur(kernel, *levels[level - 1], sigma, *levels[level]);
        find_extrema(kernel, levels, octave, space.keypoints);
        const Plane &seed = *levels[kScales];  // at twice the blur of level 0
        base = Plane(seed.width / 2, seed.height / 2);
        halve(seed, base);
        space.octaves.push_back(std::move(kept));
    }
    put_in_order(space.keypoints);
    return space;
}

}  // namespace features
