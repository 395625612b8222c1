// The search with AVX2: four rows times 32 columns at a time, their scores in registers. Compiled with -mavx2; no
// standard library templates in here, or the linker might let another caller use a copy built for AVX2.
#include <immintrin.h>

#include "nearest.h"

namespace matching {
namespace {

constexpr int kRows = 4, kLanes = 16, kVectors = 2, kColumns = kLanes * kVectors;
constexpr int kPairs = kDimensions / 2;
constexpr int64_t kTile = 1024;  // columns whose descriptors (128 kB) stay in the cache while all rows pass

typedef __m256i Vec;  // 16 unsigned 16-bit lanes

inline Vec load(const void *p) { return _mm256_loadu_si256(static_cast<const Vec *>(p)); }
inline void store(void *p, Vec v) { _mm256_storeu_si256(static_cast<Vec *>(p), v); }

// The two highest so far a lane, and where the highest came from. On a tie the earlier one stays.
struct Top {
    Vec best, second, from;
};

inline void enter(Top &top, Vec score, Vec from) {
    const Vec higher = _mm256_max_epu16(top.best, score);
    const Vec stays = _mm256_cmpeq_epi16(higher, top.best);
    top.second = _mm256_max_epu16(top.second, _mm256_min_epu16(top.best, score));
    top.from = _mm256_blendv_epi8(from, top.from, stays);
    top.best = higher;
}

// A row's pair of entries in every lane. Each pair stands there twice: 32 bits are spread while they are loaded, 16
// would take an instruction more.
inline Vec pair_of(const int8_t *row, int pair) {
    int32_t twice;
    __builtin_memcpy(&twice, row + 4 * pair, sizeof twice);
    return _mm256_set1_epi32(twice);
}

// One row's lanes into its one result. `from` counts vectors of columns.
inline void reduce(const Top &top, uint16_t &index, uint16_t &best, uint16_t &second) {
    uint16_t bests[kLanes], seconds[kLanes], froms[kLanes];
    store(bests, top.best);
    store(seconds, top.second);
    store(froms, top.from);
    reduce_lanes(bests, seconds, froms, kLanes, index, best, second);
}

void find(const int8_t *rows, int64_t row_count, const uint8_t *columns, int64_t column_count, uint16_t *row_index,
          uint16_t *row_best, uint16_t *row_second, uint16_t *column_index, uint16_t *column_best,
          uint16_t *column_second) {
    for (int64_t tile = 0; tile < column_count; tile += kTile) {
        const int64_t end = tile + kTile < column_count ? tile + kTile : column_count;
        for (int64_t i = 0; i < row_count; i += kRows) {
            const int8_t *a = rows + i * 2 * kDimensions;
            Top along[kRows];
            for (Top &top : along) top = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
            for (int64_t j = tile; j < end; j += kColumns) {
                const uint8_t *b = columns + j * kDimensions;
                Vec score[kRows][kVectors];
                for (auto &row : score)
                    for (Vec &vector : row) vector = _mm256_setzero_si256();
                for (int pair = 0; pair < kPairs; ++pair) {
                    const Vec left = load(b + pair * 2 * kColumns), right = load(b + pair * 2 * kColumns + 32);
#pragma GCC unroll 4
                    for (int row = 0; row < kRows; ++row) {
                        const Vec both = pair_of(a + row * 2 * kDimensions, pair);
                        score[row][0] = _mm256_add_epi16(score[row][0], _mm256_maddubs_epi16(left, both));
                        score[row][1] = _mm256_add_epi16(score[row][1], _mm256_maddubs_epi16(right, both));
                        // Row after row: left to itself the compiler starts all rows at once and runs out of registers.
                        asm("" : "+x"(score[row][0]), "+x"(score[row][1]));
                    }
                }
#pragma GCC unroll 2
                for (int v = 0; v < kVectors; ++v) {
                    const int64_t at = j + v * kLanes;
                    const Vec vector = _mm256_set1_epi16(int16_t(at / kLanes));
                    Top across = {load(column_best + at), load(column_second + at), load(column_index + at)};
#pragma GCC unroll 4
                    for (int row = 0; row < kRows; ++row) {
                        enter(along[row], score[row][v], vector);
                        enter(across, score[row][v], _mm256_set1_epi16(int16_t(i + row)));
                    }
                    store(column_best + at, across.best);
                    store(column_second + at, across.second);
                    store(column_index + at, across.from);
                }
            }
            for (int row = 0; row < kRows; ++row)
                reduce(along[row], row_index[i + row], row_best[i + row], row_second[i + row]);
        }
    }
}

}  // namespace

const Kernel &avx2_kernel() {
    static const Kernel kernel = {"avx2", kRows, 2, kColumns, 2, nullptr, find};
    return kernel;
}

}  // namespace matching
