// The loops of SIFT that are compiled once per instruction set, and the method's constants.
#pragma once
#include <cstdint>

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

// The loops that are compiled once per instruction set. All of them give the same bits on each.
struct Kernel {
    const char *isa;
    // out = one row of a separable blur: `rows` are the 2 radius + 1 rows around it, `weights` radius + 1 from the middle
    // on. `scratch` holds stride + 2 (radius + 8) floats.
    void (*blur_row)(const float *const *rows, int width, int stride, const float *weights, int radius, float *scratch,
                     float *out);
    void (*subtract)(const float *a, const float *b, int count, float *out);
    // Columns of [1, width - 2] where the middle row of the middle of three differences is an extremum among its 26
    // neighbours; `rows` are [difference][row]; `found` has room for `width`.
    int (*extrema)(const float *const rows[3][3], int width, float least, int32_t *found);
    // One row's gradients from the rows above and below, their distance, and the row itself.
    void (*gradients)(const float *above, const float *below, float vertical, const float *row, int width,
                      float *modulus, float *turns);
    void (*orientations)(const float *modulus, const float *turns, int width, int height, int stride, float x, float y,
                         float sigma, int32_t histogram[kBins]);
    void (*describe)(const float *modulus, const float *turns, int width, int height, int stride, float x, float y,
                     float sigma, float turn, float cosine, float sine, uint8_t descriptor[kDescriptor]);
};

const Kernel &baseline_kernel();
#if defined(FEATURES_X86)
const Kernel &avx2_kernel();
#endif

}  // namespace features
