// Blurred octaves, the extrema of their differences, and where exactly these lie.
#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "keypoints.h"
#include "refine.h"
#include "sift.h"

namespace features {
namespace {

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

void find_extrema(const Kernel &kernel, const Levels &levels, int octave, std::vector<Keypoint> &keypoints) {
    const int width = levels[0]->width, height = levels[0]->height, stride = levels[0]->stride;
    std::vector<float> ring(size_t(3) * kDifferences * (stride + kSlack));  // three rows of each difference
    const auto difference = [&](int d, int y) {
        return ring.data() + size_t(y % 3 * kDifferences + d) * (stride + kSlack);
    };
    const auto pixel = [&](int level, int y, int x) { return levels[level]->row(y)[x]; };
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
                if (refine(pixel, width, height, point)) keypoints.push_back(point);
            }
        }
    }
}

}  // namespace

ScaleSpace scale_space(const Kernel &kernel, const uint8_t *grey, int width, int height, int first_octave) {
    ScaleSpace space;
    Plane base = as_floats(grey, width, height);
    if (first_octave < 0) base = doubled(base);
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
            blur(kernel, base, sigma_to_first(first_octave), others[0]);
        } else {
            others[0] = std::move(base);
        }
        for (int level = 1; level < kLevels; ++level) blur(kernel, *levels[level - 1], sigma_to(level), *levels[level]);
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
