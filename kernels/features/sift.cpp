// From extrema to features: directions, descriptors, and how many.
#include "sift.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "arithmetic.h"

namespace features {
namespace {

constexpr int kBand = 32;  // rows

void gradients_of(const Kernel &kernel, const Plane &level, Gradients &out) {
    if (out.modulus.width != level.width || out.modulus.height != level.height)
        out = {Plane(level.width, level.height), Plane(level.width, level.height)};
    for (int y = 0; y < level.height; ++y) {
        const int above = std::max(y - 1, 0), below = std::min(y + 1, level.height - 1);
        kernel.gradients(level.row(above), level.row(below), below - above == 2 ? 0.5f : 1.0f, level.row(y),
                         level.width, out.modulus.row(y), out.turns.row(y));
    }
}

// The first two directions, in turns, in which a smoothed histogram has a peak of 0.8 of the highest (Lowe 2004, 5).
int peaks_of(const int32_t histogram[kBins], double turns[kOrientations]) {
    double h[kBins], previous[kBins];
    for (int i = 0; i < kBins; ++i) h[i] = double(histogram[i]);
    for (int round = 0; round < 6; ++round) {
        std::copy(h, h + kBins, previous);
        for (int i = 0; i < kBins; ++i)
            h[i] = (previous[(i + kBins - 1) % kBins] + previous[i] + previous[(i + 1) % kBins]) / 3;
    }
    const double least = 0.8 * *std::max_element(h, h + kBins);
    int count = 0;
    for (int i = 0; i < kBins && count < kOrientations; ++i) {
        const double before = h[(i + kBins - 1) % kBins], after = h[(i + 1) % kBins];
        if (!(h[i] > least && h[i] > before && h[i] > after)) continue;
        const double offset = -0.5 * (after - before) / (after + before - 2 * h[i]);
        double turn = (i + offset + 0.5) / kBins;
        if (turn < 0) turn += 1;
        if (turn >= 1) turn -= 1;
        turns[count++] = turn;
    }
    return count;
}

// A keypoint's directions, and where the first of its features goes.
struct Directions {
    double turns[kOrientations];
    int count, place;
};

}  // namespace

void extract(const Kernel &kernel, const uint8_t *grey, int width, int height, int first_octave, int most,
             std::vector<Feature> &features, std::vector<uint8_t> &descriptors) {
    const ScaleSpace space = scale_space(kernel, grey, width, height, first_octave);
    const std::vector<Keypoint> &points = space.keypoints;
    Gradients gradients;
    std::vector<Directions> directions;
    std::vector<int> order;
    for (size_t first = 0, end; first < points.size() && int(features.size()) < most; first = end) {
        const int octave = points[first].octave, level = points[first].level;
        for (end = first; end < points.size() && points[end].octave == octave && points[end].level == level;) ++end;
        gradients_of(kernel, space.octaves[octave][level - 1], gradients);
        const float *modulus = gradients.modulus.pixels.data(), *turns = gradients.turns.pixels.data();
        const int w = gradients.modulus.width, h = gradients.modulus.height, stride = gradients.modulus.stride;

        // Neighbours one after the other: they look at the same gradients, which are then in the cache.
        order.resize(end - first);
        std::iota(order.begin(), order.end(), 0);
        std::sort(order.begin(), order.end(), [&](int a, int b) {
            const Keypoint &p = points[first + a], &q = points[first + b];
            return std::make_tuple(p.row / kBand, p.column, a) < std::make_tuple(q.row / kBand, q.column, b);
        });
        directions.resize(end - first);
        for (int i : order) {
            const Keypoint &point = points[first + i];
            int32_t histogram[kBins];
            kernel.orientations(modulus, turns, w, h, stride, float(point.x), float(point.y), float(point.sigma),
                                histogram);
            directions[i].count = peaks_of(histogram, directions[i].turns);
        }
        int next = int(features.size());
        for (Directions &some : directions) {
            some.place = next;
            some.count = std::min(some.count, most - next);
            next += some.count;
        }
        features.resize(next);
        descriptors.resize(size_t(next) * kDescriptor);
        const double pixel = std::ldexp(1.0, octave + first_octave);
        for (int i : order)
            for (int k = 0; k < directions[i].count; ++k) {
                const Keypoint &point = points[first + i];
                const double turn = directions[i].turns[k];
                double sine, cosine;
                sine_and_cosine(turn, sine, cosine);
                const size_t place = directions[i].place + k;
                features[place] = {float(point.x * pixel + 0.5), float(point.y * pixel + 0.5),
                                   float(point.sigma * pixel), float(cosine), float(sine)};
                kernel.describe(modulus, turns, w, h, stride, float(point.x), float(point.y), float(point.sigma),
                                float(turn), float(cosine), float(sine), descriptors.data() + place * kDescriptor);
            }
    }
}

}  // namespace features
