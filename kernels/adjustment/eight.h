// Eight observations at a time, a lane each: the arithmetic of `linearize` on vectors, so that each lane has the bits that it
// has alone. What comes of them is turned round, for the sums over observations go one by one, in their order.
#pragma once
#include "observation.h"
#include "problem.h"
#include "vector.h"

namespace adjustment {

struct Wide {
    Vec v;

    Wide() = default;
    ADJUSTMENT_MEMBER Wide(const Vec &values) : v(values) {}
    ADJUSTMENT_MEMBER Wide(double all) {
        for (int p = 0; p < kParts; ++p) v.part[p] = all - Part{};
    }
};

ADJUSTMENT_INLINE Wide operator+(const Wide &a, const Wide &b) { return a.v + b.v; }
ADJUSTMENT_INLINE Wide operator-(const Wide &a, const Wide &b) { return a.v - b.v; }
ADJUSTMENT_INLINE Wide operator*(const Wide &a, const Wide &b) { return a.v * b.v; }

ADJUSTMENT_INLINE Wide operator/(const Wide &a, const Wide &b) {
    Wide out;
    for (int p = 0; p < kParts; ++p) out.v.part[p] = a.v.part[p] / b.v.part[p];
    return out;
}

ADJUSTMENT_INLINE Wide operator-(const Wide &a) {
    Wide out;
    for (int p = 0; p < kParts; ++p) out.v.part[p] = -a.v.part[p];
    return out;
}

ADJUSTMENT_INLINE Wide root_of(const Wide &a) {
    Wide out;
    for (int p = 0; p < kParts; ++p)
        for (int lane = 0; lane < 8 / kParts; ++lane) out.v.part[p][lane] = std::sqrt(a.v.part[p][lane]);
    return out;
}

// The weight alone, which is all that `linearize` asks for. Cauchy's, too, has no logarithm.
ADJUSTMENT_INLINE Wide loss_of(Loss loss, Wide scale, Wide s, Wide &weight) {
    const Wide b = scale * scale;
    weight = Wide(1.0);
    switch (loss) {
        case kHuber: {
            const Wide far = scale / root_of(s);
            for (int p = 0; p < kParts; ++p)
                weight.v.part[p] = s.v.part[p] <= b.v.part[p] ? weight.v.part[p] : far.v.part[p];
            break;
        }
        case kSoftL1:
            weight = Wide(1.0) / root_of(Wide(1.0) + s / b);
            break;
        case kCauchy:
            weight = b / (b + s);
            break;
        case kGemanMcClure:
            weight = b / (b + s) * (b / (b + s));
            break;
        default:
            break;
    }
    return s;
}

// Never called: a fisheye's arc tangent is the C library's, one angle at a time.
ADJUSTMENT_INLINE void bend_angle(const Wide *, const Wide *, Bent<Wide> &) {}

// What `Linearized` has of eight observations; each vector of eight columns is in one piece.
struct alignas(64) Eight {
    double by_pose[8][2][8], by_lens[8][2][8];
    double by_point[8][2][4];
    double residual[8][2], weight[8];
};

ADJUSTMENT_INLINE void put(Eight &out, int lane, const Linearized<double> &one) {
    for (int row = 0; row < 2; ++row) {
        for (int k = 0; k < 8; ++k) out.by_pose[lane][row][k] = one.by_pose[row][k];
        for (int k = 0; k < 8; ++k) out.by_lens[lane][row][k] = one.by_lens[row][k];
        for (int k = 0; k < 3; ++k) out.by_point[lane][row][k] = one.by_point[row][k];
        out.residual[lane][row] = one.residual[row];
    }
    out.weight[lane] = one.weight;
}

// Of eight rows (8) the columns, `apart` from each other.
ADJUSTMENT_INLINE void turn(const Wide *rows, int count, double *columns, int64_t apart) {
    alignas(64) double lanes[8][8];
    for (int row = 0; row < count; ++row) store(lanes[row], rows[row].v);
    for (int lane = 0; lane < 8; ++lane)
        for (int row = 0; row < count; ++row) columns[lane * apart + row] = lanes[row][lane];
}

ADJUSTMENT_INLINE void put(Eight &out, const Linearized<Wide> &all, int free) {
    for (int row = 0; row < 2; ++row) {
        turn(all.by_pose[row], 8, out.by_pose[0][row], 16);
        if (free) turn(all.by_lens[row], 8, out.by_lens[0][row], 16);
        turn(all.by_point[row], 3, out.by_point[0][row], 8);
        turn(&all.residual[row], 1, out.residual[0] + row, 2);
    }
    store(out.weight, all.weight.v);
}

// A lens, the same in all lanes.
ADJUSTMENT_INLINE void spread(const Lens<double> &lens, Lens<Wide> &out) {
    for (int k = 0; k < kTerms; ++k) out.value[k] = lens.value[k];
    out.fisheye = false;
    out.free = lens.free;
    for (int k = 0; k < kMostParameters; ++k) out.column[k] = lens.column[k];
}

ADJUSTMENT_INLINE void spread(const Pose<double> &pose, Pose<Wide> &out) {
    for (int k = 0; k < 9; ++k) out.rotation[k] = pose.rotation[k];
    for (int k = 0; k < 3; ++k) out.translation[k] = pose.translation[k];
}

// `count` observations of one photo, up to eight: their points by number, and pixels.
static void linearize_photo(const Structure &in, const State &at, int64_t photo, const int32_t *points,
                            const double *seen, int64_t count, Eight &out) {
    const Lens<double> &lens = at.lens[in.lens_of[photo]];
    if (lens.fisheye) {
        Linearized<double> one;
        for (int64_t n = 0; n < count; ++n) {
            linearize(at.pose[photo], lens, at.points + 3 * points[n], seen + 2 * n, in.loss, in.scale, one);
            put(out, int(n), one);
        }
        return;
    }
    alignas(64) double point[3][8], pixel[2][8];
    for (int64_t n = 0; n < 8; ++n) {
        const int64_t from = n < count ? n : count - 1;
        for (int k = 0; k < 3; ++k) point[k][n] = at.points[3 * points[from] + k];
        for (int k = 0; k < 2; ++k) pixel[k][n] = seen[2 * from + k];
    }
    const Wide where[3] = {load(point[0]), load(point[1]), load(point[2])}, shown[2] = {load(pixel[0]), load(pixel[1])};
    Lens<Wide> lenses;
    Pose<Wide> pose;
    spread(lens, lenses);
    spread(at.pose[photo], pose);
    Linearized<Wide> all;
    linearize(pose, lenses, where, shown, in.loss, Wide(in.scale), all);
    put(out, all, lens.free);
}

// `count` observations from `from` on, up to eight, by their point. Only where all are of one lens they go side by side.
static void linearize_points(const Structure &in, const State &at, int64_t from, int64_t count, Eight &out) {
    const int32_t lens = in.lens_of[in.photo[from]];
    bool together = !at.lens[lens].fisheye;
    for (int64_t n = 1; n < count; ++n) together = together && in.lens_of[in.photo[from + n]] == lens;
    if (!together) {
        Linearized<double> one;
        for (int64_t n = 0; n < count; ++n) {
            const int64_t o = from + n;
            const int32_t photo = in.photo[o];
            linearize(at.pose[photo], at.lens[in.lens_of[photo]], at.points + 3 * in.point[o], in.seen + 2 * o, in.loss,
                      in.scale, one);
            put(out, int(n), one);
        }
        return;
    }
    alignas(64) double number[17][8];
    for (int64_t n = 0; n < 8; ++n) {
        const int64_t o = from + (n < count ? n : count - 1);
        const Pose<double> &pose = at.pose[in.photo[o]];
        for (int k = 0; k < 9; ++k) number[k][n] = pose.rotation[k];
        for (int k = 0; k < 3; ++k) number[9 + k][n] = pose.translation[k];
        for (int k = 0; k < 3; ++k) number[12 + k][n] = at.points[3 * in.point[o] + k];
        for (int k = 0; k < 2; ++k) number[15 + k][n] = in.seen[2 * o + k];
    }
    Pose<Wide> pose;
    for (int k = 0; k < 9; ++k) pose.rotation[k] = load(number[k]);
    for (int k = 0; k < 3; ++k) pose.translation[k] = load(number[9 + k]);
    const Wide where[3] = {load(number[12]), load(number[13]), load(number[14])};
    const Wide shown[2] = {load(number[15]), load(number[16])};
    Lens<Wide> lenses;
    spread(at.lens[lens], lenses);
    Linearized<Wide> all;
    linearize(pose, lenses, where, shown, in.loss, Wide(in.scale), all);
    put(out, all, at.lens[lens].free);
}

}  // namespace adjustment
