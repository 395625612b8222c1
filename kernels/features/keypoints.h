// What the CPU and the GPU's host do alike: weights of blurs, the order of keypoints, and which features they become.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "method.h"

namespace features {

struct Feature {
    float x, y, scale, cosine, sine;  // pixels of the photo, the first one's middle at 0.5; its direction
};

struct Directions {  // of a keypoint, in turns
    double turns[kOrientations];
    int count;
};

// Weights of a Gaussian from its middle to one side, to four sigmas; they sum up to 1.
std::vector<float> gaussian(double sigma);

// The blur that makes level 0 of the first octave, and that from the level before to this one, in the octave's pixels.
double sigma_to_first(int first_octave);
double sigma_to(int level);

// The coarsest first, of a level the clearest; no two of one pixel, where two extrema moved to the same.
void put_in_order(std::vector<Keypoint> &keypoints);

// Keypoints from `first` on up to this are of one level.
size_t end_of_level(const std::vector<Keypoint> &keypoints, size_t first);

// Keypoints [first, end), counted from 0, in an order in which neighbours follow one another: they look at the same
// gradients, which are then in the cache.
std::vector<int> by_place(const std::vector<Keypoint> &keypoints, size_t first, size_t end);

// Makes room for the features of keypoints, as many as still fit; where each keypoint's begin.
std::vector<int> give_places(std::vector<Directions> &directions, int most, std::vector<Feature> &features,
                             std::vector<uint8_t> &descriptors);

Pose pose_of(const Keypoint &point, double turn);
Feature feature_of(const Keypoint &point, const Pose &pose, int first_octave);

}  // namespace features
