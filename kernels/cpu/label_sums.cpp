#include "label_sums.h"

#include <algorithm>

namespace splat {

void sums_of_labels(const float *rows, const int32_t *labels, int64_t count, int width, int64_t kinds, float *sums) {
    std::fill_n(sums, kinds * width, 0.0f);
    for (int64_t k = 0; k < count; ++k) {
        const float *row = rows + k * width;
        float *sum = sums + labels[k] * int64_t(width);
        for (int d = 0; d < width; ++d) sum[d] += row[d];
    }
}

}  // namespace splat
