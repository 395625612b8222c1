// Gradients of a level, and the histogram of their directions around a keypoint.

LANES_INLINE void gradients_at(Vec horizontal, Vec vertical, float *modulus, float *turns) {
    store(modulus, square_root(horizontal * horizontal + vertical * vertical));
    store(turns, turns_of<Vec>(vertical, horizontal));
}

// Central differences, one-sided ones at the edge.
void gradients(const float *above, const float *below, float vertical, const float *row, int width, float *modulus,
               float *turns) {
    int x = 1;
    for (; x + kLanes < width; x += kLanes)
        gradients_at((load(row + x + 1) - load(row + x - 1)) * 0.5f, (load(below + x) - load(above + x)) * vertical,
                     modulus + x, turns + x);
    const int edges[2] = {0, x};
    for (int edge = 0; edge < 2; ++edge)
        for (int i = edges[edge]; i < (edge ? width : 1); ++i) {
            const int left = i > 0 ? i - 1 : 0, right = i < width - 1 ? i + 1 : width - 1;
            const float dx = (row[right] - row[left]) * (right - left == 2 ? 0.5f : 1.0f);
            const float dy = (below[i] - above[i]) * vertical;
            modulus[i] = __builtin_sqrtf(dx * dx + dy * dy);
            turns[i] = turns_of<float>(dy, dx);
        }
}

constexpr int kWidestDisc = 56;  // 41 pixels at the largest sigma, one more on both sides, and what a vector has more

// Each pixel of a disc enters two bins, weighted by its gradient and its nearness.
void orientations(const float *modulus, const float *turns, int width, int height, int stride, float x, float y,
                  float sigma, int32_t histogram[kBins]) {
    const float window = kOrientationWindow * sigma;
    const int radius = int(3 * window) > 1 ? int(3 * window) : 1;
    const float within = float(radius * radius) + 0.6f, falloff = 1 / (2 * window * window);
    const int column = int(x + 0.5f), row = int(y + 0.5f);
    const int left = column - radius > 0 ? column - radius : 0, top = row - radius > 0 ? row - radius : 0;
    const int right = column + radius < width - 1 ? column + radius : width - 1;
    const int bottom = row + radius < height - 1 ? row + radius : height - 1;
    // The first bin is the last of `histogram`, and the last its first; two of each, for every other pixel.
    int32_t bins[2][kBins + 2] = {};
    int32_t at[kWidestDisc], to_first[kWidestDisc], to_second[kWidestDisc];
    for (int j = top; j <= bottom; ++j) {
        const float dy = float(j) - y;
        const float rest = within - dy * dy;
        if (!(rest > 0)) continue;
        const int reach = int(__builtin_sqrtf(rest)) + 1;  // a pixel more: the mask below is exact
        const int first = column - reach > left ? column - reach : left;
        const int last = column + reach < right ? column + reach : right;
        for (int i = first, next = 0; i <= last; i += kLanes, next += kLanes) {
            const Vec dx = all(float(i)) + upwards() - x;
            const Vec distance = dx * dx + dy * dy;
            const Ints inside = distance < all(within);
            const Vec near = smaller(distance, all(within));
            const Vec weight = decay<Vec, Ints>(near * falloff) * load(modulus + int64_t(j) * stride + i) * kFixedPoint;
            const Vec place = load(turns + int64_t(j) * stride + i) * float(kBins) + 0.5f;
            const Ints bin = whole(place);
            const Vec share = place - as_floats(bin);
            store_ints(at + next, bin);
            store_ints(to_first + next, inside ? whole((1.0f - share) * weight) : Ints{});
            store_ints(to_second + next, inside ? whole(share * weight) : Ints{});
        }
        for (int i = 0; i <= last - first; ++i) {
            bins[i & 1][at[i]] += to_first[i];
            bins[i & 1][at[i] + 1] += to_second[i];
        }
    }
    for (int i = 0; i < kBins + 2; ++i) bins[0][i] += bins[1][i];
    for (int i = 0; i < kBins; ++i) histogram[i] = bins[0][i + 1];
    histogram[kBins - 1] += bins[0][0];
    histogram[0] += bins[0][kBins + 1];
}
