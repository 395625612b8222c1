// How the reduced system of a bundle adjustment is laid out for a GPU, by the host.
#pragma once
#include <vector>

#include "adjustment_kernels.h"

namespace splat {

// Bands of lenses come first, and so do their targets: what takes longest is begun first.
struct ReductionLayout {
    std::vector<Part> parts;
    std::vector<Entry> entries;
    std::vector<Band> bands;
    std::vector<Target> targets;
    std::vector<int32_t> part_of_lens;
    std::vector<int64_t> first_partner;
};

// Nothing where no camera moves. `state`: of the host.
ReductionLayout layout_of(const adjustment::Structure &in, const adjustment::State &state);

}  // namespace splat
