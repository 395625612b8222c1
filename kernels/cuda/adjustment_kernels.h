// The kernels of bundle adjustment, with the threads of their blocks. Both halves include this, as kernels.h. Structures and
// states are those of kernels/adjustment, with addresses of the GPU.
#pragma once
#include "both_halves.h"
#include "../adjustment/problem.h"

namespace splat {

constexpr int kEachBlock = 128;  // of what has a thread an item
constexpr int kSumsBlock = 192;  // a photo's sums: 6 x 6, 6 x 8, 6, 72
constexpr int kProductsBlock = 128, kTargetThreads = 32;
constexpr int kListBlock = 128, kListAtOnce = 2048;  // columns of a block, and partners that it looks at together
constexpr int kChunkBlock = adjustment::kChunk;
constexpr int kDiagonalBlock = 256, kPanelBlock = 32, kSubtractBlock = 256, kBackBlock = 64;
constexpr int kSystemTile = 64;       // rows and columns of the reduced system that a block updates
constexpr int kMostRows = 3072 + 16;  // of the reduced system, with padding

// An observation's derivatives, in doubles: residual (2), weight, by the point (2, 3), by the pose (2, 6), by the lens (2, 8).
constexpr int kResidual = 0, kWeight = 2, kByPoint = 3, kByPose = 9, kByLens = 21, kNumbers = 37;

// A photo or a lens that is adjusted: rows and columns of the reduced system. Photos come first, by their numbers.
struct Part {
    int32_t column, size;  // its unknowns
    int32_t lens;          // of a photo: the part that its lens is, -1 where that is held; of a lens -1
    int32_t band;          // its only one, or its first of several
};

// A point that a part sees, and the part's block of it: an observation's, or behind all of these a lens slot's. Those of a part
// are in the order of their points.
struct Entry {
    int32_t point, block;
};

// The rows of a part, or what a chunk of a lens's slots takes of them: each entry with all blocks of its point from its own
// part's on is a product, and `partners` counts these.
struct Band {
    int64_t first, end;     // entries
    int64_t first_target;   // the block with its own part; those with later parts follow
    int32_t part, partial;  // which of the chunks whose sums are added up later, or -1
};

// A block of the reduced system: a band's with a part's columns; or, where `column` is -1, a band's right side.
struct Target {
    int32_t band, column;
};

struct Product {
    int32_t left, right;  // blocks
};

// Which products each block of the reduced system is less, in their order.
struct Reduction {
    const Part *parts;
    const Entry *entries;
    const Band *bands;
    const Target *targets;
    const int32_t *part_of_lens;   // (lenses) -1 of those that are held
    const int64_t *first_partner;  // (entries + 1)
    const int64_t *first_product;  // (targets + 1)
    const Product *products;       // target by target
    int64_t entry_count, target_count, part_count;
};

// What the host asks for after a step.
struct TrialSums {
    double promised, cost;
    int32_t is_definite, unused;
};

extern "C" {

// adjustment.cu
__global__ void linearize_kernel(adjustment::Structure in, adjustment::State at, double *linear);
__global__ void eliminate_kernel(adjustment::Structure in, double damping, const double *linear, adjustment::System out,
                                 uint8_t *stays);
__global__ void blocks_kernel(adjustment::Structure in, const double *linear, const uint8_t *stays,
                              adjustment::System out);
__global__ void slots_kernel(adjustment::Structure in, const double *linear, const uint8_t *stays,
                             adjustment::System out);
__global__ void move_cameras_kernel(adjustment::Structure in, adjustment::State at, adjustment::System out,
                                    adjustment::State moved);
__global__ void move_points_kernel(adjustment::Structure in, adjustment::State at, double damping,
                                   adjustment::System out, adjustment::State moved, double *promised);
__global__ void cost_kernel(adjustment::Structure in, adjustment::State at, double *costs);
__global__ void trial_sums_kernel(adjustment::Structure in, adjustment::State at, double damping,
                                  adjustment::System out, const double *promised, const double *costs, TrialSums *sums);

// reduction.cu
__global__ void partners_kernel(adjustment::Structure in, Reduction reduction, Product *partners, int32_t *columns);
__global__ void count_products_kernel(Reduction reduction, const int32_t *columns, int64_t *counts);
__global__ void list_products_kernel(Reduction reduction, const Product *partners, const int32_t *columns,
                                     Product *products);
__global__ void photo_sums_kernel(adjustment::Structure in, adjustment::State at, double damping, const double *linear,
                                  Reduction reduction, adjustment::System out);
__global__ void lens_sums_kernel(adjustment::Structure in, adjustment::State at, double damping,
                                 adjustment::System out);
__global__ void products_kernel(adjustment::Structure in, Reduction reduction, adjustment::System out);
__global__ void add_partials_kernel(adjustment::Structure in, Reduction reduction, adjustment::System out);
__global__ void padding_kernel(adjustment::Structure in, adjustment::System out, TrialSums *sums);

// cholesky.cu: the system of `size` rows, of which those from `from` on are next.
__global__ void factor_diagonal_kernel(double *system, int64_t size, TrialSums *sums);  // of the first panel
__global__ void solve_panel_kernel(double *system, int64_t size, int64_t from, const TrialSums *sums);
__global__ void subtract_panel_kernel(double *system, double *side, int64_t size, int64_t from, TrialSums *sums);
__global__ void substitute_back_kernel(const double *system, double *side, int64_t size, const TrialSums *sums);

}  // extern "C"

}  // namespace splat
