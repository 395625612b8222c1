// Pairs of photos as Python gives them, and as it gets back what is found: what the modules for processors and for GPUs
// share.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>
#include <vector>

#include "verify.h"

namespace two_view {

namespace nb = nanobind;

using Coordinates = nb::ndarray<const double, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using Scales = nb::ndarray<const double, nb::shape<-1>, nb::c_contig, nb::device::cpu>;
using Matches = nb::ndarray<const uint32_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;

template <typename T>
nb::object array_of(std::vector<T> &&values, std::initializer_list<size_t> shape) {
    auto *kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), shape, owner));
}

inline nb::object matrix_of(const Mat3 &m) { return array_of(std::vector<double>(m.begin(), m.end()), {3, 3}); }

// The matches that have numbers in both photos, in the kernel's arrays; and which of the caller's each of them is.
struct Gathered {
    std::vector<double> doubles;
    std::vector<float> floats;
    std::vector<uint32_t> from;
    Points points;

    Gathered(const double *xy1, const double *scale1, int64_t count1, const double *xy2, const double *scale2,
             int64_t count2, const uint32_t *matches, int64_t count) {
        for (int64_t k = 0; k < count; ++k) {
            const uint32_t a = matches[2 * k], b = matches[2 * k + 1];
            if (a >= count1 || b >= count2) throw std::out_of_range("a match of a feature that is not there");
            const double sum = xy1[2 * a] + xy1[2 * a + 1] + xy2[2 * b] + xy2[2 * b + 1];
            if (std::isfinite(sum) && scale1[a] > 0 && scale2[b] > 0 && std::isfinite(scale1[a] + scale2[b]))
                from.push_back(uint32_t(k));
        }
        const int64_t kept = int64_t(from.size()), padded = (kept + kLanes - 1) / kLanes * kLanes;
        doubles.assign(size_t(7 * padded), 0);
        for (int64_t i = 0; i < kept; ++i) {
            const uint32_t a = matches[2 * from[i]], b = matches[2 * from[i] + 1];
            const double of[7] = {
                xy1[2 * a], xy1[2 * a + 1], xy2[2 * b], xy2[2 * b + 1], scale1[a] * scale1[a], scale2[b] * scale2[b],
                1};
            for (int k = 0; k < 7; ++k) doubles[k * padded + i] = of[k];
        }
        floats.assign(doubles.begin(), doubles.end());
        const double *d = doubles.data();
        const float *f = floats.data();
        points = {kept,           padded,         d, d + padded, d + 2 * padded, d + 3 * padded, d + 4 * padded,
                  d + 5 * padded, d + 6 * padded, f, f + padded, f + 2 * padded, f + 3 * padded, f + 4 * padded,
                  f + 5 * padded, f + 6 * padded};
    }
};

inline Gathered gather(const Coordinates &xy1, const Scales &scale1, const Coordinates &xy2, const Scales &scale2,
                       const Matches &matches) {
    if (scale1.shape(0) != xy1.shape(0) || scale2.shape(0) != xy2.shape(0))
        throw std::invalid_argument("as many scales as coordinates");
    return {xy1.data(),    scale1.data(),         int64_t(xy1.shape(0)), xy2.data(),
            scale2.data(), int64_t(xy2.shape(0)), matches.data(),        int64_t(matches.shape(0))};
}

inline const char *name_of(Configuration configuration) {
    static const char *names[] = {"DEGENERATE", "CALIBRATED", "UNCALIBRATED",
                                  "PLANAR",     "PANORAMIC",  "PLANAR_OR_PANORAMIC"};
    return names[configuration];
}

// A pair to be verified: what it is known by, and what is found.
struct PairOfPhotos {
    Coordinates xy1;
    Scales scale1;
    Coordinates xy2;
    Scales scale2;
    Matches matches;
    bool calibrated;
    uint32_t first, second;
    Geometry found;
    std::vector<uint32_t> inliers;
};

inline nb::dict dict_of(PairOfPhotos &&pair) {
    const Geometry &g = pair.found;
    std::vector<uint32_t> inliers = std::move(pair.inliers);
    nb::dict result;
    result["configuration"] = name_of(g.configuration);
    const size_t count = inliers.size();
    result["inliers"] = array_of(std::move(inliers), {count});
    const Estimate *estimates[] = {&g.e, &g.f, &g.h};
    const char *names[] = {"E", "F", "H"};
    nb::dict trials, explained;
    for (int k = 0; k < 3; ++k) {
        result[names[k]] = estimates[k]->found ? matrix_of(estimates[k]->model) : nb::none();
        trials[names[k]] = estimates[k]->trials;
        explained[names[k]] = estimates[k]->inliers;
    }
    result["trials"] = trials;
    result["explained"] = explained;
    result["R"] = g.has_pose ? matrix_of(g.pose.r) : nb::none();
    result["t"] = g.has_pose ? array_of(std::vector<double>(g.pose.t.begin(), g.pose.t.end()), {3}) : nb::none();
    result["angle"] = g.pose.angle;
    result["margin"] = g.pose.margin;
    return result;
}

// The pairs of a list of tuples.
inline std::vector<PairOfPhotos> pairs_of(const nb::list &given) {
    std::vector<PairOfPhotos> pairs;
    for (nb::handle one : given) {
        const nb::tuple of = nb::cast<nb::tuple>(one);
        if (of.size() != 8) throw std::invalid_argument("a pair is of eight things");
        pairs.push_back({nb::cast<Coordinates>(of[0]),
                         nb::cast<Scales>(of[1]),
                         nb::cast<Coordinates>(of[2]),
                         nb::cast<Scales>(of[3]),
                         nb::cast<Matches>(of[4]),
                         nb::cast<bool>(of[5]),
                         nb::cast<uint32_t>(of[6]),
                         nb::cast<uint32_t>(of[7]),
                         {},
                         {}});
    }
    return pairs;
}

inline void keep(PairOfPhotos &pair, Geometry &&found, const std::vector<uint32_t> &from) {
    pair.found = std::move(found);
    for (size_t i = 0; i < pair.found.mask.size(); ++i)
        if (pair.found.mask[i]) pair.inliers.push_back(from[i]);
}

// The attributes of splatworker.sfm.two_view.Rules by their names.
inline Rules rules_of(const nb::kwargs &named) {
    const auto number = [&](const char *name) { return nb::cast<double>(named[name]); };
    const auto count = [&](const char *name) { return nb::cast<int>(named[name]); };
    return {number("max_error"),        count("min_inliers"),
            number("min_inlier_ratio"), number("min_e_f_ratio"),
            number("max_h_ratio"),      number("max_false_alarms"),
            number("confidence"),       count("max_trials"),
            number("min_epipole_deg"),  nb::cast<bool>(named["cheirality"])};
}

// For each pair a dict of what `how(pairs, rules)` finds. Python's lock is released once for all of them.
template <typename How>
nb::list verified(const nb::list &given, const nb::kwargs &named, How how) {
    std::vector<PairOfPhotos> pairs = pairs_of(given);
    const Rules rules = rules_of(named);
    {
        nb::gil_scoped_release release;
        how(pairs, rules);
    }
    nb::list results;
    for (PairOfPhotos &pair : pairs) results.append(dict_of(std::move(pair)));
    return results;
}

}  // namespace two_view
