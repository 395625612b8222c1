// The kernels of two-view geometry, with the threads of their blocks. Both halves include this, as kernels.h. A block
// takes a pair of photos, and loops within: any number of threads does the same.
#pragma once
#include "both_halves.h"
#include "../two_view/search.h"

namespace splat {

constexpr int kSearchBlock = 128;
constexpr int kSearchBlocks = 4;  // of a multiprocessor at a time: registers are for so many
constexpr int kToFloatsBlock = 256;
constexpr int kMatchNumbers = 6;  // x1, y1, x2, y2, s1, s2 of two_view::Points

// Most models that a batch of trials gives: a block's share of `models`.
constexpr int kMostModels = 1280;

// What is looked for among the matches of a pair: from `first` on there are its six arrays, each of `padded` numbers.
struct PairSearch {
    two_view::Question question;
    int64_t first;
    int32_t count, padded;
};

extern "C" {

// two_view.cu
__global__ void to_floats_kernel(const double *numbers, int64_t count, float *floats);
__global__ void essentials_kernel(const PairSearch *searches, int count, const double *matches, const float *floats,
                                  two_view::Mat3 *models, two_view::Estimate *found);
__global__ void fundamentals_kernel(const PairSearch *searches, int count, const double *matches, const float *floats,
                                    two_view::Mat3 *models, two_view::Estimate *found);
__global__ void homographies_kernel(const PairSearch *searches, int count, const double *matches, const float *floats,
                                    two_view::Mat3 *models, two_view::Estimate *found);

}  // extern "C"

}  // namespace splat
