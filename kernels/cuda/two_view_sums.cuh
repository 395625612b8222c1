// The sums of two-view geometry over all matches of a pair, with the processors' order: kernels/two_view/lanes.inl, whose
// formulas are the same source.
#pragma once
#include "two_view_kernels.h"
#include "../two_view/refinement.h"
#include "../two_view/trials.h"

namespace splat {

using namespace two_view;

inline __device__ int lesser(int a, int b) { return a < b ? a : b; }

// What a block shares.
template <Kind Of>
struct Room {
    static constexpr bool is_transfer = Of == kHomography;
    static constexpr int trials = 128;       // at once
    static constexpr int first_trials = 32;  // where the first ones often suffice
    static constexpr int models = trials * Minimal<Of>::most;
    static constexpr int tile = 128;  // matches whose rows are there at a time
    // A row: nine derivatives and the residual, of transfers twice; the match's cost, whether it is inside, and 1. Odd, so
    // that rows lie in different banks.
    static constexpr int cost = is_transfer ? 20 : 10, inside = cost + 1, one = cost + 2, pitch = cost + 3;
    static constexpr int sums = 45 + 9 + 2;  // of a lane: J'J, J'r, costs, inliers
    static constexpr int score_tile = 256;

    // Of a batch of trials: how many models each has, where these are among `models`, and what they are worth.
    int solutions[trials];
    uint16_t slot[models];
    float score[models], within[models];
    int count, stop, next;
    bool told;

    Mat3 best;
    float best_score, best_inliers;
    bool found;

    float costs[score_tile], counts[score_tile];
    float lanes[2 * kLanes];
    double row[tile * pitch];
    double sum[sums * kNormalLanes];
    Refinement<Of> refinement;
    Refined refined;
};
static_assert(Room<kEssential>::models <= kMostModels && Room<kFundamental>::models <= kMostModels, "room for models");

// The six arrays of a pair's matches.
template <typename T>
struct Six {
    const T *first;
    int padded;
    __device__ T operator()(int which, int i) const { return first[which * padded + i]; }
};

// A pair's matches, and the two sums over all of them.
template <Kind Of>
struct PairSums {
    Room<Of> &room;
    const Question &question;
    int count;
    Six<double> doubles;
    Six<float> floats;

    // What the first thread says, told to all.
    __device__ bool agree(bool said) {
        if (threadIdx.x == 0) room.told = said;
        __syncthreads();
        const bool told = room.told;
        __syncthreads();
        return told;
    }

    // --- scores

    struct Share {
        float cost, within;
    };
    static __device__ Share share_of(const float *m, float most, const Six<float> &of, int i) {
        Fraction<float> error;
        if constexpr (Room<Of>::is_transfer)
            error = transfer(m, of(0, i), of(1, i), of(2, i), of(3, i), of(5, i));
        else
            error = epipolar(m, of(0, i), of(1, i), of(2, i), of(3, i), of(4, i), of(5, i));
        const float limit = error.below * most;
        const bool inside = error.above < limit;  // false where anything is not a number
        return {inside ? error.above / limit : 1.0f, inside ? 1.0f : 0.0f};
    }
    __device__ float most_of() const { return float(question.search.max_error * question.search.max_error); }

    // A model's score by one thread, of the matches until it passes the limit.
    __device__ TWO_VIEW_CALLED void score_alone(const Mat3 &model, float limit, float &score, float &within) const {
        const Six<float> of = floats;
        const int last = count - 1;
        const float most = most_of();
        float m[9], costs[kLanes] = {}, counts[kLanes] = {};
        for (int k = 0; k < 9; ++k) m[k] = float(model[k]);
        for (int begin = 0; begin <= last; begin += kBetweenLooks) {
            const int end = lesser(begin + kBetweenLooks, last + 1);
            for (int i = begin; i < end; i += kLanes)
#pragma unroll
                for (int lane = 0; lane < kLanes; ++lane) {
                    const Share share = share_of(m, most, of, lesser(i + lane, last));
                    costs[lane] += i + lane <= last ? share.cost : 0.0f;
                    counts[lane] += i + lane <= last ? share.within : 0.0f;
                }
            if (sum_of_8(costs) > limit) break;
        }
        score = sum_of_8(costs);
        within = sum_of_8(counts);
    }

    // A model's score by all threads: in room.lanes, of which the first one is to make use before any goes on.
    __device__ TWO_VIEW_CALLED void score_together(const Mat3 &model) {
        const Six<float> of = floats;
        const float most = most_of();
        float m[9];
        for (int k = 0; k < 9; ++k) m[k] = float(model[k]);
        for (int lane = threadIdx.x; lane < 2 * kLanes; lane += blockDim.x) room.lanes[lane] = 0;
        for (int begin = 0; begin < count; begin += Room<Of>::score_tile) {
            const int matches_here = lesser(Room<Of>::score_tile, count - begin);
            __syncthreads();
            for (int i = threadIdx.x; i < matches_here; i += blockDim.x) {
                const Share share = share_of(m, most, of, begin + i);
                room.costs[i] = share.cost;
                room.counts[i] = share.within;
            }
            __syncthreads();
            for (int lane = threadIdx.x; lane < 2 * kLanes; lane += blockDim.x) {
                const float *from = lane < kLanes ? room.costs : room.counts;
                float sum = room.lanes[lane];
                for (int i = lane % kLanes; i < matches_here; i += kLanes) sum += from[i];
                room.lanes[lane] = sum;
            }
        }
        __syncthreads();
    }

    // --- normal equations

    // A match's row.
    static __device__ void write_row(const double *m, double most, const Six<double> &of, int i, double *row) {
        constexpr int width = Room<Of>::is_transfer ? 20 : 10;
        const double x1 = of(0, i), y1 = of(1, i), x2 = of(2, i), y2 = of(3, i), s1 = of(4, i), s2 = of(5, i);
        Fraction<double> error;
        if constexpr (Room<Of>::is_transfer)
            error = transfer(m, x1, y1, x2, y2, s2);
        else
            error = epipolar(m, x1, y1, x2, y2, s1, s2);
        const bool inside = error.above < error.below * most;
        row[Room<Of>::cost] = inside ? error.above / error.below : most;
        row[Room<Of>::inside] = inside ? 1 : 0;
        row[Room<Of>::one] = 1;
        if (!inside) {
            for (int k = 0; k < width; ++k) row[k] = 0;
            return;
        }
        double j[9];
        if constexpr (Room<Of>::is_transfer) {
            double jy[9], rx, ry;
            transfer_rows(m, x1, y1, x2, y2, 1 / sqrt(s2), true, 1.0, 0.0, j, jy, rx, ry);
            for (int k = 0; k < 9; ++k) row[10 + k] = jy[k];
            row[9] = rx, row[19] = ry;
        } else {
            row[9] = epipolar_row(m, x1, y1, x2, y2, s1, s2, error.below, 1 / sqrt(error.below), true, 1.0, 0.0, j);
        }
        for (int k = 0; k < 9; ++k) row[k] = j[k];
    }

    // Of which two columns' products a sum is: J'J's upper triangle, J'r, costs and inliers.
    static __device__ void columns_of(int which, int &a, int &b) {
        if (which >= 45) {
            a = which < 54 ? which - 45 : which == 54 ? Room<Of>::cost : Room<Of>::inside;
            b = which < 54 ? 9 : Room<Of>::one;
            return;
        }
        a = 0;
        for (int left = 9; which >= left; --left, ++a) which -= left;
        b = a + which;
    }

    // The normal equations of a model, by all threads: rows of some matches, then sums, two of a lane's by a thread.
    __device__ TWO_VIEW_CALLED void accumulate(const Mat3 &model, Normal &normal) {
        constexpr int pitch = Room<Of>::pitch, half = Room<Of>::sums / 2;
        double m[9];
        for (int k = 0; k < 9; ++k) m[k] = model[k];
        const double most = question.search.max_error * question.search.max_error;
        const Six<double> of = doubles;
        for (int s = threadIdx.x; s < Room<Of>::sums * kNormalLanes; s += blockDim.x) room.sum[s] = 0;
        for (int begin = 0; begin < count; begin += Room<Of>::tile) {
            const int matches_here = lesser(Room<Of>::tile, count - begin);
            __syncthreads();
            for (int j = threadIdx.x; j < matches_here; j += blockDim.x)
                write_row(m, most, of, begin + j, room.row + j * pitch);
            __syncthreads();
            for (int s = threadIdx.x; s < half * kNormalLanes; s += blockDim.x) {
                const int first = s / kNormalLanes, lane = s % kNormalLanes;
                add_matches(first, first + half, lane, matches_here);
            }
        }
        __syncthreads();
        for (int s = threadIdx.x; s < Room<Of>::sums; s += blockDim.x) {
            const double sum = sum_of_4(room.sum + s * kNormalLanes);
            int a, b;
            columns_of(s, a, b);
            if (s < 45)
                normal.ata[a][b] = normal.ata[b][a] = sum;
            else if (s < 54)
                normal.atb[a] = sum;
            else
                (s == 54 ? normal.cost : normal.inliers) = sum;
        }
        __syncthreads();
    }

    // Two sums of a lane, with what a tile's matches add to them. Of matches that are outside these are zeros, which
    // processors leave out.
    __device__ void add_matches(int first, int second, int lane, int matches_here) {
        int a1, b1, a2, b2;
        columns_of(first, a1, b1);
        columns_of(second, a2, b2);
        double sum1 = room.sum[first * kNormalLanes + lane], sum2 = room.sum[second * kNormalLanes + lane];
        const bool twice = second < 54;
#pragma unroll 4
        for (int j = lane; j < matches_here; j += kNormalLanes) {
            const double *row = room.row + j * Room<Of>::pitch;
            sum1 += row[a1] * row[b1];
            sum2 += row[a2] * row[b2];
            if constexpr (Room<Of>::is_transfer) {
                sum1 += row[10 + a1] * row[10 + b1];
                if (twice) sum2 += row[10 + a2] * row[10 + b2];
            }
        }
        room.sum[first * kNormalLanes + lane] = sum1;
        room.sum[second * kNormalLanes + lane] = sum2;
    }
};

}  // namespace splat
