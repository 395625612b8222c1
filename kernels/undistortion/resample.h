// Photos without the distortion of their lens: where each pixel of a pinhole camera lies in the photo, and what is there.
#pragma once
#include <cstddef>
#include <cstdint>

namespace undistortion {

struct Pinhole {
    double fx, fy, cx, cy;  // pixels; the middle of the first pixel is at 0.5
};

// x and y of a place in a photo, from the middle of its first pixel.
struct Place {
    float x, y;
};

// A photo of 8-bit channels, row by row.
struct Photo {
    const uint8_t *data;
    int width, height, channels;
};

// Fills `out` [count][channels] with what the photo shows at these places, between four pixels in proportion; 0 outside of
// the middles of its outermost pixels.
void resample(const Photo &photo, const Place *places, size_t count, uint8_t *out);

// Fills `out` [height][width][channels] with what a pinhole camera would have seen in place of the photo's lens: COLMAP's
// model of this number, with its parameters. Throws std::invalid_argument where the model is none that we know, or has
// another number of parameters.
void straighten(const Photo &photo, int model, const double *parameters, size_t count, const Pinhole &pinhole,
                int width, int height, uint8_t *out);

}  // namespace undistortion
