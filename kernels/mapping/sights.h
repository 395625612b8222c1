// What a photo without a camera may show of the points that are there.
#pragma once
#include <cstdint>
#include <vector>

#include "resection.h"
#include "tracks.h"

namespace mapping {

// A photo's features and the points of those that match them, each pair once; in the order of the features.
struct Shown {
    std::vector<int32_t> features, points;
    Sights sights;
};

Shown shown_by(const Features &features, const int32_t *point_of, const double *points, int32_t photo);

// How many features of a photo match one with a point, and how well these are spread: over grids of 2, 4, ... 64 cells a
// side the cells with any, each counted as many times as its grid has cells (Schoenberger & Frahm, "Structure-from-Motion
// Revisited", 2016, 4.2).
struct Visible {
    int64_t count, score;
};

Visible visible_in(const Features &features, const int32_t *point_of, int32_t photo, double width, double height);

}  // namespace mapping
