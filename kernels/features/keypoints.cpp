#include "keypoints.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

#include "arithmetic.h"

namespace features {
namespace {

constexpr int kBand = 32;  // rows whose keypoints follow one another by column

}  // namespace

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

double sigma_to_first(int first_octave) {
    const double photo_sigma = first_octave < 0 ? 2 * kPhotoSigma : kPhotoSigma;
    return std::sqrt(kFirstSigma * kFirstSigma - photo_sigma * photo_sigma);
}

double sigma_to(int level) {
    double sigma = kFirstSigma * std::sqrt(kScaleStep * kScaleStep - 1);
    for (int i = 1; i < level; ++i) sigma *= kScaleStep;
    return sigma;
}

void put_in_order(std::vector<Keypoint> &keypoints) {
    const auto key = [](const Keypoint &p) { return std::make_tuple(-p.octave, -p.level, -p.value, p.row, p.column); };
    std::sort(keypoints.begin(), keypoints.end(),
              [&](const Keypoint &a, const Keypoint &b) { return key(a) < key(b); });
    const auto same = [&](const Keypoint &a, const Keypoint &b) { return key(a) == key(b); };
    keypoints.erase(std::unique(keypoints.begin(), keypoints.end(), same), keypoints.end());
}

size_t end_of_level(const std::vector<Keypoint> &keypoints, size_t first) {
    size_t end = first;
    while (end < keypoints.size() && keypoints[end].octave == keypoints[first].octave &&
           keypoints[end].level == keypoints[first].level)
        ++end;
    return end;
}

std::vector<int> by_place(const std::vector<Keypoint> &keypoints, size_t first, size_t end) {
    std::vector<int> order(end - first);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int a, int b) {
        const Keypoint &p = keypoints[first + a], &q = keypoints[first + b];
        return std::make_tuple(p.row / kBand, p.column, a) < std::make_tuple(q.row / kBand, q.column, b);
    });
    return order;
}

std::vector<int> give_places(std::vector<Directions> &directions, int most, std::vector<Feature> &features,
                             std::vector<uint8_t> &descriptors) {
    std::vector<int> places;
    int next = int(features.size());
    for (Directions &some : directions) {
        places.push_back(next);
        some.count = std::min(some.count, most - next);
        next += some.count;
    }
    features.resize(next);
    descriptors.resize(size_t(next) * kDescriptor);
    return places;
}

Pose pose_of(const Keypoint &point, double turn) {
    double sine, cosine;
    sine_and_cosine(turn, sine, cosine);
    return {float(point.x), float(point.y), float(point.sigma), float(turn), float(cosine), float(sine)};
}

Feature feature_of(const Keypoint &point, const Pose &pose, int first_octave) {
    const double pixel = std::ldexp(1.0, point.octave + first_octave);
    return {float(point.x * pixel + 0.5), float(point.y * pixel + 0.5), float(point.sigma * pixel), pose.cosine,
            pose.sine};
}

}  // namespace features
