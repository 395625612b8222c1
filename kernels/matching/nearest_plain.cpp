// The specification of the search, one pair of descriptors after the other.
#include "nearest.h"

namespace matching {
namespace {

inline void enter(uint16_t score, uint16_t from, uint16_t &index, uint16_t &best, uint16_t &second) {
    if (score > best) {
        second = best;
        best = score;
        index = from;
    } else if (score > second) {
        second = score;
    }
}

void find(const int8_t *rows, int64_t row_count, const uint8_t *columns, int64_t column_count, uint16_t *row_index,
          uint16_t *row_best, uint16_t *row_second, uint16_t *column_index, uint16_t *column_best,
          uint16_t *column_second) {
    for (int64_t i = 0; i < row_count; ++i) {
        for (int64_t j = 0; j < column_count; ++j) {
            const int8_t *a = rows + i * kDimensions;
            const uint8_t *b = columns + j * kDimensions;
            int score = 0;
            for (int k = 0; k < kDimensions; ++k) score += int(a[k]) * int(b[k]);
            enter(uint16_t(score), uint16_t(j), row_index[i], row_best[i], row_second[i]);
            enter(uint16_t(score), uint16_t(i), column_index[j], column_best[j], column_second[j]);
        }
    }
}

}  // namespace

const Kernel &plain_kernel() {
    static const Kernel kernel = {"plain", 1, 1, 1, 2, nullptr, find};
    return kernel;
}

}  // namespace matching
