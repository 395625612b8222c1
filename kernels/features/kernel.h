// The loops of SIFT that are compiled once per instruction set.
#pragma once
#include <cstdint>

#include "method.h"

namespace features {

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
    void (*describe)(const float *modulus, const float *turns, int width, int height, int stride, const Pose &pose,
                     uint8_t descriptor[kDescriptor]);
};

const Kernel &baseline_kernel();
#if defined(FEATURES_X86)
const Kernel &avx2_kernel();
#endif

}  // namespace features
