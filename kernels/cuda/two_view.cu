// Two-view geometry, a block of threads a pair: kernels/two_view/ransac.cpp, whose formulas are the same source, with its
// bytes. Compiled without fused multiply-adds; every sum has the processors' order.
//
// Trials are made many at once, ahead of what is known, and then looked at in their order: each model against the best
// that there is by then. What lies behind the trial at which the search ends is forgotten, as if it had not been made.
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

template <Kind Of>
struct PairSearcher {
    using Solver = Minimal<Of>;
    Room<Of> &room;
    const PairSearch &asked;
    const double *matches;
    const float *floats;
    Mat3 *models;  // the block's

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

    // room.refined: `start` moved to its own optimum, by all threads.
    __device__ TWO_VIEW_CALLED void refine(const Mat3 &start, int most_steps) {
        Refinement<Of> &refinement = room.refinement;
        const bool is_first = threadIdx.x == 0;
        if (is_first) refinement.begin(start, most_steps);
        __syncthreads();
        accumulate(refinement.asked, refinement.normal);
        while (agree(is_first && refinement.derive())) {
            constexpr int freedom = kFreedom<Of>;
            for (int e = threadIdx.x; e < freedom * 10; e += blockDim.x)
                if (e % 10 < 9)
                    refinement.fill_half(e / 10, e % 10);
                else
                    refinement.fill_b(e / 10);
            __syncthreads();
            for (int e = threadIdx.x; e < freedom * freedom; e += blockDim.x)
                refinement.fill_a(e / freedom, e % freedom);
            __syncthreads();
            while (agree(is_first && refinement.propose())) {
                accumulate(refinement.asked, room.there);
                if (agree(is_first && refinement.judge(room.there))) break;
            }
        }
        if (is_first) room.refined = refinement.result();
        __syncthreads();
    }

    // --- the search

    __device__ float limit() const { return room.found ? room.best_score : float(asked.count); }

    // Takes a model of this score if it is better than the best; by the first thread.
    __device__ bool take(const Mat3 &model, float score, float within) {
        if (!(score < limit())) return false;
        room.best = model;
        room.best_score = score;
        room.best_inliers = within;
        room.found = true;
        return true;
    }

    // A model that is the best so far is moved to its own optimum.
    __device__ TWO_VIEW_CALLED void improve() {
        if (!agree(int(room.best_inliers) > Solver::size)) return;
        refine(room.best, kLocalSteps);
        score_together(room.refined.model);
        if (threadIdx.x == 0) take(room.refined.model, sum_of_8(room.lanes), sum_of_8(room.lanes + kLanes));
        __syncthreads();
    }

    // room.stop: the first of these trials before which the search would end, or `end`.
    __device__ TWO_VIEW_CALLED void find_stop(int begin, int end) {
        if (threadIdx.x == 0) room.stop = end;
        __syncthreads();
        const int best = int(room.best_inliers), wanted = asked.question.wanted;
        for (int trial = begin + int(threadIdx.x); trial < end; trial += blockDim.x)
            if (is_enough<Solver::size>(best > wanted ? best : wanted, asked.count, trial,
                                        asked.question.search.confidence))
                atomicMin(&room.stop, trial);
        __syncthreads();
    }

    // Models of the trials from `trial` on, in their order, and their scores, cut where they pass the limit.
    __device__ void try_some(int trial, int trials) {
        for (int t = threadIdx.x; t < trials; t += blockDim.x) {
            const auto drawn = sample<Solver::size>(asked.question.key, uint32_t(trial + t), uint32_t(asked.count));
            Array<Correspondence, Solver::size> minimal;
            for (int k = 0; k < Solver::size; ++k) {
                const int i = drawn[k];
                minimal[k] = {number(0, i), number(1, i), number(2, i), number(3, i)};
            }
            Mat3 found[Solver::most];
            const int count = Solver::solve(minimal, found);
            for (int k = 0; k < count; ++k) models[t * Solver::most + k] = found[k];
            room.solutions[t] = count;
        }
        __syncthreads();
        if (threadIdx.x == 0) {
            room.count = 0;
            for (int t = 0; t < trials; ++t)
                for (int k = 0; k < room.solutions[t]; ++k) room.slot[room.count++] = uint16_t(t * Solver::most + k);
        }
        __syncthreads();
        for (int c = threadIdx.x; c < room.count; c += blockDim.x)
            score_alone(models[room.slot[c]], limit(), room.score[c], room.within[c]);
        __syncthreads();
    }

    // room.next: the first model from `begin` on that is better than the best and of a trial before the stop.
    __device__ void find_next(int begin, int trial) {
        if (threadIdx.x == 0) room.next = room.count;
        __syncthreads();
        for (int c = begin + int(threadIdx.x); c < room.count; c += blockDim.x)
            if (trial + room.slot[c] / Solver::most < room.stop && room.score[c] < limit()) {
                atomicMin(&room.next, c);
                break;
            }
        __syncthreads();
    }

    // How many trials it took; the best is in the room.
    __device__ int run() {
        const Question &question = asked.question;
        if (threadIdx.x == 0) {
            room.found = false;
            room.best_score = room.best_inliers = 0;
        }
        __syncthreads();
        if (question.has_start) {
            score_together(question.start);
            if (agree(threadIdx.x == 0 && take(question.start, sum_of_8(room.lanes), sum_of_8(room.lanes + kLanes))))
                improve();
        }
        int trial = 0;
        while (trial < question.search.max_trials) {
            const int most = trial == 0 ? Room<Of>::first_trials : Room<Of>::trials;
            const int end = trial + lesser(most, question.search.max_trials - trial);
            find_stop(trial, end);
            const int last = room.stop;  // nothing better found, these are made
            if (last == trial) break;
            try_some(trial, last - trial);
            for (int next = 0;; ++next) {
                find_next(next, trial);
                next = room.next;
                if (next == room.count) break;
                __syncthreads();
                const int slot = room.slot[next];
                if (threadIdx.x == 0) take(models[slot], room.score[next], room.within[next]);
                __syncthreads();
                improve();
                find_stop(trial + slot / Solver::most + 1, last);
            }
            const bool has_stopped = room.stop < last;
            trial = room.stop;
            __syncthreads();
            if (has_stopped) break;
        }
        return trial;
    }

    __device__ void search(Estimate &result) {
        if (asked.count < Solver::size || asked.question.wanted > asked.count) {
            if (threadIdx.x == 0) result = Estimate();
            return;
        }
        const int trials = run();
        if (room.found) refine(room.best, kFinalSteps);
        if (threadIdx.x != 0) return;
        result = Estimate();
        result.trials = trials;
        if (!room.found || !is_finite(room.refined.model)) return;
        result.found = true;
        result.model = room.refined.model;
        result.inliers = room.refined.inliers;
    }
};

template <Kind Of>
inline __device__ void search_all(Room<Of> &room, const PairSearch *searches, int count, const double *matches,
                                  const float *floats, Mat3 *models, Estimate *found) {
    for (int pair = blockIdx.x; pair < count; pair += gridDim.x) {
        __syncthreads();
        PairSearcher<Of> searcher = {room, searches[pair], matches, floats, models + int64_t(blockIdx.x) * kMostModels};
        searcher.search(found[pair]);
    }
}

extern "C" __global__ void to_floats_kernel(const double *numbers, int64_t count, float *floats) {
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x)
        floats[i] = float(numbers[i]);
}

extern "C" __global__ void __launch_bounds__(kSearchBlock, kSearchBlocks)
    essentials_kernel(const PairSearch *searches, int count, const double *matches, const float *floats, Mat3 *models,
                      Estimate *found) {
    __shared__ Room<kEssential> room;
    search_all(room, searches, count, matches, floats, models, found);
}

extern "C" __global__ void __launch_bounds__(kSearchBlock, kSearchBlocks)
    fundamentals_kernel(const PairSearch *searches, int count, const double *matches, const float *floats, Mat3 *models,
                        Estimate *found) {
    __shared__ Room<kFundamental> room;
    search_all(room, searches, count, matches, floats, models, found);
}

extern "C" __global__ void __launch_bounds__(kSearchBlock, kSearchBlocks)
    homographies_kernel(const PairSearch *searches, int count, const double *matches, const float *floats, Mat3 *models,
                        Estimate *found) {
    __shared__ Room<kHomography> room;
    search_all(room, searches, count, matches, floats, models, found);
}

}  // namespace splat
