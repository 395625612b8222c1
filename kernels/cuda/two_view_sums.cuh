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
    static constexpr int trials = Of == kEssential ? 64 : 128;  // at once
    static constexpr int first_trials = 32;                     // where the first ones often suffice
    static constexpr int models = trials * Minimal<Of>::most;
    static constexpr int rows = is_transfer ? 2 : 1;     // of a match in the normal equations
    static constexpr int tile = is_transfer ? 64 : 128;  // matches whose rows are there at a time
    static constexpr int width = 10;                     // of a row: nine derivatives and the residual
    static constexpr int pitch = rows * width + 1;       // odd: rows lie in different banks
    static constexpr int sums = 45 + 9 + 2;              // of a lane: J'J, J'r, costs, inliers
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
    double row[tile * pitch], cost[tile];
    bool inside[tile];
    double sum[sums * kNormalLanes];
    Refinement<Of> refinement;
    Normal there;
    Refined refined;
};
static_assert(Room<kEssential>::models <= kMostModels && Room<kFundamental>::models <= kMostModels, "room for models");

// A pair's matches, and the two sums over all of them.
template <Kind Of>
struct PairSums {
    Room<Of> &room;
    const PairSearch &asked;
    const double *matches;
    const float *floats;

    // One of a match's six numbers.
    __device__ double number(int which, int i) const {
        return matches[asked.first + int64_t(which) * asked.padded + i];
    }
    __device__ float float_number(int which, int i) const {
        return floats[asked.first + int64_t(which) * asked.padded + i];
    }

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
    __device__ Share share_of(const float *m, int i) const {
        const float most = float(asked.question.search.max_error * asked.question.search.max_error);
        Fraction<float> error;
        if constexpr (Room<Of>::is_transfer)
            error = transfer(m, float_number(0, i), float_number(1, i), float_number(2, i), float_number(3, i),
                             float_number(5, i));
        else
            error = epipolar(m, float_number(0, i), float_number(1, i), float_number(2, i), float_number(3, i),
                             float_number(4, i), float_number(5, i));
        const float limit = error.below * most;
        const bool inside = error.above < limit;  // false where anything is not a number
        return {inside ? error.above / limit : 1.0f, inside ? 1.0f : 0.0f};
    }

    // A model's score by one thread, of the matches until it passes the limit.
    __device__ TWO_VIEW_CALLED void score_alone(const Mat3 &model, float limit, float &score, float &within) const {
        float m[9], costs[kLanes] = {}, counts[kLanes] = {};
        for (int k = 0; k < 9; ++k) m[k] = float(model[k]);
        for (int begin = 0; begin < asked.count; begin += kBetweenLooks) {
            const int end = lesser(begin + kBetweenLooks, asked.count);
            for (int i = begin; i < end; i += kLanes)
                for (int lane = 0; lane < kLanes; ++lane) {
                    if (i + lane >= end) continue;
                    const Share share = share_of(m, i + lane);
                    costs[lane] += share.cost;
                    counts[lane] += share.within;
                }
            if (sum_of_8(costs) > limit) break;
        }
        score = sum_of_8(costs);
        within = sum_of_8(counts);
    }

    // A model's score by all threads: in room.lanes, of which the first one is to make use before any goes on.
    __device__ TWO_VIEW_CALLED void score_together(const Mat3 &model) {
        float m[9];
        for (int k = 0; k < 9; ++k) m[k] = float(model[k]);
        for (int lane = threadIdx.x; lane < 2 * kLanes; lane += blockDim.x) room.lanes[lane] = 0;
        for (int begin = 0; begin < asked.count; begin += Room<Of>::score_tile) {
            const int matches_here = lesser(Room<Of>::score_tile, asked.count - begin);
            __syncthreads();
            for (int i = threadIdx.x; i < matches_here; i += blockDim.x) {
                const Share share = share_of(m, begin + i);
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

    // --- local optimisation

    // The derivatives of a match that lies within the error, and its residuals.
    __device__ void write_rows(const double *m, int i, bool inside, double *row) const {
        const double x1 = number(0, i), y1 = number(1, i), x2 = number(2, i), y2 = number(3, i);
        const double s1 = number(4, i), s2 = number(5, i);
        const double counts = inside ? 1.0 : 0.0;
        if constexpr (Room<Of>::is_transfer) {
            double jx[9], jy[9], rx, ry;
            transfer_rows(m, x1, y1, x2, y2, counts / sqrt(inside ? s2 : 1.0), inside, 1.0, 0.0, jx, jy, rx, ry);
            for (int k = 0; k < 9; ++k) row[k] = jx[k], row[10 + k] = jy[k];
            row[9] = rx, row[19] = ry;
        } else {
            const double below = inside ? epipolar(m, x1, y1, x2, y2, s1, s2).below : 1.0;
            row[9] = epipolar_row(m, x1, y1, x2, y2, s1, s2, below, counts / sqrt(below), inside, 1.0, 0.0, row);
        }
    }

    // The normal equations of a model, by all threads: rows of some matches, then each sum by a thread of its own.
    __device__ TWO_VIEW_CALLED void accumulate(const Mat3 &model, Normal &normal) {
        constexpr int pitch = Room<Of>::pitch, all = Room<Of>::sums * kNormalLanes;
        double m[9];
        for (int k = 0; k < 9; ++k) m[k] = model[k];
        const double most = asked.question.search.max_error * asked.question.search.max_error;
        for (int s = threadIdx.x; s < all; s += blockDim.x) room.sum[s] = 0;
        for (int begin = 0; begin < asked.count; begin += Room<Of>::tile) {
            const int matches_here = lesser(Room<Of>::tile, asked.count - begin);
            __syncthreads();
            for (int j = threadIdx.x; j < matches_here; j += blockDim.x) {
                const int i = begin + j;
                const double x1 = number(0, i), y1 = number(1, i), x2 = number(2, i), y2 = number(3, i);
                Fraction<double> error;
                if constexpr (Room<Of>::is_transfer)
                    error = transfer(m, x1, y1, x2, y2, number(5, i));
                else
                    error = epipolar(m, x1, y1, x2, y2, number(4, i), number(5, i));
                const bool inside = error.above < error.below * most;
                room.inside[j] = inside;
                room.cost[j] = inside ? error.above / error.below : most;
            }
            __syncthreads();
            for (int j = threadIdx.x; j < matches_here; j += blockDim.x)
                if (is_any_inside(j, matches_here)) write_rows(m, begin + j, room.inside[j], room.row + j * pitch);
            __syncthreads();
            for (int s = threadIdx.x; s < all; s += blockDim.x)
                room.sum[s] = with_matches(room.sum[s], s / kNormalLanes, s % kNormalLanes, matches_here);
        }
        __syncthreads();
        for (int s = threadIdx.x; s < Room<Of>::sums; s += blockDim.x) {
            const double sum = sum_of_4(room.sum + s * kNormalLanes);
            if (s < 45) {
                int a, b;
                place_of(s, a, b);
                normal.ata[a][b] = normal.ata[b][a] = sum;
            } else if (s < 54) {
                normal.atb[s - 45] = sum;
            } else {
                (s == 54 ? normal.cost : normal.inliers) = sum;
            }
        }
        __syncthreads();
    }

    // Where none of the four that processors take at once is inside, nothing is summed.
    __device__ bool is_any_inside(int j, int matches_here) const {
        bool any = false;
        for (int k = j / kNormalLanes * kNormalLanes; k < lesser((j / kNormalLanes + 1) * kNormalLanes, matches_here);
             ++k)
            any = any || room.inside[k];
        return any;
    }

    // Row and column of an entry of the upper triangle.
    static __device__ void place_of(int entry, int &a, int &b) {
        a = 0;
        for (int left = 9; entry >= left; --left, ++a) entry -= left;
        b = a + entry;
    }

    // A sum with what a tile's matches of one lane add to it.
    __device__ double with_matches(double sum, int which, int lane, int matches_here) const {
        if (which >= 54) {
            for (int j = lane; j < matches_here; j += kNormalLanes)
                sum += which == 54 ? room.cost[j] : room.inside[j] ? 1.0 : 0.0;
            return sum;
        }
        int a = which - 45, b = 9;
        if (which < 45) place_of(which, a, b);
        for (int j = lane; j < matches_here; j += kNormalLanes) {
            if (!is_any_inside(j, matches_here)) continue;
            const double *row = room.row + j * Room<Of>::pitch;
            sum += row[a] * row[b];
            if (Room<Of>::is_transfer) sum += row[10 + a] * row[10 + b];
        }
        return sum;
    }
};

}  // namespace splat
