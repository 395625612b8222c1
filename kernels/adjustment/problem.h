// What the steps of an adjustment work on: arrays alone, so that they can lie anywhere.
#pragma once
#include "observation.h"

namespace adjustment {

constexpr int kPose = 6;   // unknowns of a photo
constexpr int kLanes = 8;  // columns of a block, with padding: a photo's six or a lens's up to eight
constexpr int kBlock = 3 * kLanes;
constexpr int kLensSums = kLanes * (kLanes + 1);  // of a lens's block and descent: 8 x 8, 8
constexpr int kChunk = 256;              // points whose costs are summed together, whatever the number of threads
constexpr int kLensChunk = 1024;         // a lens's slots whose products are summed together
constexpr int kPanel = 64;               // rows of the reduced system that are eliminated together
constexpr int64_t kMostUnknowns = 3072;  // of photos and lenses: their dense system has 75 MB

// Observations are sorted by point, and those of a point by photo; `of_photo` lists them by photo, and their points and pixels
// stand in that order once more: a photo's lie far from each other in the first. A lens slot is a point and one of the lenses
// that see it; they are sorted by point, those of a point by lens, and `of_lens` lists them by lens. Lenses without free
// parameters have no slots.
struct Structure {
    int64_t photos, lenses, points, observations, slots, lens_chunks;
    const int32_t *photo, *point;              // (observations)
    const double *seen;                        // (observations, 2) pixels
    const int64_t *first;                      // (points + 1) a point's observations
    const int64_t *of_photo, *first_of_photo;  // (observations), (photos + 1)
    const int32_t *point_by_photo;             // (observations) as `of_photo` lists them
    const double *seen_by_photo;               // (observations, 2) pixels, the same
    const int32_t *slot_point, *slot_lens;     // (slots)
    const int64_t *first_slot;                 // (points + 1) a point's slots
    const int64_t *of_lens, *first_of_lens;    // (slots), (lenses + 1)
    const int64_t *first_chunk;                // (lenses + 1) a lens's chunks, of `kLensChunk` of its slots each
    const int32_t *chunk_lens;                 // (lens_chunks)
    const int32_t *lens_of;                    // (photos)
    const uint8_t *free_pose;                  // (photos) a bit for each of the six unknowns that is adjusted
    const uint8_t *held_point;                 // (points) not adjusted
    const int32_t *lens_column;                // (lenses) where a lens's unknowns begin; photo i's begin at 6 i
    int64_t unknowns, stride;                  // unknowns of photos and lenses; a row of `system`, a multiple of eight
    bool cameras_move;                         // a photo or a lens is adjusted: else each point is a system by itself
    Loss loss;
    double scale;
};

struct State {
    double *poses;       // (photos, 7)
    Pose<double> *pose;  // (photos) the same as matrices
    Lens<double> *lens;  // (lenses)
    double *points;      // (points, 3)
};

// A linearized problem, with the points eliminated. With V = L L' of a point, Z = inv(L) W' of each of its blocks, so that
// the reduced system is U - sum Z' Z (Schur's complement). `blocks`, `slot_blocks`, `products` and `matrix` begin at a line of
// the cache, so that no vector of eight in the first three lies across two.
struct System {
    double *blocks;                          // (observations, 3, 8) Z by photo
    double *slot_blocks;                     // (slots, 3, 8) Z by lens
    double *point_root;                      // (points, 6) L: 00 10 11 20 21 22
    double *point_rhs;                       // (points, 3) inv(L) times the point's descent
    double *point_descent, *point_diagonal;  // (points, 3)
    double *lens_part;           // (photos, kLensSums) each photo's share of its lens's block (8, 8) and descent (8)
    double *products;            // (threads, photos, 6, 8) the rows of the photo that a thread is at, block by block
    double *matrix;              // (stride, stride) the reduced system, upper half; its factor afterwards
    double *rhs;                 // (stride) its right side, and the solution afterwards
    double *descent, *diagonal;  // (stride) minus the gradient, and what damping multiplies, before elimination
    double *chunk;               // (chunks of points) sums
    double
        *lens_rows;  // (lens_chunks, 9, stride - 6 photos) what a chunk takes of its lens's rows from the first lens's
                     // column on, and of its right side; nothing of lenses that have one chunk
};

// The loops that take the time, compiled once for each instruction set: the same operations in the same order in each, and
// whatever the number of threads, so that all give the same bits.
struct Steps {
    const char *isa;
    // Linearize at a state, damp the diagonal by (1 + damping), eliminate the points, form the reduced system. Of the
    // latter nothing, nor of the blocks, where no camera moves.
    void (*build)(const Structure &, const State &, double damping, const System &, int threads);
    // Cholesky factor and solution in place; false where the matrix is not positive definite.
    bool (*solve)(const System &, int64_t stride, int threads);
    // The points' steps from those of photos and lenses, and a state moved by all; the decrease that the linear model
    // promises.
    double (*advance)(const Structure &, const State &, double damping, const System &, const State &moved,
                      int threads);
    // The cost, half the sum of rho; infinite where a point is no longer in front of a camera that sees it.
    double (*cost)(const Structure &, const State &, double *chunk, int threads);
};

const Steps &baseline_steps();
#if defined(ADJUSTMENT_X86)
const Steps &avx2_steps();
const Steps &avx512_steps();
#endif

}  // namespace adjustment
