// Bundle adjustment: a step's linearization, elimination and sums, each sum in the order in which kernels/adjustment/steps.inl
// has it, with its very bits. What has no order between its terms has a thread each.
#include "adjustment_kernels.h"

#include "../adjustment/point.h"

namespace splat {

using namespace adjustment;

inline __device__ int64_t number_of_thread() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }

// Calls `found(left block, right block)` for each point that two parts see, in their order; one that a photo sees twice has
// two entries.
template <typename Found>
inline __device__ void for_common_points(const Part &left, const Part &right, const Entry *entries, Found found) {
    int64_t l = left.first, r = right.first;
    while (l < left.end && r < right.end) {
        const int32_t point = entries[l].point, other = entries[r].point;
        if (point < other) {
            ++l;
        } else if (other < point) {
            ++r;
        } else {
            int64_t end = r;
            for (; l < left.end && entries[l].point == point; ++l)
                for (end = r; end < right.end && entries[end].point == point; ++end)
                    found(entries[l].block, entries[end].block);
            r = end;
        }
    }
}

extern "C" __global__ void count_products_kernel(Reduction in, int64_t *counts) {
    const int64_t t = number_of_thread();
    if (t >= in.target_count) return;
    const Target target = in.targets[t];
    int64_t count = 0;
    if (target.column >= 0)
        for_common_points(in.parts[target.row], in.parts[target.column], in.entries,
                          [&](int32_t, int32_t) { ++count; });
    counts[t] = count;
}

extern "C" __global__ void list_products_kernel(Reduction in, Product *products) {
    const int64_t t = number_of_thread();
    if (t >= in.target_count) return;
    const Target target = in.targets[t];
    Product *next = products + in.first[t];
    if (target.column >= 0)
        for_common_points(in.parts[target.row], in.parts[target.column], in.entries,
                          [&](int32_t left, int32_t right) { *next++ = {left, right}; });
}

extern "C" __global__ void linearize_kernel(Structure in, State at, double *linear) {
    const int64_t o = number_of_thread();
    if (o >= in.observations) return;
    const int32_t photo = in.photo[o];
    Linearized<double> one;
    linearize(at.pose[photo], at.lens[in.lens_of[photo]], at.points + 3 * in.point[o], in.seen + 2 * o, in.loss,
              in.scale, one);
    double *to = linear + o * kNumbers;
    to[kWeight] = one.weight;
    for (int row = 0; row < 2; ++row) {
        to[kResidual + row] = one.residual[row];
        for (int k = 0; k < 3; ++k) to[kByPoint + 3 * row + k] = one.by_point[row][k];
        for (int k = 0; k < kPose; ++k)
            to[kByPose + kPose * row + k] = in.free_pose[photo] >> k & 1 ? one.by_pose[row][k] : 0;
        for (int k = 0; k < kLanes; ++k) to[kByLens + kLanes * row + k] = one.by_lens[row][k];
    }
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

// Sum over a photo's equations of weight times two of their numbers, `left` and `right` of the first row of each observation,
// so far apart from those of the second.
inline __device__ double sum_of_photo(const Part &part, const Entry *entries, const double *linear, int left,
                                      int left_apart, int right, int right_apart, double sign) {
    double sum = 0;
#pragma unroll 4
    for (int64_t n = part.first; n < part.end; ++n) {
        const double *one = linear + int64_t(entries[n].block) * kNumbers;
        const double weight = sign * one[kWeight];
        sum = sum + (weight * one[left]) * one[right];
        sum = sum + (weight * one[left + left_apart]) * one[right + right_apart];
    }
    return sum;
}

// A block a photo, a thread a sum: its own block of the system, damped, that with its lens, its descent, and its share of its
// lens's.
extern "C" __global__ void __launch_bounds__(kSumsBlock)
    photo_sums_kernel(Structure in, State at, double damping, const double *linear, const Part *parts,
                      const Entry *entries, System out) {
    const int64_t photo = blockIdx.x;
    const Part part = parts[photo];
    const int32_t lens = in.lens_of[photo];
    const int free = at.lens[lens].free;
    int n = threadIdx.x;
    if (n < kPose * kPose) {
        const int row = n / kPose, c = n % kPose;
        const int64_t unknown = part.column + row;
        double own = sum_of_photo(part, entries, linear, kByPose + row, kPose, kByPose + c, kPose, 1);
        if (row == c) {
            out.diagonal[unknown] = damped(own);
            own += own > 0 ? damping * out.diagonal[unknown] : 1;
        }
        out.matrix[unknown * in.stride + part.column + c] = own;
        return;
    }
    n -= kPose * kPose;
    if (n < kPose * kLanes) {
        const int row = n / kLanes, c = n % kLanes;
        if (c < free)
            out.matrix[(part.column + row) * in.stride + in.lens_column[lens] + c] =
                sum_of_photo(part, entries, linear, kByPose + row, kPose, kByLens + c, kLanes, 1);
        return;
    }
    n -= kPose * kLanes;
    if (n < kPose) {
        const double descent = sum_of_photo(part, entries, linear, kResidual, 1, kByPose + n, kPose, -1);
        out.descent[part.column + n] = out.rhs[part.column + n] = descent;
        return;
    }
    n -= kPose;
    if (n >= kLensSums) return;
    double sum = 0;
    if (n % kLanes < free && n / kLanes < free)
        sum = sum_of_photo(part, entries, linear, kByLens + n / kLanes, kLanes, kByLens + n % kLanes, kLanes, 1);
    if (n >= kLanes * kLanes && n % kLanes < free)
        sum = sum_of_photo(part, entries, linear, kResidual, 1, kByLens + n % kLanes, kLanes, -1);
    out.lens_part[kLensSums * photo + n] = sum;
}

// A block a lens, a thread a sum over its photos' shares: its own block, damped, and its descent.
extern "C" __global__ void __launch_bounds__(kLensSums)
    lens_sums_kernel(Structure in, State at, double damping, System out) {
    const int32_t lens = blockIdx.x, n = threadIdx.x, row = n / kLanes, c = n % kLanes;
    const int free = at.lens[lens].free;
    const int64_t column = in.lens_column[lens];
    if (c >= free) return;
    double sum = 0;
    for (int64_t photo = 0; photo < in.photos; ++photo)
        if (in.lens_of[photo] == lens) sum += out.lens_part[kLensSums * photo + n];
    if (n >= kLanes * kLanes) {
        out.descent[column + c] = out.rhs[column + c] = sum;
    } else if (row < free) {
        if (row == c) {
            out.diagonal[column + row] = damped(sum);
            sum += sum > 0 ? damping * out.diagonal[column + row] : 1;
        }
        out.matrix[(column + row) * in.stride + column + c] = sum;
    }
}

// A part's right side less what its points take of it, a thread a row.
inline __device__ void reduce_side(const Part &part, int row, const Entry *entries, const System &out) {
    if (row >= part.size) return;
    double side = out.rhs[part.column + row];
#pragma unroll 8
    for (int64_t n = part.first; n < part.end; ++n) {
        const double *left = out.blocks + int64_t(entries[n].block) * kBlock + row;
        const double *rhs = out.point_rhs + 3 * int64_t(entries[n].point);
        side -= left[0] * rhs[0] + left[kLanes] * rhs[1] + left[2 * kLanes] * rhs[2];
    }
    out.rhs[part.column + row] = side;
}

// A warp a target: its lanes are four rows of eight columns, and each has the fourth row below, too.
extern "C" __global__ void __launch_bounds__(kProductsBlock)
    products_kernel(Structure in, Reduction reduction, System out) {
    const int64_t t = number_of_thread() / kTargetThreads;
    const int lane = threadIdx.x % kTargetThreads, row = lane / kLanes, c = lane % kLanes;
    if (t >= reduction.target_count) return;
    const Target target = reduction.targets[t];
    const Part above = reduction.parts[target.row];
    if (target.column < 0) {
        reduce_side(above, lane, reduction.entries, out);
        return;
    }
    const Part beside = reduction.parts[target.column];
    if (row >= above.size || c >= beside.size) return;
    double *to = out.matrix + (above.column + row) * in.stride + beside.column + c;
    const bool is_begun = target.row == target.column || above.lens == target.column, has_fourth = row + 4 < above.size;
    double sum = is_begun ? to[0] : 0, fourth = is_begun && has_fourth ? to[4 * in.stride] : 0;
    const int64_t end = reduction.first[t + 1];
#pragma unroll 4
    for (int64_t n = reduction.first[t]; n < end; ++n) {
        const Product product = reduction.products[n];
        const double *left = out.blocks + int64_t(product.left) * kBlock + row;
        const double *right = out.blocks + int64_t(product.right) * kBlock + c;
        const double r0 = right[0], r1 = right[kLanes], r2 = right[2 * kLanes];
        sum = sum - left[0] * r0 - left[kLanes] * r1 - left[2 * kLanes] * r2;
        fourth = fourth - left[4] * r0 - left[kLanes + 4] * r1 - left[2 * kLanes + 4] * r2;
    }
    to[0] = sum;
    if (has_fourth) to[4 * in.stride] = fourth;
}

// Rows and columns behind the unknowns are those of the unit matrix; and nothing is known yet against the system.
extern "C" __global__ void padding_kernel(Structure in, System out, TrialSums *sums) {
    const int64_t row = number_of_thread();
    if (row == 0) sums->is_definite = 1;
    if (row >= in.stride) return;
    for (int64_t c = in.unknowns; c < in.stride; ++c) out.matrix[row * in.stride + c] = c == row ? 1 : 0;
    if (row >= in.unknowns) out.rhs[row] = 0;
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
    double sum = 0;
    for (int n = 0; n < kChunk && first + n < in.points; ++n) sum += shares[n];
    promised[blockIdx.x] = sum;
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
        for (int n = 0; threadIdx.x == 0 && n < kChunkBlock && first + n < end; ++n) sum += shares[n];
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
        for (int k = 0; threadIdx.x == 0 && k < kChunkBlock && first + k < in.unknowns; ++k) decrease += shares[0][k];
        __syncthreads();
    }
    for (int64_t first = 0; first < chunks; first += kChunkBlock) {
        const int64_t n = first + threadIdx.x;
        if (n < chunks) shares[0][threadIdx.x] = promised[n], shares[1][threadIdx.x] = costs[n];
        __syncthreads();
        for (int k = 0; threadIdx.x == 0 && k < kChunkBlock && first + k < chunks; ++k)
            decrease += shares[0][k], cost += shares[1][k];
        __syncthreads();
    }
    if (threadIdx.x) return;
    for (int64_t lens = 0; lens < in.lenses; ++lens)
        if (!(at.lens[lens].value[kFx] > 0 && at.lens[lens].value[kFy] > 0)) cost = infinite();
    sums->promised = decrease / 2;
    sums->cost = cost / 2;
}

}  // namespace splat
