// The reduced system of a bundle adjustment: which products each of its blocks is less, found once, and their sums, each in the
// order in which kernels/adjustment/steps.inl has it.
#include "adjustment.cuh"

#include "../adjustment/point.h"

namespace splat {

using namespace adjustment;

// A thread an entry: the blocks of its point from its own part's first on, of which a photo that sees the point twice has two.
extern "C" __global__ void partners_kernel(Structure in, Reduction reduction, Product *partners, int32_t *columns) {
    const int64_t n = number_of_thread();
    if (n >= reduction.entry_count) return;
    const Entry entry = reduction.entries[n];
    int64_t next = reduction.first_partner[n], slot = entry.block - in.observations;
    if (slot < 0) {
        slot = in.first_slot[entry.point];
        int64_t o = entry.block;
        const int32_t photo = in.photo[o];
        while (o > in.first[entry.point] && in.photo[o - 1] == photo) --o;
        for (; o < in.first[entry.point + 1]; ++o, ++next) {
            partners[next] = {entry.block, int32_t(o)};
            columns[next] = in.photo[o];
        }
    }
    for (; slot < in.first_slot[entry.point + 1]; ++slot, ++next) {
        partners[next] = {entry.block, int32_t(in.observations + slot)};
        columns[next] = reduction.part_of_lens[in.slot_lens[slot]];
    }
}

// Calls `found(number)` for each partner of a band's entries whose column is the thread's, in their order. All threads of a block
// look at the same ones, some at a time.
template <typename Found>
inline __device__ void for_partners(const Reduction &reduction, const Band &band, const int32_t *columns, int32_t mine,
                                    Found found) {
    __shared__ __align__(16) int32_t some[kListAtOnce];
    const int64_t end = reduction.first_partner[band.end];
    for (int64_t first = reduction.first_partner[band.first]; first < end; first += kListAtOnce) {
        const int count = int(end - first < kListAtOnce ? end - first : kListAtOnce);
        __syncthreads();
        int32_t mine_of_some[kListAtOnce / kListBlock];
#pragma unroll
        for (int k = 0; k < kListAtOnce / kListBlock; ++k) {
            const int n = k * kListBlock + threadIdx.x;
            const int32_t column = columns[first + (n < count ? n : 0)];
            mine_of_some[k] = n < count ? column : -1;
        }
#pragma unroll
        for (int k = 0; k < kListAtOnce / kListBlock; ++k) some[k * kListBlock + threadIdx.x] = mine_of_some[k];
        __syncthreads();
#pragma unroll 16
        for (int k = 0; k < kListAtOnce; ++k)
            if (some[k] == mine) found(first + k);
    }
}

// A block some columns of a band: how many products each has.
extern "C" __global__ void __launch_bounds__(kListBlock)
    count_products_kernel(Reduction reduction, const int32_t *columns, int64_t *counts) {
    const int64_t strips = (reduction.part_count + kListBlock - 1) / kListBlock;
    const Band band = reduction.bands[blockIdx.x / strips];
    const int64_t column = blockIdx.x % strips * kListBlock + threadIdx.x;
    int64_t count = 0;
    for_partners(reduction, band, columns, int32_t(column), [&](int64_t) { ++count; });
    if (column >= band.part && column < reduction.part_count) counts[band.first_target + column - band.part] = count;
}

extern "C" __global__ void __launch_bounds__(kListBlock)
    list_products_kernel(Reduction reduction, const Product *partners, const int32_t *columns, Product *products) {
    const int64_t strips = (reduction.part_count + kListBlock - 1) / kListBlock;
    const Band band = reduction.bands[blockIdx.x / strips];
    const int64_t column = blockIdx.x % strips * kListBlock + threadIdx.x;
    const bool is_there = column >= band.part && column < reduction.part_count;
    Product *next = products + (is_there ? reduction.first_product[band.first_target + column - band.part] : 0);
    for_partners(reduction, band, columns, is_there ? int32_t(column) : -2, [&](int64_t n) { *next++ = partners[n]; });
}

// Sum over a photo's equations of weight times two of their numbers, `left` and `right` of the first row of each observation,
// so far apart from those of the second. Some observations are fetched at a time.
inline __device__ double sum_of_photo(const Band &band, const Entry *entries, const double *linear, int left,
                                      int left_apart, int right, int right_apart, double sign) {
    constexpr int kSome = 8;
    double sum = 0;
    for (int64_t first = band.first; first < band.end; first += kSome) {
        double weight[kSome], by_left[kSome][2], by_right[kSome][2];
#pragma unroll
        for (int k = 0; k < kSome; ++k) {
            const int64_t n = first + k < band.end ? first + k : band.end - 1;
            const double *one = linear + int64_t(entries[n].block) * kNumbers;
            weight[k] = one[kWeight];
            by_left[k][0] = one[left], by_left[k][1] = one[left + left_apart];
            by_right[k][0] = one[right], by_right[k][1] = one[right + right_apart];
        }
#pragma unroll
        for (int k = 0; k < kSome; ++k) {
            const double scale = sign * weight[k], half = sum + (scale * by_left[k][0]) * by_right[k][0];
            const double whole = half + (scale * by_left[k][1]) * by_right[k][1];
            sum = first + k < band.end ? whole : sum;  // as in `added`
        }
    }
    return sum;
}

// A block a photo, a thread a sum: its own block of the system, damped, that with its lens, its descent, and its share of its
// lens's.
extern "C" __global__ void __launch_bounds__(kSumsBlock)
    photo_sums_kernel(Structure in, State at, double damping, const double *linear, Reduction reduction, System out) {
    const int64_t photo = blockIdx.x;
    const Part part = reduction.parts[photo];
    const Band band = reduction.bands[part.band];
    const Entry *entries = reduction.entries;
    const int32_t lens = in.lens_of[photo];
    const int free = at.lens[lens].free;
    int n = threadIdx.x;
    if (n < kPose * kPose) {
        const int row = n / kPose, c = n % kPose;
        const int64_t unknown = part.column + row;
        double own = sum_of_photo(band, entries, linear, kByPose + row, kPose, kByPose + c, kPose, 1);
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
                sum_of_photo(band, entries, linear, kByPose + row, kPose, kByLens + c, kLanes, 1);
        return;
    }
    n -= kPose * kLanes;
    if (n < kPose) {
        const double descent = sum_of_photo(band, entries, linear, kResidual, 1, kByPose + n, kPose, -1);
        out.descent[part.column + n] = out.rhs[part.column + n] = descent;
        return;
    }
    n -= kPose;
    if (n >= kLensSums) return;
    double sum = 0;
    if (n % kLanes < free && n / kLanes < free)
        sum = sum_of_photo(band, entries, linear, kByLens + n / kLanes, kLanes, kByLens + n % kLanes, kLanes, 1);
    if (n >= kLanes * kLanes && n % kLanes < free)
        sum = sum_of_photo(band, entries, linear, kResidual, 1, kByLens + n % kLanes, kLanes, -1);
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
#pragma unroll 16
    for (int64_t photo = 0; photo < in.photos; ++photo) {
        const double more = sum + out.lens_part[kLensSums * photo + n];
        sum = in.lens_of[photo] == lens ? more : sum;
    }
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

// Where the rows of a lens's chunk are kept until they are added up, and behind them its right side.
inline __device__ double *rows_of(const Structure &in, const System &out, const Band &band) {
    return out.lens_rows + band.partial * (kLanes + 1) * (in.stride - kPose * in.photos);
}

// What a band's points take of its right side, a thread a row.
inline __device__ void reduce_side(const Structure &in, const Reduction &reduction, const Band &band, int row,
                                   const System &out) {
    constexpr int kSome = 8;
    const Part part = reduction.parts[band.part];
    if (row >= part.size) return;
    double *to = out.rhs + part.column + row;
    if (band.partial >= 0) to = rows_of(in, out, band) + kLanes * (in.stride - kPose * in.photos) + row;
    double side = band.partial >= 0 ? 0 : *to;
    for (int64_t first = band.first; first < band.end; first += kSome) {
        double left[kSome][3], rhs[kSome][3];
#pragma unroll
        for (int k = 0; k < kSome; ++k) {
            const Entry entry = reduction.entries[first + k < band.end ? first + k : band.end - 1];
            for (int m = 0; m < 3; ++m) {
                left[k][m] = out.blocks[int64_t(entry.block) * kBlock + m * kLanes + row];
                rhs[k][m] = out.point_rhs[3 * int64_t(entry.point) + m];
            }
        }
#pragma unroll
        for (int k = 0; k < kSome; ++k) {
            const double less = side - (left[k][0] * rhs[k][0] + left[k][1] * rhs[k][1] + left[k][2] * rhs[k][2]);
            side = first + k < band.end ? less : side;
        }
    }
    *to = side;
}

// A warp a target: its lanes are four rows of eight columns, and each has the fourth row below, too. Some products are fetched
// at a time, and which ones come next is known by then.
extern "C" __global__ void __launch_bounds__(kProductsBlock)
    products_kernel(Structure in, Reduction reduction, System out) {
    constexpr int kSome = 4;
    const int64_t t = number_of_thread() / kTargetThreads;
    const int lane = threadIdx.x % kTargetThreads, row = lane / kLanes, c = lane % kLanes;
    if (t >= reduction.target_count) return;
    const Target target = reduction.targets[t];
    const Band band = reduction.bands[target.band];
    if (target.column < 0) {
        reduce_side(in, reduction, band, lane, out);
        return;
    }
    const Part above = reduction.parts[band.part], beside = reduction.parts[target.column];
    if (row >= above.size || c >= beside.size) return;
    const bool has_fourth = row + 4 < above.size;
    bool is_begun = band.part == target.column || above.lens == target.column;
    int64_t apart = 4 * in.stride;
    double *to = out.matrix + (above.column + row) * in.stride + beside.column + c;
    if (band.partial >= 0) {
        const int64_t first = kPose * in.photos;
        to = rows_of(in, out, band) + row * (in.stride - first) + beside.column - first + c;
        apart = 4 * (in.stride - first);
        is_begun = false;
    }
    double sum = is_begun ? to[0] : 0, fourth = is_begun && has_fourth ? to[apart] : 0;
    const int64_t from = reduction.first_product[t], end = reduction.first_product[t + 1];
    Product next[kSome];
#pragma unroll
    for (int k = 0; k < kSome; ++k)
        if (from < end) next[k] = reduction.products[from + k < end ? from + k : end - 1];
    for (int64_t first = from; first < end; first += kSome) {
        double left[kSome][6], right[kSome][3];
#pragma unroll
        for (int k = 0; k < kSome; ++k) {
            const double *l = out.blocks + int64_t(next[k].left) * kBlock + row;
            const double *r = out.blocks + int64_t(next[k].right) * kBlock + c;
            for (int m = 0; m < 3; ++m) {
                left[k][m] = l[m * kLanes], left[k][3 + m] = l[m * kLanes + 4];
                right[k][m] = r[m * kLanes];
            }
        }
#pragma unroll
        for (int k = 0; k < kSome; ++k) {
            const int64_t further = first + kSome + k;
            next[k] = reduction.products[further < end ? further : end - 1];
        }
#pragma unroll
        for (int k = 0; k < kSome; ++k) {
            const double less = sum - left[k][0] * right[k][0] - left[k][1] * right[k][1] - left[k][2] * right[k][2];
            const double below = fourth - left[k][3] * right[k][0] - left[k][4] * right[k][1] -
                                 left[k][5] * right[k][2];
            sum = first + k < end ? less : sum;
            fourth = first + k < end ? below : fourth;
        }
    }
    to[0] = sum;
    if (has_fourth) to[apart] = fourth;
}

// The rows of lenses that have several chunks: a thread an entry of such a row, or of the right side, adds them in their order.
extern "C" __global__ void add_partials_kernel(Structure in, Reduction reduction, System out) {
    const int64_t first = kPose * in.photos, width = in.stride - first, n = number_of_thread();
    const int64_t part = in.photos + n / ((kLanes + 1) * width);
    const int row = int(n / width % (kLanes + 1)), c = int(n % width);
    if (part >= reduction.part_count) return;
    const Part lens = reduction.parts[part];
    const Band *band = reduction.bands + lens.band;
    const bool is_side = row == kLanes;
    if (band->partial < 0 || (is_side ? c >= lens.size : row >= lens.size)) return;
    if (!is_side && (first + c < lens.column || first + c >= in.unknowns)) return;
    double *to = is_side ? out.rhs + lens.column + c : out.matrix + (lens.column + row) * in.stride + first + c;
    double sum = is_side || first + c < lens.column + lens.size ? *to : 0;  // with lenses after it nothing is begun
    for (; band->part == part; ++band) sum += rows_of(in, out, *band)[row * width + c];
    *to = sum;
}

// Rows and columns behind the unknowns are those of the unit matrix; and nothing is known yet against the system.
extern "C" __global__ void padding_kernel(Structure in, System out, TrialSums *sums) {
    const int64_t row = number_of_thread();
    if (row == 0) sums->is_definite = 1;
    if (row >= in.stride) return;
    for (int64_t c = in.unknowns; c < in.stride; ++c) out.matrix[row * in.stride + c] = c == row ? 1 : 0;
    if (row >= in.unknowns) out.rhs[row] = 0;
}

}  // namespace splat
