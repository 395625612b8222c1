// The loops for any processor.
#include "lanes.h"
#include "lanes.inl"

namespace two_view {

const Lanes &plain_lanes() {
    static const Lanes lanes = {"plain", score, accumulate};
    return lanes;
}

}  // namespace two_view
