// The plane sweep for one instruction set, whose name is SPLAT_ISA: what splatworker/train/plane_sweep.py says, without
// a volume of all depths. Each number is computed by itself, in one order, and nothing is contracted (CMakeLists.txt):
// all instruction sets find the same bits.
#include "plane_sweep.h"

#include <cstring>

namespace splat {
namespace SPLAT_ISA {
namespace {

constexpr float kLeastVariance = 1e-5f, kLeastDepth = 1e-6f;
constexpr float kShare = float(1.0 / (kSweepSide * kSweepSide));

// Within [0, last], also what is no number.
inline float within(float at, float last) {
    const float above = at > 0.0f ? at : 0.0f;
    return above < last ? above : last;
}

// Where a row of pixels is in another photo: the index of the upper left of the four pixels around each place, how far
// the place is from it, and 1 where the other photo has it, 0 elsewhere.
struct Places {
    int32_t *first;
    float *right, *down, *inside;
};

// Of row y at a depth.
void place(const SweptOver &other, int y, float depth, int width, const Places &places) {
    int32_t *__restrict first = places.first;
    float *__restrict right = places.right, *__restrict down = places.down, *__restrict inside = places.inside;
    const float *linear = other.linear, *shift = other.shift;
    const float down_one = float(other.rows - 1), right_one = float(other.columns - 1);
    const int32_t last_row = other.rows - 2, last_column = other.columns - 2, stride = other.columns;
    const float of_row = float(y) + 0.5f;
    for (int i = 0; i < width; ++i) {
        const float x = float(i) + 0.5f;
        const float of_x = (linear[0] * x + linear[1] * of_row + linear[2]) * depth + shift[0];
        const float of_y = (linear[3] * x + linear[4] * of_row + linear[5]) * depth + shift[1];
        const float of_z = (linear[6] * x + linear[7] * of_row + linear[8]) * depth + shift[2];
        const float ahead = of_z > kLeastDepth ? of_z : kLeastDepth;
        const float column = of_x / ahead - 0.5f, row = of_y / ahead - 0.5f;
        const float at_column = within(column, right_one), at_row = within(row, down_one);
        inside[i] = (of_z > kLeastDepth) & (at_column == column) & (at_row == row) ? 1.0f : 0.0f;
        int32_t top = int32_t(at_row), left = int32_t(at_column);
        top = top < last_row ? top : last_row;
        left = left < last_column ? left : last_column;
        right[i] = at_column - float(left);
        down[i] = at_row - float(top);
        first[i] = top * stride + left;
    }
}

// A row of another photo's values at its places. `pairs`: scratch memory, the two upper and the two lower pixels.
void lay_over(const SweptOver &other, const Places &places, int width, float *pairs, float *__restrict laid) {
    float *__restrict upper = pairs, *__restrict lower = pairs + 2 * size_t(width);
    const float *__restrict grey = other.grey, *__restrict below = other.grey + other.columns;
    const int32_t *__restrict first = places.first;
    for (int i = 0; i < width; ++i) {  // two at once, which is faster than a vector's gathering of each
        memcpy(upper + 2 * i, grey + first[i], 2 * sizeof(float));
        memcpy(lower + 2 * i, below + first[i], 2 * sizeof(float));
    }
    const float *__restrict right = places.right, *__restrict down = places.down;
    for (int i = 0; i < width; ++i) {
        const float above = upper[2 * i] * (1.0f - right[i]) + upper[2 * i + 1] * right[i];
        const float under = lower[2 * i] * (1.0f - right[i]) + lower[2 * i + 1] * right[i];
        laid[i] = above * (1.0f - down[i]) + under * down[i];
    }
}

// Sums of kSweepSide neighbours: of values laid over, of their squares and of their products with the photo's own.
void sum_along(const float *__restrict laid, const float *__restrict grey, int across, float *__restrict sums,
               float *__restrict squares, float *__restrict products) {
    for (int x = 0; x < across; ++x) {
        const float *v = laid + x, *g = grey + x;
        sums[x] = v[0] + v[1] + v[2] + v[3] + v[4] + v[5] + v[6];
        squares[x] = v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + v[3] * v[3] + v[4] * v[4] + v[5] * v[5] + v[6] * v[6];
        products[x] = v[0] * g[0] + v[1] * g[1] + v[2] * g[2] + v[3] * g[3] + v[4] * g[4] + v[5] * g[5] + v[6] * g[6];
    }
}

// Means over windows: of kSweepSide rows of sums, `stride` apart, of which the first is the oldest-th.
void mean_down(const float *rings, size_t stride, int oldest, int across, float *__restrict means) {
    const float *row[kSweepSide];
    for (int k = 0; k < kSweepSide; ++k) row[k] = rings + size_t((oldest + k) % kSweepSide) * stride;
    const float *__restrict a = row[0], *__restrict b = row[1], *__restrict c = row[2], *__restrict d = row[3],
                            *__restrict e = row[4], *__restrict f = row[5], *__restrict g = row[6];
    for (int x = 0; x < across; ++x) means[x] = (a[x] + b[x] + c[x] + d[x] + e[x] + f[x] + g[x]) * kShare;
}

// Correlations of a row of windows, into the best two of them that others had. Of the other photo the means of its
// values, of their squares and of their products with the photo's, and whether it has the windows' middle.
void correlate(const float *__restrict laid, const float *__restrict squares, const float *__restrict products,
               const float *__restrict inside, const float *__restrict mean, const float *__restrict variance,
               int across, float *__restrict best, float *__restrict second) {
    for (int x = 0; x < across; ++x) {
        const float spread = squares[x] - laid[x] * laid[x], own_spread = variance[x];
        const float product = products[x] - laid[x] * mean[x];
        const float other = spread > kLeastVariance ? spread : kLeastVariance;
        const float own = own_spread > kLeastVariance ? own_spread : kLeastVariance;
        const float alike = product / __builtin_sqrtf(other * own);
        const float found = inside[x] != 0.0f ? alike : kSweepUnknown;
        const float most = best[x], next = second[x], less = most < found ? most : found;
        second[x] = next > less ? next : less;
        best[x] = most > found ? most : found;
    }
}

// The best, or the mean of the best two where there are others enough.
void combine(const float *__restrict best, const float *__restrict second, int others, size_t windows,
             float *__restrict score) {
    for (size_t x = 0; x < windows; ++x) score[x] = others > 1 ? (best[x] + second[x]) / 2.0f : best[x];
}

// What is known of the scores at depths so far: the best and its step; and those before, at and after the best.
struct Peak {
    float *top;
    int32_t *step;
    float *before, *at, *after;
};

void keep_the_best(int depth, int steps, size_t windows, const float *__restrict earlier, const float *__restrict last,
                   const float *__restrict score, const Peak &peak) {
    float *__restrict top = peak.top, *__restrict before = peak.before, *__restrict at = peak.at,
                      *__restrict after = peak.after;
    int32_t *__restrict step = peak.step;
    for (size_t x = 0; x < windows; ++x) {
        const float now = score[x], most = top[x];
        const int32_t of_most = step[x];
        top[x] = now > most ? now : most;
        step[x] = now > most ? depth : of_most;
    }
    if (depth < 2) return;
    for (size_t x = 0; x < windows; ++x) {
        int32_t middle = step[x] > 1 ? step[x] : 1;
        middle = middle < steps - 2 ? middle : steps - 2;
        const float first = earlier[x], second = last[x], third = score[x], old = before[x], older = at[x],
                    oldest = after[x];
        before[x] = middle == depth - 1 ? first : old;
        at[x] = middle == depth - 1 ? second : older;
        after[x] = middle == depth - 1 ? third : oldest;
    }
}

// Scratch memory: the second best correlation at a depth; the best, and their mean, at it and the two before; the best
// so far of both; of a row its places, and what is laid over it; the last rows' sums, and which of their pixels the
// other photo has.
struct Room {
    float *second, *best[3], *mean[3], *top[2];
    int32_t *first;
    float *right, *down, *pairs, *laid, *inside, *ring, *means;

    Room(const Sweep &sweep, void *scratch) {
        const size_t windows = windows_of(sweep), row = row_of(sweep);
        float *next = static_cast<float *>(scratch);
        const auto take = [&next](size_t count) { return (next += count) - count; };
        first = static_cast<int32_t *>(scratch);
        take(row);
        right = take(row);
        down = take(row);
        pairs = take(4 * row);
        laid = take(row);
        inside = take((kSweepRadius + 1) * row);
        ring = take(3 * kSweepSide * row);
        means = take(3 * row);
        second = take(windows);
        for (float *&plane : best) plane = take(windows);
        for (float *&plane : mean) plane = take(windows);
        for (float *&plane : top) plane = take(windows);
    }
};

// The best two correlations, [height - 6][width - 6], with others at a depth: those with one more are added.
void add_other(const Sweep &sweep, const SweptOver &other, float depth, const Room &room, float *best) {
    const int width = sweep.width, across = width - kSweepSide + 1, side = kSweepSide, insides = kSweepRadius + 1;
    const size_t row = row_of(sweep), slot = 3 * row;
    for (int y = 0; y < sweep.height; ++y) {
        const Places places = {room.first, room.right, room.down, room.inside + size_t(y % insides) * row};
        place(other, y, depth, width, places);
        lay_over(other, places, width, room.pairs, room.laid);
        float *sums = room.ring + size_t(y % side) * slot;
        sum_along(room.laid, sweep.grey + size_t(y) * width, across, sums, sums + row, sums + 2 * row);
        if (y < side - 1) continue;
        for (int of = 0; of < 3; ++of)
            mean_down(room.ring + size_t(of) * row, slot, y + 1, across, room.means + size_t(of) * row);
        const float *middle = room.inside + size_t((y - kSweepRadius) % insides) * row + kSweepRadius;
        const size_t from = size_t(y - side + 1) * across;
        correlate(room.means, room.means + row, room.means + 2 * row, middle, sweep.mean + from, sweep.variance + from,
                  across, best + from, room.second + from);
    }
}

}  // namespace

void plane_sweep(const Sweep &sweep, void *scratch, int32_t *step, float *scores) {
    const size_t windows = windows_of(sweep);
    const Room room(sweep, scratch);
    Peak peaks[2];  // of the mean of two, and of one alone
    for (int of = 0; of < 2; ++of) {
        float *its = scores + 3 * of * windows;
        peaks[of] = {room.top[of], step + of * windows, its, its + windows, its + 2 * windows};
        for (size_t k = 0; k < windows; ++k) {
            peaks[of].top[k] = -3.4e38f;  // below all that a score is
            peaks[of].step[k] = 0;
        }
    }
    for (int depth = 0; depth < sweep.steps; ++depth) {
        const int now = depth % 3, earlier = (depth + 1) % 3, last = (depth + 2) % 3;
        float *best = room.best[now], *mean = room.mean[now];
        for (size_t k = 0; k < windows; ++k) best[k] = room.second[k] = kSweepUnknown;
        for (int k = 0; k < sweep.count; ++k) add_other(sweep, sweep.others[k], sweep.depths[depth], room, best);
        combine(best, room.second, sweep.count, windows, mean);
        keep_the_best(depth, sweep.steps, windows, room.mean[earlier], room.mean[last], mean, peaks[0]);
        keep_the_best(depth, sweep.steps, windows, room.best[earlier], room.best[last], best, peaks[1]);
    }
}

}  // namespace SPLAT_ISA
}  // namespace splat
