// Dense start points on a GPU, for host code: depths by plane sweeps, and which of them photos agree on. All that is
// given lies in the GPU's memory; work is queued as that on arrays is (memory.h).
#pragma once
#include <cstdint>
#include <vector>

#include "memory.h"
#include "plane_sweep_kernels.h"

namespace splat {

// (3, rows, columns) bytes to grey values.
void mean_grey(Memory &memory, const uint8_t *photo, int64_t pixels, float *grey);

// Photos to sweep; `first_block` is filled in here. others, depths: those of all photos, one behind another.
void plane_sweep(Memory &memory, std::vector<SweepOf> sweeps, const std::vector<LaidOver> &others,
                 const std::vector<float> &depths);

// believed, fresh: of all photos' pixels, one behind another.
void confirm(Memory &memory, const std::vector<DepthsOf> &photos, const std::vector<int> &witnesses, const Asked &asked,
             uint8_t *believed, uint8_t *fresh);

}  // namespace splat
