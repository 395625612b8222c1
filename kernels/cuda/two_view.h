// Two-view geometry on a GPU, for host code.
#pragma once
#include <vector>

#include "../two_view/verify.h"

namespace splat {

struct PairToVerify {
    two_view::Points points;
    bool calibrated;
    uint32_t first, second;
};

// The same as two_view::verify gives of each pair. The GPU in use estimates models, of all pairs at once; what lies
// between is this thread's work. Throws std::runtime_error, also where the GPU's memory is too small: 72 bytes a match and
// 92 KB a pair, of up to 512 at a time.
std::vector<two_view::Geometry> verify(const std::vector<PairToVerify> &pairs, const two_view::Rules &rules,
                                       uint64_t seed);

}  // namespace splat
