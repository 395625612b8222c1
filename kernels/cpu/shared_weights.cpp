#include "shared_weights.h"

#include <algorithm>

namespace splat {

void shared_weights(const int64_t *photo, const double *weight, const int64_t *first, const double *scale,
                    int64_t points, int64_t photos, double *shared) {
    std::fill_n(shared, photos * photos, 0.0);
    for (int64_t k = 0; k < points; ++k)
        for (int64_t a = first[k]; a < first[k + 1]; ++a) {
            const double scaled = weight[a] * scale[k];
            double *row = shared + photo[a] * photos;
            for (int64_t b = first[k]; b < first[k + 1]; ++b) row[photo[b]] += scaled * weight[b];
        }
}

}  // namespace splat
