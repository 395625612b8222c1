// SIFT (Lowe 2004) with the sampling and the thresholds of VLFeat, as COLMAP uses it, and descriptors as square roots of
// L1-normalised histograms (Arandjelovic & Zisserman 2012). splatworker/sfm/sift_reference.py is the specification: the
// same arithmetic, in numpy, and the same bits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernel.h"
#include "keypoints.h"

namespace features {

// An image whose rows begin `stride` floats apart, an odd multiple of a cache line: the rows of a column then spread over
// the cache. Up to `kSlack` floats after the last row may be read.
constexpr int kSlack = 32;
struct Plane {
    int width, height, stride;
    std::vector<float> pixels;
    Plane() : width(0), height(0), stride(0) {}
    Plane(int w, int h) : width(w), height(h), stride(((w + 15) / 16 | 1) * 16), pixels(size_t(stride) * h + kSlack) {}
    float *row(int y) { return pixels.data() + size_t(stride) * y; }
    const float *row(int y) const { return pixels.data() + size_t(stride) * y; }
};

struct Gradients {  // of one level: length, and direction in turns
    Plane modulus, turns;
};

// Levels 1 to kScales of each octave, which descriptors are made of, and the extrema of all.
struct ScaleSpace {
    std::vector<std::vector<Plane>> octaves;
    std::vector<Keypoint> keypoints;
};

ScaleSpace scale_space(const Kernel &kernel, const uint8_t *grey, int width, int height, int first_octave);
void extract(const Kernel &kernel, const uint8_t *grey, int width, int height, int first_octave, int most,
             std::vector<Feature> &features, std::vector<uint8_t> &descriptors);

}  // namespace features
