// Which features show the same point: the state that a mapper grows.
#pragma once
#include <cstdint>
#include <vector>

#include "camera.h"

namespace mapping {

// All features of all photos, one photo after the other, and which of them match.
struct Features {
    int64_t count, photos;
    const int64_t *first;        // (photos + 1) where each photo's features begin
    const double *seen;          // (count, 2) pixels
    const int64_t *first_match;  // (count + 1)
    const int32_t *match;        // features, of each feature those that match it, rising
};

struct View {
    Pose pose;
    double center[3];
    const Lens *lens;
    bool placed;
};

// The cameras as they stand.
struct Cameras {
    std::vector<Lens> lenses;
    std::vector<View> views;  // of each photo

    Cameras(int64_t photos, const double *poses, const uint8_t *placed, const int32_t *lens_of, std::vector<Lens> all);
    Cameras(const Cameras &) = delete;
    Cameras(Cameras &&) = delete;
};

struct TriangulationRules {
    double cos_create, cos_continue;  // of the largest angle between a ray and the point it is to show
    double cos_least;                 // of the least angle under which rays must meet
};

struct FilterRules {
    double max_error;  // pixels, of what stays, comes to a track, or is merged
    double cos_least;  // a point stays if two of its rays meet under more than this
    int transitivity;  // a track is followed over so many matches
};

// Tracks: of each feature its point, or -1; of each point its place and its features.
class Tracks {
public:
    Tracks(const Features &features, int32_t *point_of, const double *points, int64_t count);

    // New points of a photo's features, and features of its own for points that are there; how many features.
    int64_t triangulate(const Cameras &cameras, int32_t photo, const TriangulationRules &rules);
    // The same for the matches of pairs of photos of which a smaller share than `least` has a point.
    int64_t retriangulate(const Cameras &cameras, double least, const TriangulationRules &rules);
    // Matching features that show points, where they are seen; points that are one; how many features.
    int64_t complete(const Cameras &cameras, const FilterRules &rules);
    int64_t merge(const Cameras &cameras, const FilterRules &rules);
    // Without features that are seen elsewhere, points seen once, and points under small angles; how many features.
    int64_t filter(const Cameras &cameras, const FilterRules &rules, int threads);
    void forget(int32_t photo);  // takes all points from a photo's features

    // Points with at least two features, numbered anew in their order.
    std::vector<double> compact();

private:
    const Features &features_;
    int32_t *point_of_;
    std::vector<double> points_;
    std::vector<std::vector<int32_t>> seen_by_;
    std::vector<int32_t> photo_of_;

    void add(int32_t feature, int32_t point);
    void remove(int32_t point);
    bool only_each_other(int32_t a, int32_t b) const;
    bool follow(const Cameras &cameras, int32_t feature, const std::vector<int32_t> &others, double cos_most);
    int64_t create(const Cameras &cameras, std::vector<int32_t> some, const TriangulationRules &rules);
    double error(const Cameras &cameras, int32_t feature, const double *point) const;
};

}  // namespace mapping
