// splatworker._two_view: the geometry of a pair of photos.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <string>
#include <vector>

#include "pairs.h"
#include "solvers.h"

namespace nb = nanobind;

namespace {

using namespace two_view;
using Matrix = nb::ndarray<const double, nb::shape<3, 3>, nb::c_contig, nb::device::cpu>;
using Pairs = nb::ndarray<const double, nb::shape<-1, 4>, nb::c_contig, nb::device::cpu>;

// The pairs, one after the other.
nb::list verify_pairs(const nb::list &given, uint64_t seed, const nb::kwargs &named) {
    return verified(given, named, [seed](std::vector<PairOfPhotos> &pairs, const Rules &rules) {
        for (PairOfPhotos &pair : pairs) {
            const Gathered gathered = gather(pair.xy1, pair.scale1, pair.xy2, pair.scale2, pair.matches);
            keep(pair, verify(gathered.points, pair.calibrated, rules, seed, pair.first, pair.second), gathered.from);
        }
    });
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
nb::list solve_minimal(const Pairs &pairs, int (*solver)(const Array<Correspondence, Size> &, Mat3 (&)[Most])) {
    if (pairs.shape(0) != Size) throw std::invalid_argument("a minimal number of matches");
    Array<Correspondence, Size> points;
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
    m.def("verify", &verify_pairs, nb::arg("pairs"), nb::arg("seed"), nb::arg("rules"));
    m.def("essentials", [](const Pairs &pairs) { return solve_minimal<5, kMostEssentials>(pairs, essentials); });
    m.def("fundamentals", [](const Pairs &pairs) { return solve_minimal<7, kMostFundamentals>(pairs, fundamentals); });
    m.def("homographies", [](const Pairs &pairs) { return solve_minimal<4, 1>(pairs, homographies); });
    m.def("score", &score);
    m.def("refine", &refine_model);
    m.def("philox", &draw);
    m.def("instruction_set", [] { return std::string(lanes().isa); });
}
