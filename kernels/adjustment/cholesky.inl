// A dense symmetric system: S = U' U in blocks, on the upper half by rows. Every entry is changed by the same operations in
// the same order whatever the number of threads. The size is a multiple of eight.

constexpr int64_t kStrip = 64;  // columns of a task
constexpr int kRows = 4;        // rows that are updated together, in registers

// Rows `from` to `to` of the factor, within their own columns; false where a pivot is not positive.
bool factor_diagonal(double *s, int64_t n, int64_t from, int64_t to) {
    for (int64_t r = from; r < to; ++r) {
        double *row = s + r * n;
        if (!(row[r] > 0) || row[r] > 1e300) return false;
        const double inverse = 1 / std::sqrt(row[r]);
        for (int64_t c = r; c < to; ++c) row[c] *= inverse;
        for (int64_t below = r + 1; below < to; ++below) {
            const double factor = row[below];
            double *target = s + below * n;
            for (int64_t c = below; c < to; ++c) target[c] -= factor * row[c];
        }
    }
    return true;
}

// The same rows in columns `left` to `right`, beyond their own.
void solve_panel(double *s, int64_t n, int64_t from, int64_t to, int64_t left, int64_t right) {
    for (int64_t r = from; r < to; ++r) {
        double *row = s + r * n;
        const double inverse = 1 / row[r];
        for (int64_t c = left; c < right; ++c) row[c] *= inverse;
        for (int64_t below = r + 1; below < to; ++below) {
            const double factor = row[below];
            double *target = s + below * n;
            for (int64_t c = left; c < right; ++c) target[c] -= factor * row[c];
        }
    }
}

// Rows `top` to `bottom`, columns `left` to `right`, less the product of the panel's.
void update_tile(double *s, int64_t n, int64_t from, int64_t to, int64_t top, int64_t bottom, int64_t left,
                 int64_t right) {
    for (int64_t r = top; r < bottom; r += kRows)
        for (int64_t c = left; c < right; c += kLanes) {
            if (c + kLanes <= r) continue;  // below the diagonal
            Vec row0 = load(s + r * n + c), row1 = load(s + (r + 1) * n + c);
            Vec row2 = load(s + (r + 2) * n + c), row3 = load(s + (r + 3) * n + c);
            for (int64_t k = from; k < to; ++k) {
                const double *left = s + k * n + r;
                const Vec right_side = load(s + k * n + c);
                row0 = row0 - left[0] * right_side;
                row1 = row1 - left[1] * right_side;
                row2 = row2 - left[2] * right_side;
                row3 = row3 - left[3] * right_side;
            }
            store(s + r * n + c, row0);
            store(s + (r + 1) * n + c, row1);
            store(s + (r + 2) * n + c, row2);
            store(s + (r + 3) * n + c, row3);
        }
}

bool factor(double *s, int64_t n, int threads) {
    (void)threads;
    for (int64_t from = 0; from < n; from += kPanel) {
        const int64_t to = from + kPanel < n ? from + kPanel : n;
        if (!factor_diagonal(s, n, from, to)) return false;
        const int64_t strips = (n - to + kStrip - 1) / kStrip;
#pragma omp parallel num_threads(threads) if (strips > 1)
        {
#pragma omp for schedule(dynamic, 1)
            for (int64_t strip = 0; strip < strips; ++strip) {
                const int64_t left = to + strip * kStrip, right = left + kStrip < n ? left + kStrip : n;
                solve_panel(s, n, from, to, left, right);
            }
#pragma omp for schedule(dynamic, 1)
            for (int64_t tile = 0; tile < strips * strips; ++tile) {
                const int64_t top = to + tile / strips * kStrip, left = to + tile % strips * kStrip;
                const int64_t bottom = top + kStrip < n ? top + kStrip : n,
                              right = left + kStrip < n ? left + kStrip : n;
                if (left >= top) update_tile(s, n, from, to, top, bottom, left, right);
            }
        }
    }
    return true;
}

// U' y = b, then U x = y, in place of b.
void substitute(const double *u, int64_t n, double *b) {
    for (int64_t r = 0; r < n; ++r) {
        const double *row = u + r * n;
        b[r] /= row[r];
        for (int64_t c = r + 1; c < n; ++c) b[c] -= b[r] * row[c];
    }
    for (int64_t r = n - 1; r >= 0; --r) {
        const double *row = u + r * n;
        const int64_t from = (r + kLanes) / kLanes * kLanes;  // whole vectors from here on
        Vec partial = {};
        for (int64_t c = from; c < n; c += kLanes) partial = partial + load(row + c) * load(b + c);
        double rest = sum(partial);
        for (int64_t c = r + 1; c < from && c < n; ++c) rest += row[c] * b[c];
        b[r] = (b[r] - rest) / row[r];
    }
}

bool solve(const System &system, int64_t stride, int threads) {
    if (!factor(system.matrix, stride, threads)) return false;
    substitute(system.matrix, stride, system.rhs);
    return true;
}
