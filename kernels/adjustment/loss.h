// Robust losses: what a squared residual costs, and with which weight its equation counts.
#pragma once
#include "lens.h"

namespace adjustment {

enum Loss : int32_t { kPlain, kHuber, kSoftL1, kCauchy, kGemanMcClure, kLosses };

// The cost rho(s) of s, a squared residual in squares of `scale`... in pixels: as Ceres defines each, rho(s) ~ s for small
// s. `weight` gets rho'(s): with equations weighted by it the gradient is that of the robust cost, so that a solution of
// the weighted problem with its own weights is a minimum of the cost (iteratively reweighted least squares; Triggs et
// al. 2000, "Bundle Adjustment - A Modern Synthesis", 4.3, without the second derivative, which can be negative).
template <typename T>
ADJUSTMENT_BOTH T loss_of(Loss loss, T scale, T s, T &weight) {
    const T b = scale * scale;
    switch (loss) {
        case kHuber: {
            if (s <= b) break;
            const T root = root_of(s);
            weight = scale / root;
            return T(2) * scale * root - b;
        }
        case kSoftL1: {
            const T root = root_of(T(1) + s / b);
            weight = T(1) / root;
            return T(2) * b * (root - T(1));
        }
        case kCauchy:
            weight = b / (b + s);
            return b * log_of_one_plus(s / b);
        case kGemanMcClure:
            weight = b / (b + s) * (b / (b + s));
            return s * (b / (b + s));
        default:
            break;
    }
    weight = T(1);
    return s;
}

}  // namespace adjustment
