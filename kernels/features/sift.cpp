// From extrema to features: directions, descriptors, and how many.
#include "sift.h"

#include <algorithm>
#include <cmath>

#include "arithmetic.h"

namespace features {
namespace {

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

}  // namespace

void extract(const Kernel &kernel, const uint8_t *grey, int width, int height, int first_octave, int most,
             std::vector<Feature> &features, std::vector<uint8_t> &descriptors) {
    const ScaleSpace space = scale_space(kernel, grey, width, height, first_octave);
    Gradients gradients;
    int octave = -1, level = -1;
    for (const Keypoint &point : space.keypoints) {
        if (int(features.size()) >= most) return;
        if (point.octave != octave || point.level != level) {
            octave = point.octave, level = point.level;
            gradients_of(kernel, space.octaves[octave][level - 1], gradients);
        }
        const float *modulus = gradients.modulus.pixels.data(), *turns = gradients.turns.pixels.data();
        const int w = gradients.modulus.width, h = gradients.modulus.height, stride = gradients.modulus.stride;
        const float x = float(point.x), y = float(point.y), sigma = float(point.sigma);
        int32_t histogram[kBins];
        double peaks[kOrientations];
        kernel.orientations(modulus, turns, w, h, stride, x, y, sigma, histogram);
        const int count = peaks_of(histogram, peaks);
        const double pixel = std::ldexp(1.0, octave + first_octave);
        for (int i = 0; i < count && int(features.size()) < most; ++i) {
            double sine, cosine;
            sine_and_cosine(peaks[i], sine, cosine);
            features.push_back({float(point.x * pixel + 0.5), float(point.y * pixel + 0.5), float(point.sigma * pixel),
                                float(cosine), float(sine)});
            descriptors.resize(descriptors.size() + kDescriptor);
            kernel.describe(modulus, turns, w, h, stride, x, y, sigma, float(peaks[i]), float(cosine), float(sine),
                            descriptors.data() + descriptors.size() - kDescriptor);
        }
    }
}

}  // namespace features
