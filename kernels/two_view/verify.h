// What two photos have to do with each other, and which of their matches hold.
#pragma once
#include <vector>

#include "pose.h"
#include "ransac.h"

namespace two_view {

enum Configuration { kDegenerate, kCalibrated, kUncalibrated, kPlanar, kPanoramic, kPlanarOrPanoramic };

struct Rules {
    double max_error;  // pixels
    int min_inliers;
    double min_inlier_ratio;  // of all matches
    double min_e_f_ratio;     // an essential matrix must explain so much of what a fundamental one does
    double max_h_ratio;       // a homography that explains more than this share of it says: a plane, or a turn
    double max_false_alarms;  // models as good that unrelated matches may be expected to give
    double confidence;
    int max_trials;
    double min_epipole_deg;  // matches nearer to an epipole do not count; 0: all do
    bool cheirality;         // nor do those that lie behind a camera
};

struct Geometry {
    Configuration configuration = kDegenerate;
    Estimate e, f, h;  // of normalized coordinates
    std::vector<uint8_t> mask;
    int inliers = 0;
    bool has_pose = false;
    Pose pose;
};

// A pair on its way: it asks for one model after the other, each in the light of those before, and whoever estimates it,
// here or on a GPU, answers.
class Verification {
public:
    // What the points point to must outlive it.
    Verification(const Points &points, bool calibrated, const Rules &rules, uint64_t seed, uint32_t first,
                 uint32_t second);
    // The model to be estimated next; false where all are.
    bool asks(Question &question) const;
    void answer(const Estimate &estimate);
    // Of all answers.
    Geometry geometry() const;

private:
    struct Found {
        Estimate estimate;
        std::vector<uint8_t> mask;
        bool holds = false;
    };
    static constexpr int kAllAnswered = kTurn;
    bool believes_focal_lengths() const;
    const Found &general() const;  // the epipolar geometry of the two that counts

    Points points_;
    bool calibrated_;
    Rules rules_;
    uint64_t seed_;
    uint32_t first_, second_;
    int least_;
    int next_;  // a Kind
    Found e_, f_, h_;
};

Geometry verify(const Points &points, bool calibrated, const Rules &rules, uint64_t seed, uint32_t first,
                uint32_t second);

}  // namespace two_view
