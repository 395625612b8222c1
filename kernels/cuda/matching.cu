// Each descriptor's two nearest in another photo, exactly, by products of bytes on tensor cores: the same integers as
// kernels/matching on a CPU, whose sums have no order either. Which of them are matches a table says that the host made.
#include "matching_kernels.h"

namespace splat {

// Sums of a warp's 16 rows times 8 columns, over 32 dimensions, four of them a word: as PTX lays out mma.m16n8k32 of
// bytes. Turing has the half of a half of it, laid out alike.
#ifdef __CUDACC__
inline __device__ void multiply_add(int *sums, const uint32_t *rows, const uint32_t *columns) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
        "%3};"
        : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
        : "r"(rows[0]), "r"(rows[1]), "r"(rows[2]), "r"(rows[3]), "r"(columns[0]), "r"(columns[1]));
#else
    for (int half = 0; half < 2; ++half)
        for (int below = 0; below < 2; ++below)
            asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
                : "+r"(sums[2 * below]), "+r"(sums[2 * below + 1])
                : "r"(rows[2 * half + below]), "r"(columns[half]));
#endif
}
#endif

extern "C" __global__ void seven_bits_kernel(const uint8_t *bytes, int64_t count, SevenBits table, uint8_t *out) {
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x)
        out[i] = table.of[bytes[i]];
}

// A score above the column's complement: of equal scores the first column's is the greatest, and greatest is nearest.
inline __device__ uint32_t entry_of(int score, int column) {
    return uint32_t(score < 0xffff ? score : 0xffff) << 16 | uint32_t(0xffff - column);
}

struct Top {
    uint32_t best, second;
};

inline __device__ void enter(Top &top, uint32_t entry) {
    const uint32_t lower = entry < top.best ? entry : top.best;
    top.second = lower > top.second ? lower : top.second;
    top.best = entry > top.best ? entry : top.best;
}

struct __align__(16) FourWords {
    uint32_t word[4];
};

// A block a tile. A warp's lanes are eight groups of four: a group has a row of each of four octets of the warp's rows.
extern "C" __global__ void __launch_bounds__(kMatchBlock)
    nearest_kernel(const uint32_t *descriptors, const RowTile *tiles, Neighbours *found) {
    constexpr int kSteps = 128 / 32;              // of 32 dimensions
    constexpr int kPitch = kDescriptorWords + 4;  // so that a warp's words lie in 32 banks
    constexpr int kFours = kDescriptorWords / 4;
    __shared__ FourWords shared[kMatchColumns * kPitch / 4];
    __shared__ Top tops[kMatchRows][4];
    const uint32_t *columns = shared[0].word;
    const RowTile tile = tiles[blockIdx.x];
    const int warp = threadIdx.x / 32, group = threadIdx.x % 32 / 4, member = threadIdx.x % 4;

    uint32_t rows[2][kSteps][4];
    for (int half = 0; half < 2; ++half)
        for (int below = 0; below < 2; ++below) {
            const int row = warp * kWarpRows + half * 16 + below * 8 + group;
            const uint32_t *words = descriptors +
                                    (tile.first_row + (row < tile.rows ? row : tile.rows - 1)) * kDescriptorWords;
            for (int step = 0; step < kSteps; ++step) {
                rows[half][step][below] = words[8 * step + member];
                rows[half][step][below + 2] = words[8 * step + 4 + member];
            }
        }
    Top best[2][2] = {};
    for (int first = 0; first < tile.columns; first += kMatchColumns) {
        __syncthreads();
        for (int i = threadIdx.x; i < kMatchColumns * kFours; i += blockDim.x) {
            const int column = first + i / kFours;
            FourWords four = {};
            if (column < tile.columns)
                four = reinterpret_cast<const FourWords *>(
                    descriptors)[(tile.first_column + column) * kFours + i % kFours];
            shared[i / kFours * (kPitch / 4) + i % kFours] = four;
        }
        __syncthreads();
        for (int eight = 0; eight < kMatchColumns; eight += 8) {
            int sums[2][4] = {};
            for (int step = 0; step < kSteps; ++step) {
                const uint32_t *words = columns + (eight + group) * kPitch + 8 * step + member;
                const uint32_t both[2] = {words[0], words[4]};
                multiply_add(sums[0], rows[0][step], both);
                multiply_add(sums[1], rows[1][step], both);
            }
            const int column = first + eight + 2 * member;  // one that is beyond the last has the score 0, and is later
            for (int half = 0; half < 2; ++half)
                for (int below = 0; below < 2; ++below) {
                    enter(best[half][below], entry_of(sums[half][2 * below], column));
                    enter(best[half][below], entry_of(sums[half][2 * below + 1], column + 1));
                }
        }
    }
    for (int half = 0; half < 2; ++half)
        for (int below = 0; below < 2; ++below)
            tops[warp * kWarpRows + half * 16 + below * 8 + group][member] = best[half][below];
    __syncthreads();
    if (int(threadIdx.x) >= tile.rows) return;
    Top top = {};
    for (int k = 0; k < 4; ++k) {
        enter(top, tops[threadIdx.x][k].best);
        enter(top, tops[threadIdx.x][k].second);
    }
    found[tile.found + threadIdx.x] = {uint16_t(0xffff - (top.best & 0xffff)), uint16_t(top.best >> 16),
                                       uint16_t(top.second >> 16), 0};
}

// A block a tile: the column that each row matches, or kNoMatch.
extern "C" __global__ void mutual_kernel(const RowTile *tiles, const Neighbours *found, const uint32_t *unclear_from,
                                         uint16_t *partners) {
    const RowTile tile = tiles[blockIdx.x];
    for (int i = threadIdx.x; i < tile.rows; i += blockDim.x) {
        const Neighbours forth = found[tile.found + i];
        uint16_t partner = kNoMatch;
        if (int(forth.index) < tile.columns) {
            const Neighbours back = found[tile.back + forth.index];
            if (int(back.index) == tile.row + i && forth.second < unclear_from[forth.best] &&
                back.second < unclear_from[back.best])
                partner = forth.index;
        }
        partners[tile.found + i] = partner;
    }
}

}  // namespace splat
