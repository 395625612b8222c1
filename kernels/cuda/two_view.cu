// Two-view geometry, a block of threads a pair: kernels/two_view/ransac.cpp, whose formulas are the same source, with its
// bytes. Compiled without fused multiply-adds; every sum has the processors' order.
//
// Trials are made many at once, ahead of what is known, and then looked at in their order: each model against the best
// that there is by then. What lies behind the trial at which the search ends is forgotten, as if it had not been made.
#include "two_view_sums.cuh"

namespace splat {

template <Kind Of>
struct PairSearcher : PairSums<Of> {
    using Solver = Minimal<Of>;
    using PairSums<Of>::room, PairSums<Of>::question, PairSums<Of>::count, PairSums<Of>::doubles, PairSums<Of>::agree;
    using PairSums<Of>::score_alone, PairSums<Of>::score_together, PairSums<Of>::accumulate;
    Mat3 *models;  // the block's

    // room.refined: `start` moved to its own optimum, by all threads.
    __device__ TWO_VIEW_CALLED void refine(const Mat3 &start, int most_steps) {
        Refinement<Of> &refinement = room.refinement;
        const bool is_first = threadIdx.x == 0;
        constexpr int freedom = kFreedom<Of>;
        if (is_first) refinement.begin(start, most_steps);
        __syncthreads();
        accumulate(refinement.asked, refinement.there());
        if (is_first) refinement.accept();
        while (agree(is_first && refinement.may_step())) {
            for (int k = threadIdx.x; k < freedom; k += blockDim.x) refinement.fill_g(k);
            __syncthreads();
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
                accumulate(refinement.asked, refinement.there());
                if (agree(is_first && refinement.judge())) break;
            }
        }
        if (is_first) room.refined = refinement.result();
        __syncthreads();
    }

    // --- the search

    __device__ float limit() const { return room.found ? room.best_score : float(count); }

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
        const int best = int(room.best_inliers), wanted = question.wanted;
        for (int trial = begin + int(threadIdx.x); trial < end; trial += blockDim.x)
            if (is_enough<Solver::size>(best > wanted ? best : wanted, count, trial, question.search.confidence))
                atomicMin(&room.stop, trial);
        __syncthreads();
    }

    // Models of the trials from `trial` on, in their order, and their scores, cut where they pass the limit.
    __device__ void try_some(int trial, int trials) {
        for (int t = threadIdx.x; t < trials; t += blockDim.x) {
            const auto drawn = sample<Solver::size>(question.key, uint32_t(trial + t), uint32_t(count));
            Array<Correspondence, Solver::size> minimal;
            for (int k = 0; k < Solver::size; ++k) {
                const int i = drawn[k];
                minimal[k] = {doubles(0, i), doubles(1, i), doubles(2, i), doubles(3, i)};
            }
            Mat3 found[Solver::most];
            const int solutions = Solver::solve(minimal, found);
            for (int k = 0; k < solutions; ++k) models[t * Solver::most + k] = found[k];
            room.solutions[t] = solutions;
        }
        __syncthreads();
        for (int t = threadIdx.x; t < trials; t += blockDim.x) {
            int place = 0;
            for (int before = 0; before < t; ++before) place += room.solutions[before];
            for (int k = 0; k < room.solutions[t]; ++k) room.slot[place++] = uint16_t(t * Solver::most + k);
            if (t == trials - 1) room.count = place;
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
        if (count < Solver::size || question.wanted > count) {
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
        const PairSearch &asked = searches[pair];
        PairSearcher<Of> searcher = {{room,
                                      asked.question,
                                      asked.count,
                                      {matches + asked.first, asked.padded},
                                      {floats + asked.first, asked.padded}},
                                     models + int64_t(blockIdx.x) * kMostModels};
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
