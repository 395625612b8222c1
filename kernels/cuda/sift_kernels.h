// The kernels of SIFT, with the threads of their blocks. Both halves include this, as kernels.h. Each loops over its items in
// steps of the whole grid, or gives a block to an item and loops within: so any number of threads does the same.
#pragma once
#include "both_halves.h"
#include "../features/method.h"

namespace splat {

constexpr int kPixelBlock = 256;
constexpr int kOrientationBlock = 64;
constexpr int kDescribeBlock = 128;
constexpr unsigned kMostBlocks = 1 << 16;

constexpr int kMostTaps = 16;  // the widest blur of SIFT has 14 from its middle on
struct BlurWeights {
    float weight[kMostTaps];
    int radius;
};

struct SiftLevels {  // of an octave, without gaps between rows
    const float *level[features::kLevels];
    int width, height;
};

struct GradientImages {
    const float *modulus, *turns;
    int width, height;
};

struct FoundDirections {
    double turns[features::kOrientations];
    int count, unused;
};

extern "C" {

// sift.cu
__global__ void grey_kernel(const uint8_t *grey, int width, int height, bool doubled, float *out);
__global__ void blur_kernel(const float *in, int width, int height, bool along, BlurWeights weights, float *out);
__global__ void halve_kernel(const float *in, int width, int height, float *out);
__global__ void extrema_kernel(SiftLevels levels, int octave, int room, features::Keypoint *found, int *count);
__global__ void gradients_kernel(const float *level, int width, int height, float *modulus, float *turns);
__global__ void orientations_kernel(GradientImages images, const features::Keypoint *points, FoundDirections *found);
__global__ void describe_kernel(GradientImages images, const features::Pose *poses, uint8_t *descriptors);

}  // extern "C"

}  // namespace splat
