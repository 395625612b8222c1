// The method's constants, and an extremum. Also the GPU's kernels include this, which have no standard library.
#pragma once
#ifndef __CUDACC_RTC__
#include <cstdint>
#endif

#ifdef __CUDACC__
#define FEATURES_BOTH __host__ __device__
#else
#define FEATURES_BOTH
#endif

namespace features {

constexpr int kOctaves = 4, kScales = 3;           // scales an octave in which extrema are sought
constexpr int kLevels = kScales + 3;               // of Gaussian blur an octave
constexpr int kDifferences = kLevels - 1;          // of neighbouring levels
constexpr double kFirstSigma = 1.6;                // blur of an octave's level 0, in its pixels
constexpr double kPhotoSigma = 0.5;                // that a photo is taken to have
constexpr double kScaleStep = 1.2599210498948732;  // 2^(1/3), from level to level
constexpr double kPeak = 0.02 / kScales;           // an extremum's least difference, of grey in [0, 1]
constexpr float kFirstPeak = float(0.8 * kPeak);   // before its place is refined
constexpr double kEdge = 10;                       // the largest ratio of principal curvatures
constexpr int kRefinements = 5;                    // steps of a pixel at most
constexpr int kBins = 36;                          // of directions around a keypoint
constexpr int kOrientations = 2;                   // features of a keypoint at most
constexpr float kOrientationWindow = 1.5f;         // standard deviation, in the keypoint's sigmas
constexpr float kCell = 3;                         // side of one of a descriptor's 4x4 cells, in the keypoint's sigmas
constexpr int kDescriptor = 128;
constexpr float kFixedPoint = 4194304;  // 2^22: histograms are sums of integers, so their order is of no matter
constexpr float kLargest = 0.2f;        // share of a descriptor's length that an entry may have

// An extremum: which pixel of which octave and level, and where between them.
struct Keypoint {
    int octave, level, row, column;  // level in [1, kScales]
    double x, y, sigma, value;       // in the octave's pixels
};

// What a descriptor is made of: a keypoint in its level's pixels, and one of its directions, in turns and as a vector.
struct Pose {
    float x, y, sigma, turn, cosine, sine;
};

}  // namespace features
