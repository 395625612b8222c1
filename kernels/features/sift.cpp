// From extrema to features: directions, descriptors, and how many.
#include "sift.h"

#include <algorithm>

#include "keypoints.h"
#include "peaks.h"

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

}  // namespace

void extract(const Kernel &kernel, const uint8_t *grey, int width, int height, int first_octave, int most,
             std::vector<Feature> &features, std::vector<uint8_t> &descriptors) {
    const ScaleSpace space = scale_space(kernel, grey, width, height, first_octave);
    const std::vector<Keypoint> &points = space.keypoints;
    Gradients gradients;
    for (size_t first = 0, end; first < points.size() && int(features.size()) < most; first = end) {
        end = end_of_level(points, first);
        const int octave = points[first].octave, level = points[first].level;
        gradients_of(kernel, space.octaves[octave][level - 1], gradients);
        const float *modulus = gradients.modulus.pixels.data(), *turns = gradients.turns.pixels.data();
        const int w = gradients.modulus.width, h = gradients.modulus.height, stride = gradients.modulus.stride;

        const std::vector<int> order = by_place(points, first, end);
        std::vector<Directions> directions(end - first);
        for (int i : order) {
            const Keypoint &point = points[first + i];
            int32_t histogram[kBins];
            kernel.orientations(modulus, turns, w, h, stride, float(point.x), float(point.y), float(point.sigma),
                                histogram);
            directions[i].count = peaks_of(histogram, directions[i].turns);
        }
        const std::vector<int> places = give_places(directions, most, features, descriptors);
        for (int i : order)
            for (int k = 0; k < directions[i].count; ++k) {
                const Keypoint &point = points[first + i];
                const Pose pose = pose_of(point, directions[i].turns[k]);
                const size_t place = places[i] + k;
                features[place] = feature_of(point, pose, first_octave);
                kernel.describe(modulus, turns, w, h, stride, pose, descriptors.data() + place * kDescriptor);
            }
    }
}

}  // namespace features
