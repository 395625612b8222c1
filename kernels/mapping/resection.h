// Resection: where a photo was taken, from points of the world that it may show. Many of them are wrong.
#pragma once
#include <cstdint>
#include <vector>

#include "camera.h"

namespace mapping {

// What a photo may show: pixels, and points of the world.
struct Sights {
    std::vector<double> seen;    // (n, 2) pixels
    std::vector<double> points;  // (n, 3)

    int64_t count() const { return int64_t(seen.size()) / 2; }
};

struct Search {
    double max_error;   // pixels
    double confidence;  // that no trial was missed which would have found a better camera
    int max_trials;
    uint64_t seed;
    uint32_t photo;  // draws the random numbers, with the seed
};

struct Resection {
    bool found = false;
    double pose[7];  // quaternion x, y, z, w, then translation: camera_from_world
    Lens lens;
    std::vector<uint8_t> holds;  // (n) which sights are within the error
    int inliers = 0, trials = 0;
};

// LO-RANSAC (Chum, Matas, Kittler 2003) with MSAC's score: three sights a sample, the best camera so far moved to its
// optimum each time, at the end with what of the lens is free. `focals`: multiples of the focal length to begin with, of
// which the one counts whose camera explains most.
Resection resect(const Sights &sights, const Lens &lens, const std::vector<double> &focals, const Search &search);

// Steps of Levenberg and Marquardt's on a pose and the lens's free parameters, with Huber's loss, for the sights marked.
void refine(const Sights &sights, const uint8_t *holds, double huber, int most_steps, double pose[7], Lens &lens);

}  // namespace mapping
