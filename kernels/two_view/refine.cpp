#include "refine.h"

#include <cstdlib>
#include <cstring>
#include <limits>

namespace two_view {

const Lanes &lanes() {
#if defined(TWO_VIEW_X86)
    __builtin_cpu_init();
    const char *wish = std::getenv("SPLATWORKER_ISA");
    if (__builtin_cpu_supports("avx2") && !(wish && !std::strcmp(wish, "baseline"))) return avx2_lanes();
#endif
    return plain_lanes();
}

namespace {

template <Kind Of>
Refined refine_one(const Mat3 &start, const Points &points, double max_error, int most_steps) {
    Refinement<Of> refinement;
    const auto look = [&] { lanes().accumulate(Of, refinement.asked.data(), points, max_error, refinement.there()); };
    refinement.begin(start, most_steps);
    look();
    refinement.accept();
    while (refinement.may_step()) {
        for (int k = 0; k < kFreedom<Of>; ++k) refinement.fill_g(k);
        for (int k = 0; k < kFreedom<Of>; ++k) {
            for (int i = 0; i < 9; ++i) refinement.fill_half(k, i);
            refinement.fill_b(k);
        }
        for (int k = 0; k < kFreedom<Of>; ++k)
            for (int l = 0; l <= k; ++l) refinement.fill_a(k, l);
        while (refinement.propose()) {
            look();
            if (refinement.judge()) break;
        }
    }
    return refinement.result();
}

}  // namespace

Refined refine(Kind kind, const Mat3 &start, const Points &points, double max_error, int most_steps) {
    switch (kind) {
        case kEssential:
            return refine_one<kEssential>(start, points, max_error, most_steps);
        case kFundamental:
            return refine_one<kFundamental>(start, points, max_error, most_steps);
        case kTurn:
            return refine_one<kTurn>(start, points, max_error, most_steps);
        default:
            return refine_one<kHomography>(start, points, max_error, most_steps);
    }
}

double squared_error(Kind kind, const Mat3 &m, const Points &p, int64_t i) {
    const double x1 = p.x1[i], y1 = p.y1[i], x2 = p.x2[i], y2 = p.y2[i];
    const double ax = m[0] * x1 + m[1] * y1 + m[2], ay = m[3] * x1 + m[4] * y1 + m[5];
    const double az = m[6] * x1 + m[7] * y1 + m[8];
    double above, below;
    if (kind == kHomography || kind == kTurn) {
        const double ex = ax - x2 * az, ey = ay - y2 * az;
        above = ex * ex + ey * ey;
        below = p.s2[i] * az * az;
    } else {
        const double bx = m[0] * x2 + m[3] * y2 + m[6], by = m[1] * x2 + m[4] * y2 + m[7];
        const double c = x2 * ax + y2 * ay + az;
        above = c * c;
        below = p.s2[i] * (ax * ax + ay * ay) + p.s1[i] * (bx * bx + by * by);
    }
    const double squared = above / below;
    return squared >= 0 ? squared : std::numeric_limits<double>::infinity();
}

}  // namespace two_view
