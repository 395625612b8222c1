// Sums of the rows of each label: where a cluster's members move its middle to.
#pragma once
#include <cstdint>

namespace splat {

// sums[label], [kinds][width], becomes the sum of all rows [count][width] of that label, in their order.
void sums_of_labels(const float *rows, const int32_t *labels, int64_t count, int width, int64_t kinds, float *sums);

}  // namespace splat
