// The dense symmetric system of a bundle adjustment: S = U' U in panels, on the upper half by rows, and its solution. Every
// entry is changed by the operations of kernels/adjustment/cholesky.inl in their order, so it has the same bits. The right
// side is solved forth on the way: it is one more column, only that it is divided where a column is multiplied.
#include "adjustment_kernels.h"

namespace splat {

using adjustment::kLanes;
using adjustment::kPanel;

static_assert(kPanel == kSystemTile && kPanel % kPanelBlock == 0 && kDiagonalBlock == 4 * kPanel &&
                  kSubtractBlock == 4 * kSystemTile,
              "who has which entry");

// A panel's own columns, by one block: a thread has every fourth row of a column in registers, and a row that is next is handed
// to all.
inline __device__ void factor_diagonal(double *system, int64_t size, int64_t from, TrialSums *sums) {
    constexpr int kMine = kPanel / 4;
    __shared__ double next[2][kPanel];
    const int rows = int(from + kPanel < size ? kPanel : size - from);
    const int c = threadIdx.x % kPanel, quarter = threadIdx.x / kPanel;
    double *own = system + from * size + from + (c < rows ? c : rows - 1);
    double x[kMine];
#pragma unroll
    for (int j = 0; j < kMine; ++j) {
        const int row = 4 * j + quarter;
        x[j] = own[(row < rows ? row : rows - 1) * size];  // what is beyond, or below the diagonal, is nobody's
    }
    if (quarter == 0) next[0][c] = x[0];
    __syncthreads();
#pragma unroll
    for (int four = 0; four < kMine; ++four) {
#pragma unroll 1
        for (int k = 0; k < 4; ++k) {
            const int row = 4 * four + k;
            if (row >= rows) return;
            const double *mine = next[k % 2], pivot = mine[row];
            if (!(pivot > 0) || pivot > 1e300) {
                if (threadIdx.x == 0) sums->is_definite = 0;
                return;
            }
            const double inverse = 1 / sqrt(pivot), value = mine[c] * inverse;
            if (quarter == k && row <= c && c < rows) own[row * size] = value;
#pragma unroll
            for (int j = four; j < kMine; ++j) {
                const int below = 4 * j + quarter;
                if (below > row) x[j] -= mine[below] * inverse * value;
            }
            if (k < 3) {
                if (quarter == k + 1) next[(k + 1) % 2][c] = x[four];
            } else if (four + 1 < kMine && quarter == 0) {
                next[0][c] = x[four + 1 < kMine ? four + 1 : four];
            }
            __syncthreads();
        }
    }
}

extern "C" __global__ void __launch_bounds__(kDiagonalBlock)
    factor_diagonal_kernel(double *system, int64_t size, TrialSums *sums) {
    factor_diagonal(system, size, 0, sums);
}

// The same rows in the columns beyond: a thread a column, of which eight rows at a time are in registers.
extern "C" __global__ void __launch_bounds__(kPanelBlock)
    solve_panel_kernel(double *system, int64_t size, int64_t from, const TrialSums *sums) {
    constexpr int kSome = 8, kAtOnce = 16;
    __shared__ double factor[kPanel][kPanel], solved[kPanel][kPanelBlock];
    if (!sums->is_definite) return;
    const int lane = threadIdx.x;
    const int64_t column = from + kPanel + int64_t(blockIdx.x) * kPanelBlock + lane;
    double *mine = system + from * size + (column < size ? column : size - 1);
    for (int first = 0; first < kPanel; first += kAtOnce) {
        double own[kAtOnce], of_factor[kAtOnce][kPanel / kPanelBlock];  // all on the way before the first is written
#pragma unroll
        for (int k = 0; k < kAtOnce; ++k) {
            own[k] = mine[(first + k) * size];
            for (int n = 0; n < kPanel / kPanelBlock; ++n)
                of_factor[k][n] = system[(from + first + k) * size + from + n * kPanelBlock + lane];
        }
#pragma unroll
        for (int k = 0; k < kAtOnce; ++k) {
            solved[first + k][lane] = own[k];
            for (int n = 0; n < kPanel / kPanelBlock; ++n) factor[first + k][n * kPanelBlock + lane] = of_factor[k][n];
        }
    }
    __syncthreads();
    for (int row = lane; row < kPanel; row += kPanelBlock) factor[row][row] = 1 / factor[row][row];
    __syncthreads();
    if (column >= size) return;
    for (int some = 0; some < kPanel; some += kSome) {
        double x[kSome];
#pragma unroll
        for (int k = 0; k < kSome; ++k) x[k] = solved[some + k][lane];
#pragma unroll 4
        for (int row = 0; row < some; ++row) {
            const double above = solved[row][lane];
#pragma unroll
            for (int k = 0; k < kSome; ++k) x[k] -= factor[row][some + k] * above;
        }
#pragma unroll
        for (int k = 0; k < kSome; ++k) {
            x[k] *= factor[some + k][some + k];
#pragma unroll
            for (int below = k + 1; below < kSome; ++below) x[below] -= factor[some + k][some + below] * x[k];
            solved[some + k][lane] = x[k];
            mine[(some + k) * size] = x[k];
        }
    }
}

// The panel's part of the right side: U' y = b, and what is left of b beyond.
inline __device__ void solve_side(const double *system, double *side, int64_t size, int64_t from, double *factor) {
    __shared__ double solved[kPanel];
    const int rows = int(from + kPanel < size ? kPanel : size - from), n = threadIdx.x;
    constexpr int kMine = kPanel * kPanel / kSubtractBlock;
    double own[kMine];
#pragma unroll
    for (int k = 0; k < kMine; ++k) {
        const int row = (k * kSubtractBlock + n) / kPanel, c = n % kPanel;
        own[k] = system[(from + (row < rows ? row : 0)) * size + from + (c < rows ? c : 0)];
    }
#pragma unroll
    for (int k = 0; k < kMine; ++k) factor[k * kSubtractBlock + n] = own[k];
    double x = n < rows ? side[from + n] : 0;
    __syncthreads();
    for (int row = 0; row < rows; ++row) {
        if (n == row) solved[row] = x = x / factor[row * kPanel + row];
        __syncthreads();
        if (n > row && n < rows) x -= solved[row] * factor[row * kPanel + n];
    }
    if (n < rows) side[from + n] = x;
    for (int64_t c = from + kPanel + n; c < size; c += kSubtractBlock) {
        double rest = side[c];
#pragma unroll 16
        for (int row = 0; row < kPanel; ++row) rest -= solved[row] * system[(from + row) * size + c];
        side[c] = rest;
    }
}

// A block a tile of the rows and columns beyond, less the product of the panel's. The first block has the right side, and the
// second goes on to what waits for its tile alone and everything else waits for: the next panel's own columns.
extern "C" __global__ void __launch_bounds__(kSubtractBlock)
    subtract_panel_kernel(double *system, double *side, int64_t size, int64_t from, TrialSums *sums) {
    constexpr int kDeep = 32;  // of the panel's rows at a time
    __shared__ double shared[2][kDeep][kSystemTile];
    if (!sums->is_definite) return;
    if (blockIdx.x == 0) {
        solve_side(system, side, size, from, shared[0][0]);
        return;
    }
    const int64_t beyond = from + kPanel, strips = (size - beyond + kSystemTile - 1) / kSystemTile,
                  tile = blockIdx.x - 1;
    const int64_t top = beyond + tile / strips * kSystemTile, left = beyond + tile % strips * kSystemTile;
    if (left < top) return;
    const int lane = threadIdx.x % 16,
              group = threadIdx.x / 16;  // columns lane, lane + 16, ...; rows 4 group to 4 group + 3
    double x[4][4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int64_t row = top + 4 * group + i, c = left + lane + 16 * j;
            x[i][j] = system[(row < size ? row : size - 1) * size + (c < size ? c : size - 1)];
        }
    for (int deep = 0; deep < kPanel; deep += kDeep) {
        constexpr int kMine = kDeep * kSystemTile / kSubtractBlock;
        const int at = threadIdx.x % kSystemTile, row = threadIdx.x / kSystemTile;
        const int64_t of_row = top + at < size ? top + at : size - 1,
                      of_column = left + at < size ? left + at : size - 1;
        double own[2][kMine];  // all on the way before the first is written
#pragma unroll
        for (int n = 0; n < kMine; ++n) {
            const double *panel = system + (from + deep + row + n * (kDeep / kMine)) * size;
            own[0][n] = panel[of_row], own[1][n] = panel[of_column];
        }
        __syncthreads();
#pragma unroll
        for (int n = 0; n < kMine; ++n)
            for (int which = 0; which < 2; ++which) shared[which][row + n * (kDeep / kMine)][at] = own[which][n];
        __syncthreads();
#pragma unroll 4
        for (int k = 0; k < kDeep; ++k) {
            double above[4], beside[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) above[i] = shared[0][k][4 * group + i], beside[i] = shared[1][k][lane + 16 * i];
#pragma unroll
            for (int i = 0; i < 4; ++i)
#pragma unroll
                for (int j = 0; j < 4; ++j) x[i][j] = x[i][j] - above[i] * beside[j];
        }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const int64_t row = top + 4 * group + i, c = left + lane + 16 * j;
            if (row < size && c < size) system[row * size + c] = x[i][j];
        }
    if (tile != 0) return;
    __syncthreads();
    factor_diagonal(system, size, beyond, sums);
}

// U x = y in place of y, by one block, eight rows at a time: a row's sum over what is solved already has eight lanes, each
// thread one; then the eight rows one after the other. What a thread will need of the factor is on its way meanwhile.
extern "C" __global__ void __launch_bounds__(kBackBlock)
    substitute_back_kernel(const double *system, double *side, int64_t size, const TrialSums *sums) {
    constexpr int kAhead = 32;
    __shared__ double x[kMostRows], lanes[kLanes][kLanes], corner[kLanes][kLanes];
    if (!sums->is_definite) return;
    const int lane = threadIdx.x % kLanes, row = threadIdx.x / kLanes, columns = int(size);
    for (int n = threadIdx.x; n < columns; n += kBackBlock) x[n] = side[n];
    __syncthreads();
    double ahead[kAhead] = {}, own = system[(size - kLanes + row) * size + size - kLanes + lane];
    for (int first = columns - kLanes; first >= 0; first -= kLanes) {
        const double *mine = system + int64_t(first + row) * size;
        const double *above = mine - (first ? kLanes : 0) * size;  // the row that comes next
        corner[row][lane] = own;
        double sum = 0;
        for (int c = first + kLanes + lane; c < columns; c += kAhead * kLanes) {
            double products[kAhead];
#pragma unroll
            for (int k = 0; k < kAhead; ++k) {
                const int at = c + k * kLanes;
                products[k] = ahead[k] * x[at < columns ? at : lane];
            }
#pragma unroll
            for (int k = 0; k < kAhead; ++k) {
                const int further = c + (kAhead + k) * kLanes;
                ahead[k] = mine[further < columns ? further : lane];
            }
#pragma unroll
            for (int k = 0; k < kAhead; ++k) {
                const double more = sum + products[k];
                sum = c + k * kLanes < columns ? more : sum;  // as in `added`
            }
        }
        lanes[row][lane] = sum;
        own = above[first - (first ? kLanes : 0) + lane];
#pragma unroll
        for (int k = 0; k < kAhead; ++k)
            ahead[k] = above[first + lane + k * kLanes < columns ? first + lane + k * kLanes : lane];
        __syncthreads();
        for (int r = kLanes - 1; threadIdx.x == 0 && r >= 0; --r) {
            const double *l = lanes[r];
            double rest = ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
            for (int c = r + 1; c < kLanes; ++c) rest += corner[r][c] * x[first + c];
            x[first + r] = (x[first + r] - rest) / corner[r][r];
        }
        __syncthreads();
    }
    for (int n = threadIdx.x; n < columns; n += kBackBlock) side[n] = x[n];
}

}  // namespace splat
