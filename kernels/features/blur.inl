// A row of a separable blur: down the columns into a buffer, then along that. Weights are symmetric, so each is multiplied
// with the sum of the two pixels that it is for.

template <int N>
LANES_INLINE void blur_down(const float *const *middle, int64_t x, const float *weights, int radius, float *out) {
    Vec sums[N];
    for (int v = 0; v < N; ++v) sums[v] = load(middle[0] + x + v * kLanes) * weights[0];
    for (int k = 1; k <= radius; ++k)
        for (int v = 0; v < N; ++v)
            sums[v] += (load(middle[-k] + x + v * kLanes) + load(middle[k] + x + v * kLanes)) * weights[k];
    for (int v = 0; v < N; ++v) store(out + x + v * kLanes, sums[v]);
}

template <int N>
LANES_INLINE void blur_along(const float *in, const float *weights, int radius, float *out) {
    Vec sums[N];
    for (int v = 0; v < N; ++v) sums[v] = load(in + v * kLanes) * weights[0];
    for (int k = 1; k <= radius; ++k)
        for (int v = 0; v < N; ++v) sums[v] += (load(in - k + v * kLanes) + load(in + k + v * kLanes)) * weights[k];
    for (int v = 0; v < N; ++v) store(out + v * kLanes, sums[v]);
}

void blur_row(const float *const *rows, int width, int stride, const float *weights, int radius, float *scratch,
              float *out) {
    constexpr int kMany = 4;
    float *down = scratch + radius + kLanes;
    int x = 0;
    for (; x + kMany * kLanes <= stride; x += kMany * kLanes) blur_down<kMany>(rows + radius, x, weights, radius, down);
    for (; x < stride; x += kLanes) blur_down<1>(rows + radius, x, weights, radius, down);
    for (int k = 1; k <= radius; ++k) down[-k] = down[0];
    for (int k = width; k < stride + radius + kLanes; ++k) down[k] = down[width - 1];
    for (x = 0; x + kMany * kLanes <= stride; x += kMany * kLanes)
        blur_along<kMany>(down + x, weights, radius, out + x);
    for (; x < stride; x += kLanes) blur_along<1>(down + x, weights, radius, out + x);
}

void subtract(const float *a, const float *b, int count, float *out) {
    for (int x = 0; x < count; x += kLanes) store(out + x, load(a + x) - load(b + x));
}
