// 4x4 cells in the keypoint's frame, in each a histogram of eight directions: a vector of eight integers, to which a pixel
// adds one product in each of the four cells around it.

constexpr int kCells = 4, kAcross = kCells + 2;  // a margin of one all around takes what lies outside
constexpr float kReach = 0.5f * (kCells + 1);    // from the middle to where the outermost cells end, in cells

// Narrows a range of whole numbers t, none of them negative, to those for which |slope * t + start| may be under kReach.
LANES_INLINE void narrow(float slope, float start, int &first, int &last) {
    if (slope < 0) {
        slope = -slope;
        start = -start;
    }
    if (slope < 1e-4f) return;
    // A pixel more on both sides: this is rounded.
    const float from = (-kReach - start) / slope - 1, to = (kReach - start) / slope + 1;
    if (from > float(last) || to < float(first)) {
        last = first - 1;
        return;
    }
    if (from > float(first)) first = int(from);
    if (to < float(last)) last = int(to);
}

// Lengths to bytes: L2 norm, nothing above a fifth of it, L1 norm, square roots, times 512.
LANES_INLINE void normalise(Vec h[kDescriptor / kLanes], uint8_t descriptor[kDescriptor]) {
    constexpr int kRows = kDescriptor / kLanes;
    Vec squares = {}, sums = {};
    for (int i = 0; i < kRows; ++i) squares += h[i] * h[i];
    const float length = __builtin_sqrtf(sum(squares));
    if (!(length > 0)) {
        memset(descriptor, 0, kDescriptor);
        return;
    }
    for (int i = 0; i < kRows; ++i) {
        h[i] = smaller(h[i] / length, all(kLargest));
        sums += h[i];
    }
    const float total = sum(sums);
    for (int i = 0; i < kRows; ++i) {
        int32_t rounded[kLanes];
        store_ints(rounded, whole(smaller(square_root(h[i] / total) * 512.0f + 0.5f, all(255.0f))));
        // COLMAP's order of directions is the other way round.
        for (int lane = 0; lane < kLanes; ++lane)
            descriptor[i * kLanes + (kLanes - lane) % kLanes] = uint8_t(rounded[lane]);
    }
}

// A row's share of the window: of each pixel its cell, its direction in eighths of a turn from the keypoint's, and its
// weights in that cell, the one to the right, the one below, and the one below that to the right.
constexpr int kWidest = 112;  // a window's width of 97 pixels at the largest sigma, and what a vector has more
struct Samples {
    int32_t cell[kWidest];
    float direction[kWidest], weight[4][kWidest];
};

void describe(const float *modulus, const float *turns, int width, int height, int stride, const Pose &pose,
              uint8_t descriptor[kDescriptor]) {
    const float x = pose.x, y = pose.y;
    const float side = kCell * pose.sigma;
    const int radius = int(1.41421356f * side * kReach + 0.5f);
    const float c = pose.cosine / side, s = pose.sine / side;
    const int column = int(x + 0.5f), row = int(y + 0.5f);
    const int left = column - radius > 1 ? column - radius : 1, top = row - radius > 1 ? row - radius : 1;
    const int right = column + radius < width - 2 ? column + radius : width - 2;
    const int bottom = row + radius < height - 2 ? row + radius : height - 2;
    Ints cells[2][kAcross * kAcross] = {};  // of every other pixel: what one adds to is seldom what the next one does
    Samples samples;
    const Vec directions = upwards(), zero = {}, end = all(2 * kReach);
    for (int j = top; j <= bottom; ++j) {
        const float dy = float(j) - y;
        int first = left, last = right;
        narrow(c, s * dy - c * x, first, last);
        narrow(-s, c * dy + s * x, first, last);
        for (int i = first, at = 0; i <= last; i += kLanes, at += kLanes) {
            const Vec dx = all(float(i)) + upwards() - x;
            const Vec u = dx * c + s * dy, v = c * dy - dx * s;  // in cells, along and across the keypoint's direction
            Vec p = u + kReach, q = v + kReach;
            const Ints inside = (p > zero) & (p < end) & (q > zero) & (q < end);
            p = inside ? p : zero;
            q = inside ? q : zero;
            const Vec apart = inside ? u * u + v * v : zero;
            Vec weight = decay<Vec, Ints>(apart * 0.125f) * load(modulus + int64_t(j) * stride + i) * kFixedPoint;
            weight = inside ? weight : zero;
            const Ints across = whole(p), down = whole(q);
            const Vec to_right = p - as_floats(across), to_bottom = q - as_floats(down);
            const Vec above = weight * (1.0f - to_bottom), below = weight * to_bottom;
            const Vec direction = load(turns + int64_t(j) * stride + i) - pose.turn;
            store_ints(samples.cell + at, down * kAcross + across);
            store(samples.direction + at, (direction < zero ? direction + 1.0f : direction) * float(kLanes));
            store(samples.weight[0] + at, above * (1.0f - to_right));
            store(samples.weight[1] + at, above * to_right);
            store(samples.weight[2] + at, below * (1.0f - to_right));
            store(samples.weight[3] + at, below * to_right);
        }
        for (int i = 0; i <= last - first; ++i) {
            Vec away = all(samples.direction[i]) - directions;
            away = away < zero ? -away : away;
            away = smaller(away, float(kLanes) - away);
            const Vec share = larger(1.0f - away, zero);
            Ints *four = cells[i & 1] + samples.cell[i];
            four[0] += whole(share * samples.weight[0][i]);
            four[1] += whole(share * samples.weight[1][i]);
            four[kAcross] += whole(share * samples.weight[2][i]);
            four[kAcross + 1] += whole(share * samples.weight[3][i]);
        }
    }
    Vec histograms[kDescriptor / kLanes];
    for (int j = 0; j < kCells; ++j)
        for (int i = 0; i < kCells; ++i) {
            const int cell = (j + 1) * kAcross + i + 1;
            histograms[j * kCells + i] = as_floats(cells[0][cell] + cells[1][cell]) * (1 / kFixedPoint);
        }
    normalise(histograms, descriptor);
}
