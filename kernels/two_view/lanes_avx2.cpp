// The loops with AVX2, and without its fused products and sums.
#include "lanes.h"
#include "lanes.inl"

namespace two_view {

const Lanes &avx2_lanes() {
    static const Lanes lanes = {"avx2", score, accumulate};
    return lanes;
}

}  // namespace two_view
