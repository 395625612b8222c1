// Bundle adjustment: derivatives, points eliminated and moved, costs; each sum in the order in which
// kernels/adjustment/steps.inl has it, with its very bits. What has no order between its terms has a thread each.
#include "adjustment.cuh"

#include "../adjustment/point.h"

namespace splat {

using namespace adjustment;

// A thread an observation; a block's are written together, so that neighbours write to neighbours.
extern "C" __global__ void __launch_bounds__(kEachBlock) linearize_kernel(Structure in, State at, double *linear) {
    __shared__ double numbers[kEachBlock * kNumbers];
    const int64_t o = number_of_thread(), first = o - threadIdx.x;
    if (o < in.observations) {
        const int32_t photo = in.photo[o];
        Linearized<double> one;
        linearize(at.pose[photo], at.lens[in.lens_of[photo]], at.points + 3 * int64_t(in.point[o]), in.seen + 2 * o,
                  in.loss, in.scale, one);
        double *to = numbers + threadIdx.x * kNumbers;
        to[kWeight] = one.weight;
        for (int row = 0; row < 2; ++row) {
            to[kResidual + row] = one.residual[row];
            for (int k = 0; k < 3; ++k) to[kByPoint + 3 * row + k] = one.by_point[row][k];
            for (int k = 0; k < kPose; ++k)
                to[kByPose + kPose * row + k] = in.free_pose[photo] >> k & 1 ? one.by_pose[row][k] : 0;
            for (int k = 0; k < kLanes; ++k) to[kByLens + kLanes * row + k] = one.by_lens[row][k];
        }
    }
    __syncthreads();
    const int64_t left = in.observations - first;
    const int count = int(left < kEachBlock ? left : kEachBlock) * kNumbers;
    for (int n = threadIdx.x; n < count; n += kEachBlock) linear[first * kNumbers + n] = numbers[n];
}

// A thread a point.
extern "C" __global__ void eliminate_kernel(Structure in, double damping, const double *linear, System out,
                                            uint8_t *stays) {
    const int64_t point = number_of_thread();
    if (point >= in.points) return;
    double v[6] = {0, 0, 0, 0, 0, 0}, descent[3] = {0, 0, 0};
#pragma unroll 2
    for (int64_t o = in.first[point]; o < in.first[point + 1]; ++o) {
        const double *one = linear + o * kNumbers, *by = one + kByPoint, weight = one[kWeight];
        for (int k = 0; k < 3; ++k) {
            const double first = weight * by[k], second = weight * by[3 + k];
            descent[k] -= first * one[kResidual] + second * one[kResidual + 1];
            for (int m = 0; m <= k; ++m) v[k * (k + 1) / 2 + m] += first * by[m] + second * by[3 + m];
        }
    }
    Eliminated left;
    eliminate(v, descent, damping, in.held_point[point], left);
    for (int k = 0; k < 6; ++k) out.point_root[6 * point + k] = left.root[k];
    for (int k = 0; k < 3; ++k) {
        out.point_rhs[3 * point + k] = left.rhs[k];
        out.point_descent[3 * point + k] = left.descent[k];
        out.point_diagonal[3 * point + k] = left.diagonal[k];
    }
    stays[point] = left.stays;
}

// A column of Z from one of W', `w` (3), of a point that moves.
inline __device__ void write_column(const double *w, const double *root, bool stays, double *block) {
    double z[3] = {0, 0, 0};
    if (!stays) {
        z[0] = 1 / root[0] * w[0];
        z[1] = 1 / root[2] * (w[1] - root[1] * z[0]);
        z[2] = 1 / root[5] * (w[2] - root[3] * z[0] - root[4] * z[1]);
    }
    for (int k = 0; k < 3; ++k) block[k * kLanes] = z[k];
}

// A thread a column of an observation's block.
extern "C" __global__ void blocks_kernel(Structure in, const double *linear, const uint8_t *stays, System out) {
    const int64_t n = number_of_thread(), o = n / kLanes;
    const int c = int(n % kLanes);
    if (o >= in.observations) return;
    const int32_t point = in.point[o];
    const double *one = linear + o * kNumbers;
    double w[3] = {0, 0, 0};
    for (int k = 0; k < 3 && c < kPose; ++k) {
        const double first = one[kWeight] * one[kByPoint + k], second = one[kWeight] * one[kByPoint + 3 + k];
        w[k] = first * one[kByPose + c] + second * one[kByPose + kPose + c];
    }
    write_column(w, out.point_root + 6 * int64_t(point), stays[point], out.blocks + o * kBlock + c);
}

// A thread a column of a lens slot's block: the sum over the point's observations by photos of the lens.
extern "C" __global__ void slots_kernel(Structure in, const double *linear, const uint8_t *stays, System out) {
    const int64_t n = number_of_thread(), slot = n / kLanes;
    const int c = int(n % kLanes);
    if (slot >= in.slots) return;
    const int32_t point = in.slot_point[slot], lens = in.slot_lens[slot];
    double w[3] = {0, 0, 0};
    for (int64_t o = in.first[point]; o < in.first[point + 1]; ++o) {
        if (in.lens_of[in.photo[o]] != lens) continue;
        const double *one = linear + o * kNumbers;
        for (int k = 0; k < 3; ++k) {
            const double first = one[kWeight] * one[kByPoint + k], second = one[kWeight] * one[kByPoint + 3 + k];
            w[k] = w[k] + first * one[kByLens + c];
            w[k] = w[k] + second * one[kByLens + kLanes + c];
        }
    }
    write_column(w, out.point_root + 6 * int64_t(point), stays[point], out.slot_blocks + slot * kBlock + c);
}

// A thread a photo, and a lens.
extern "C" __global__ void move_cameras_kernel(Structure in, State at, System out, State moved) {
    const int64_t n = number_of_thread();
    if (n < in.photos) {
        if (in.free_pose[n])
            move(at.poses + 7 * n, out.rhs + kPose * n, moved.poses + 7 * n);
        else
            for (int k = 0; k < 7; ++k) moved.poses[7 * n + k] = at.poses[7 * n + k];
        pose_of(moved.poses + 7 * n, moved.pose[n]);
    }
    if (n < in.lenses) move(at.lens[n], out.rhs + in.lens_column[n], moved.lens[n]);
}

// Subtracts from `y` what a step of so many unknowns takes of it.
inline __device__ void subtract_step(double y[3], const double *block, const double *step, int unknowns) {
    for (int k = 0; k < 3; ++k) {
        double sum = 0;
        for (int unknown = 0; unknown < unknowns; ++unknown) sum += block[k * kLanes + unknown] * step[unknown];
        y[k] -= sum;
    }
}

// One point's step; its share of the promised decrease.
inline __device__ double move_point(const Structure &in, const State &at, double damping, const System &out,
                                    const State &moved, int64_t point) {
    double y[3], step[3];
    for (int k = 0; k < 3; ++k) y[k] = out.point_rhs[3 * point + k];
#pragma unroll 2
    for (int64_t o = in.first[point]; in.cameras_move && o < in.first[point + 1]; ++o)
        subtract_step(y, out.blocks + o * kBlock, out.rhs + kPose * int64_t(in.photo[o]), kPose);
    for (int64_t slot = in.first_slot[point]; slot < in.first_slot[point + 1]; ++slot) {
        const int32_t lens = in.slot_lens[slot];
        subtract_step(y, out.slot_blocks + slot * kBlock, out.rhs + in.lens_column[lens], at.lens[lens].free);
    }
    step_of(out.point_root + 6 * point, y, step);
    double promised = 0;
    for (int k = 0; k < 3; ++k) {
        if (in.held_point[point]) step[k] = 0;
        const int64_t n = 3 * point + k;
        moved.points[n] = at.points[n] + step[k];
        promised += step[k] * (out.point_descent[n] + damping * out.point_diagonal[n] * step[k]);
    }
    return promised;
}

// A block a chunk of points.
extern "C" __global__ void __launch_bounds__(kChunkBlock)
    move_points_kernel(Structure in, State at, double damping, System out, State moved, double *promised) {
    __shared__ double shares[kChunkBlock];
    const int64_t first = int64_t(blockIdx.x) * kChunk, point = first + threadIdx.x;
    if (point < in.points) shares[threadIdx.x] = move_point(in, at, damping, out, moved, point);
    __syncthreads();
    if (threadIdx.x) return;
    const int64_t left = in.points - first;
    promised[blockIdx.x] = added(0, shares, int(left < kChunk ? left : kChunk));
}

inline __device__ double infinite() {
    const double large = 1e300;
    return large * large;
}

// A block a chunk of points: the observations' costs by as many threads, and their sum by one.
extern "C" __global__ void __launch_bounds__(kChunkBlock) cost_kernel(Structure in, State at, double *costs) {
    __shared__ double shares[kChunkBlock];
    const int64_t first_point = int64_t(blockIdx.x) * kChunk;
    const int64_t end = in.first[first_point + kChunk < in.points ? first_point + kChunk : in.points];
    double sum = 0;
    for (int64_t first = in.first[first_point]; first < end; first += kChunkBlock) {
        const int64_t o = first + threadIdx.x;
        if (o < end) {
            const int32_t photo = in.photo[o];
            const double one = cost_of(at.pose[photo], at.lens[in.lens_of[photo]], at.points + 3 * int64_t(in.point[o]),
                                       in.seen + 2 * o, in.loss, in.scale);
            shares[threadIdx.x] = one >= 0 ? one : infinite();
        }
        __syncthreads();
        if (threadIdx.x == 0) sum = added(sum, shares, int(end - first < kChunkBlock ? end - first : kChunkBlock));
        __syncthreads();
    }
    if (threadIdx.x == 0) costs[blockIdx.x] = sum;
}

// One block: what photos and lenses promise, then what the chunks of points do; and the cost.
extern "C" __global__ void __launch_bounds__(kChunkBlock)
    trial_sums_kernel(Structure in, State at, double damping, System out, const double *promised, const double *costs,
                      TrialSums *sums) {
    __shared__ double shares[2][kChunkBlock];
    const int64_t chunks = (in.points + kChunk - 1) / kChunk;
    double decrease = 0, cost = 0;
    for (int64_t first = 0; first < in.unknowns; first += kChunkBlock) {
        const int64_t n = first + threadIdx.x;
        if (n < in.unknowns)
            shares[0][threadIdx.x] = out.rhs[n] * (out.descent[n] + damping * out.diagonal[n] * out.rhs[n]);
        __syncthreads();
        const int64_t left = in.unknowns - first;
        if (threadIdx.x == 0) decrease = added(decrease, shares[0], int(left < kChunkBlock ? left : kChunkBlock));
        __syncthreads();
    }
    for (int64_t first = 0; first < chunks; first += kChunkBlock) {
        const int64_t n = first + threadIdx.x;
        if (n < chunks) shares[0][threadIdx.x] = promised[n], shares[1][threadIdx.x] = costs[n];
        __syncthreads();
        const int count = int(chunks - first < kChunkBlock ? chunks - first : kChunkBlock);
        if (threadIdx.x == 0) decrease = added(decrease, shares[0], count);
        if (threadIdx.x == 32) cost = added(cost, shares[1], count);
        __syncthreads();
    }
    if (threadIdx.x == 0) sums->promised = decrease / 2;
    if (threadIdx.x != 32) return;
    for (int64_t lens = 0; lens < in.lenses; ++lens)
        if (!(at.lens[lens].value[kFx] > 0 && at.lens[lens].value[kFy] > 0)) cost = infinite();
    sums->cost = cost / 2;
}

}  // namespace splat
