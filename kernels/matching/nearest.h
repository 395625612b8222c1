// The two nearest neighbours, both ways, between two sets of SIFT descriptors.
#pragma once
#include <cstdint>
#include <vector>

namespace matching {

constexpr int kDimensions = 128;

// Descriptors are kept in seven bits, so that the products of two neighbouring entries fit a signed 16-bit lane and
// those of a whole descriptor (length 512 before) an unsigned one: 32 products an AVX2 instruction. Rounding moves an
// angle of 25 degrees by about 0.2.
constexpr double kScale = 0.49;

// Per row of one set: its best row in the other and the two highest scalar products with it.
struct Nearest {
    std::vector<uint16_t> index, best, second;
    explicit Nearest(int64_t count) : index(count), best(count), second(count) {}
};

// Compares every row with every column and enters the scores into both sides' results, which begin as zeros.
typedef void (*FindNearest)(const int8_t *rows, int64_t row_count, const uint8_t *columns, int64_t column_count,
                            uint16_t *row_index, uint16_t *row_best, uint16_t *row_second, uint16_t *column_index,
                            uint16_t *column_best, uint16_t *column_second);

// A search and how it wants its descriptors: rows in multiples of `rows`, each pair of entries `copies` times; columns
// in blocks of `lanes`, in which the entries of all columns for the same `together` dimensions lie together. `order`
// tells for each column of a block its place there, null for its own.
struct Kernel {
    const char *isa;
    int rows, copies, lanes, together;
    const uint8_t *order;
    FindNearest find;
};

const Kernel &plain_kernel();
#if defined(MATCHING_X86)
const Kernel &avx2_kernel();
const Kernel &vnni_kernel();
#endif

#if defined(MATCHING_X86)
// One row's lanes into its one result: the two highest scores a lane, and from which vector of columns the highest came.
// Static, so that each search has a copy built for its own instructions.
static inline void reduce_lanes(const uint16_t *bests, const uint16_t *seconds, const uint16_t *froms, int lanes,
                                uint16_t &index, uint16_t &best, uint16_t &second) {
    for (int lane = 0; lane < lanes; ++lane) {
        const uint16_t column = uint16_t(froms[lane] * lanes + lane);
        if (bests[lane] > best || (bests[lane] == best && best > 0 && column < index)) {
            if (best > second) second = best;
            best = bests[lane];
            index = column;
        } else if (bests[lane] > second) {
            second = bests[lane];
        }
        if (seconds[lane] > second) second = seconds[lane];
    }
}

#endif

}  // namespace matching
