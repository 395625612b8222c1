// SIFT on a GPU, for host code.
#pragma once
#include <cstdint>
#include <vector>

#include "../features/keypoints.h"

namespace splat {

// Features of a grey photo, the same bytes as features::extract gives; the GPU in use does the work, and this returns when it
// is done. Throws std::runtime_error, also where its memory is too small: about 44 bytes a pixel, four times that doubled.
void sift(const uint8_t *grey, int width, int height, int first_octave, int most, std::vector<features::Feature> &found,
          std::vector<uint8_t> &descriptors);

}  // namespace splat
