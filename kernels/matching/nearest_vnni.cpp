// The search with AVX-512's products of bytes (VNNI): eight rows times 32 columns at a time, 64 products an instruction,
// summed in 32 bits and packed into 16 for what is common with AVX2. Compiled for it; no standard library templates in
// here, or the linker might let another caller use a copy built for AVX-512.
#include <immintrin.h>

#include "nearest.h"

namespace matching {
namespace {

constexpr int kRows = 8, kColumns = 32, kTogether = 4, kGroups = kDimensions / kTogether;
constexpr int64_t kTile = 1024;  // columns whose descriptors (128 kB) stay in the cache while all rows pass

typedef __m512i Vec;

inline Vec load(const void *p) { return _mm512_loadu_si512(p); }
inline void store(void *p, Vec v) { _mm512_storeu_si512(p, v); }

// Packing 32-bit lanes of two vectors takes four of either in turn: columns stand so that they come out in their order.
constexpr uint8_t kOrder[kColumns] = {0, 1, 2,  3,  16, 17, 18, 19, 4,  5,  6,  7,  20, 21, 22, 23,
                                      8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31};

// The two highest so far a lane, and where the highest came from. On a tie the earlier one stays.
struct Top {
    Vec best, second, from;
};

inline void enter(Top &top, Vec score, Vec from) {
    const __mmask32 is_higher = _mm512_cmpgt_epu16_mask(score, top.best);
    top.second = _mm512_max_epu16(top.second, _mm512_min_epu16(top.best, score));
    top.from = _mm512_mask_mov_epi16(top.from, is_higher, from);
    top.best = _mm512_max_epu16(top.best, score);
}

// One row's lanes into its one result. `from` counts vectors of columns.
inline void reduce(const Top &top, uint16_t &index, uint16_t &best, uint16_t &second) {
    uint16_t bests[kColumns], seconds[kColumns], froms[kColumns];
    store(bests, top.best);
    store(seconds, top.second);
    store(froms, top.from);
    reduce_lanes(bests, seconds, froms, kColumns, index, best, second);
}

void find(const int8_t *rows, int64_t row_count, const uint8_t *columns, int64_t column_count, uint16_t *row_index,
          uint16_t *row_best, uint16_t *row_second, uint16_t *column_index, uint16_t *column_best,
          uint16_t *column_second) {
    for (int64_t tile = 0; tile < column_count; tile += kTile) {
        const int64_t end = tile + kTile < column_count ? tile + kTile : column_count;
        for (int64_t i = 0; i < row_count; i += kRows) {
            const int8_t *a = rows + i * kDimensions;
            Top along[kRows];
            for (Top &top : along) top = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
            for (int64_t j = tile; j < end; j += kColumns) {
                const uint8_t *b = columns + j * kDimensions;
                Vec sums[kRows][2];
                for (auto &row : sums) row[0] = row[1] = _mm512_setzero_si512();
                for (int group = 0; group < kGroups; ++group) {
                    const Vec left = load(b + group * kTogether * kColumns);
                    const Vec right = load(b + group * kTogether * kColumns + 64);
#pragma GCC unroll 8
                    for (int row = 0; row < kRows; ++row) {
                        int32_t four;
                        __builtin_memcpy(&four, a + row * kDimensions + group * kTogether, sizeof four);
                        const Vec all = _mm512_set1_epi32(four);
                        sums[row][0] = _mm512_dpbusd_epi32(sums[row][0], left, all);
                        sums[row][1] = _mm512_dpbusd_epi32(sums[row][1], right, all);
                    }
                }
                const Vec vector = _mm512_set1_epi16(int16_t(j / kColumns));
                Top across = {load(column_best + j), load(column_second + j), load(column_index + j)};
#pragma GCC unroll 8
                for (int row = 0; row < kRows; ++row) {
                    const Vec score = _mm512_packus_epi32(sums[row][0], sums[row][1]);
                    enter(along[row], score, vector);
                    enter(across, score, _mm512_set1_epi16(int16_t(i + row)));
                }
                store(column_best + j, across.best);
                store(column_second + j, across.second);
                store(column_index + j, across.from);
            }
            for (int row = 0; row < kRows; ++row)
                reduce(along[row], row_index[i + row], row_best[i + row], row_second[i + row]);
        }
    }
}

}  // namespace

const Kernel &vnni_kernel() {
    static const Kernel kernel = {"avx512vnni", kRows, 1, kColumns, kTogether, kOrder, find};
    return kernel;
}

}  // namespace matching
