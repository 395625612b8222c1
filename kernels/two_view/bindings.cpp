// splatworker._two_view: the geometry of a pair of photos.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "solvers.h"
#include "verify.h"

namespace nb = nanobind;

namespace {

using namespace two_view;
using Coordinates = nb::ndarray<const double, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using Scales = nb::ndarray<const double, nb::shape<-1>, nb::c_contig, nb::device::cpu>;
using Matches = nb::ndarray<const uint32_t, nb::shape<-1, 2>, nb::c_contig, nb::device::cpu>;
using Matrix = nb::ndarray<const double, nb::shape<3, 3>, nb::c_contig, nb::device::cpu>;
using Pairs = nb::ndarray<const double, nb::shape<-1, 4>, nb::c_contig, nb::device::cpu>;

template <typename T>
nb::object array_of(std::vector<T> &&values, std::initializer_list<size_t> shape) {
    auto *kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), shape, owner));
}

nb::object matrix_of(const Mat3 &m) { return array_of(std::vector<double>(m.begin(), m.end()), {3, 3}); }

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

Gathered gather(const Coordinates &xy1, const Scales &scale1, const Coordinates &xy2, const Scales &scale2,
                const Matches &matches) {
    if (scale1.shape(0) != xy1.shape(0) || scale2.shape(0) != xy2.shape(0))
        throw std::invalid_argument("as many scales as coordinates");
    return {xy1.data(),    scale1.data(),         int64_t(xy1.shape(0)), xy2.data(),
            scale2.data(), int64_t(xy2.shape(0)), matches.data(),        int64_t(matches.shape(0))};
}

const char *name_of(Configuration configuration) {
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

nb::dict dict_of(PairOfPhotos &&pair) {
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

// The pairs, one after the other, for each a dict. Python's lock is released once for all of them.
nb::list verify_pairs(const nb::list &given, uint64_t seed, double max_error, int min_inliers, double min_inlier_ratio,
                      double min_e_f_ratio, double max_h_ratio, double max_false_alarms, double confidence,
                      int max_trials, double min_epipole_deg, bool cheirality) {
    const Rules rules = {max_error,        min_inliers, min_inlier_ratio, min_e_f_ratio,   max_h_ratio,
                         max_false_alarms, confidence,  max_trials,       min_epipole_deg, cheirality};
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
    {
        nb::gil_scoped_release release;
        for (PairOfPhotos &pair : pairs) {
            const Gathered gathered = gather(pair.xy1, pair.scale1, pair.xy2, pair.scale2, pair.matches);
            pair.found = verify(gathered.points, pair.calibrated, rules, seed, pair.first, pair.second);
            for (size_t i = 0; i < pair.found.mask.size(); ++i)
                if (pair.found.mask[i]) pair.inliers.push_back(gathered.from[i]);
        }
    }
    nb::list results;
    for (PairOfPhotos &pair : pairs) results.append(dict_of(std::move(pair)));
    return results;
}

Kind kind_named(const std::string &name) {
    if (name == "E") return kEssential;
    if (name == "F") return kFundamental;
    if (name == "H") return kHomography;
    if (name == "R") return kTurn;
    throw std::invalid_argument("E, F, H or R");
}

Mat3 read(const Matrix &m) {
    Mat3 model;
    std::copy(m.data(), m.data() + 9, model.begin());
    return model;
}

template <int Size, int Most>
nb::list solve_minimal(const Pairs &pairs, int (*solver)(const std::array<Correspondence, Size> &, Mat3 (&)[Most])) {
    if (pairs.shape(0) != Size) throw std::invalid_argument("a minimal number of matches");
    std::array<Correspondence, Size> points;
    for (int k = 0; k < Size; ++k) {
        const double *p = pairs.data() + 4 * k;
        points[k] = {p[0], p[1], p[2], p[3]};
    }
    Mat3 found[Most];
    const int count = solver(points, found);
    nb::list models;
    for (int k = 0; k < count; ++k) models.append(matrix_of(found[k]));
    return models;
}

nb::tuple score(const std::string &kind, const Matrix &model, const Coordinates &xy1, const Scales &scale1,
                const Coordinates &xy2, const Scales &scale2, const Matches &matches, double max_error) {
    const Gathered gathered = gather(xy1, scale1, xy2, scale2, matches);
    float inliers;
    const float sum = lanes().score(kind_named(kind), read(model).data(), gathered.points, max_error,
                                    std::numeric_limits<float>::infinity(), &inliers);
    return nb::make_tuple(double(sum), int(inliers));
}

nb::tuple refine_model(const std::string &kind, const Matrix &model, const Coordinates &xy1, const Scales &scale1,
                       const Coordinates &xy2, const Scales &scale2, const Matches &matches, double max_error,
                       int most_steps) {
    const Gathered gathered = gather(xy1, scale1, xy2, scale2, matches);
    const Refined refined = refine(kind_named(kind), read(model), gathered.points, max_error, most_steps);
    return nb::make_tuple(matrix_of(refined.model), refined.cost, refined.inliers);
}

nb::object draw(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t key0, uint32_t key1) {
    const Block block = philox({c0, c1, c2, c3}, key0, key1);
    return array_of(std::vector<uint32_t>(block.begin(), block.end()), {4});
}

}  // namespace

NB_MODULE(_two_view, m) {
    m.doc() = "C++ kernel of splatworker.sfm.two_view; see there.";
    m.def("verify", &verify_pairs, nb::arg("pairs"), nb::arg("seed"), nb::kw_only(), nb::arg("max_error"),
          nb::arg("min_inliers"), nb::arg("min_inlier_ratio"), nb::arg("min_e_f_ratio"), nb::arg("max_h_ratio"),
          nb::arg("max_false_alarms"), nb::arg("confidence"), nb::arg("max_trials"), nb::arg("min_epipole_deg"),
          nb::arg("cheirality"));
    m.def("essentials", [](const Pairs &pairs) { return solve_minimal<5, kMostEssentials>(pairs, essentials); });
    m.def("fundamentals", [](const Pairs &pairs) { return solve_minimal<7, kMostFundamentals>(pairs, fundamentals); });
    m.def("homographies", [](const Pairs &pairs) { return solve_minimal<4, 1>(pairs, homographies); });
    m.def("score", &score);
    m.def("refine", &refine_model);
    m.def("philox", &draw);
    m.def("instruction_set", [] { return std::string(lanes().isa); });
}
