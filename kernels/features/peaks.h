// The directions of a keypoint.
#pragma once
#include "method.h"

namespace features {

// The first two directions, in turns, in which a smoothed histogram has a peak of 0.8 of the highest (Lowe 2004, 5).
static inline FEATURES_BOTH int peaks_of(const int32_t histogram[kBins], double turns[kOrientations]) {
    double h[kBins], previous[kBins];
    for (int i = 0; i < kBins; ++i) h[i] = double(histogram[i]);
    for (int round = 0; round < 6; ++round) {
        for (int i = 0; i < kBins; ++i) previous[i] = h[i];
        for (int i = 0; i < kBins; ++i)
            h[i] = (previous[(i + kBins - 1) % kBins] + previous[i] + previous[(i + 1) % kBins]) / 3;
    }
    double highest = h[0];
    for (int i = 1; i < kBins; ++i) highest = h[i] > highest ? h[i] : highest;
    const double least = 0.8 * highest;
    int count = 0;
    for (int i = 0; i < kBins && count < kOrientations; ++i) {
        const double before = h[(i + kBins - 1) % kBins], after = h[(i + 1) % kBins];
        if (!(h[i] > least && h[i] > before && h[i] > after)) continue;
        const double offset = -0.5 * (after - before) / (after + before - 2 * h[i]);
        double turn = (i + offset + 0.5) / kBins;
        if (turn < 0) turn += 1;
        if (turn >= 1) turn -= 1;
        turns[count++] = turn;
    }
    return count;
}

}  // namespace features
