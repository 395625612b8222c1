// When a nearest neighbour is a match: what the searches on processors and on GPUs share.
#pragma once
#include <cmath>
#include <cstdint>
#include <vector>

#include "nearest.h"

namespace matching {

constexpr int64_t kMost = 65504;  // descriptors of a photo: indices are 16 bits wide, padding included
constexpr int kScores = 65536;

inline uint8_t seven_bits(uint8_t value) { return uint8_t(value * kScale + 0.5); }

// The angle between two descriptors of this scalar product, radians.
inline double angle_of(int score) {
    const double length = 512 * kScale;
    return std::acos(std::fmin(score / (length * length), 1.0));
}

// Whether a best neighbour is near enough, and clearly nearer than the second: angles, as COLMAP measures them.
inline bool is_clear(double nearest, double next, double max_ratio, double max_distance) {
    return nearest <= max_distance && nearest < max_ratio * next;
}

// For each score of a best neighbour, how high the second's must not be for it to be clear; 0 where none will do.
inline std::vector<uint32_t> unclear_from(double max_ratio, double max_distance) {
    std::vector<double> angles(kScores);
    for (int score = 0; score < kScores; ++score) angles[score] = angle_of(score);
    std::vector<uint32_t> limits(kScores);
    for (int best = 0; best < kScores; ++best) {
        int limit = 0, beyond = kScores;
        while (limit < beyond) {
            const int middle = (limit + beyond) / 2;
            if (is_clear(angles[best], angles[middle], max_ratio, max_distance))
                limit = middle + 1;
            else
                beyond = middle;
        }
        limits[best] = uint32_t(limit);
    }
    return limits;
}

}  // namespace matching
