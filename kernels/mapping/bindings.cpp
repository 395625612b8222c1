// splatworker._mapping: cameras of photos from points, and points from cameras.
#include <vector>

#include "given.h"
#include "p3p.h"
#include "sights.h"
#include "triangulation.h"

namespace nb = nanobind;

namespace {

using namespace mapping;

template <typename T>
nb::object array_of(std::vector<T> &&values, std::initializer_list<size_t> shape) {
    auto *kept = new std::vector<T>(std::move(values));
    nb::capsule owner(kept, [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T>(kept->data(), shape, owner));
}

nb::object points_array(std::vector<double> &&points) {
    const size_t count = points.size() / 3;
    return array_of(std::move(points), {count, 3});
}

// (points, added): `point_of` is changed in place.
nb::tuple extend(const nb::tuple &features, const nb::tuple &lenses, Table<const double, 7> poses,
                 List<const uint8_t> placed, List<int32_t> point_of, Table<const double, 3> points,
                 List<const int32_t> photos, double cos_create, double cos_continue, double cos_least) {
    GivenModel model(features, lenses, poses, placed, point_of, points);
    check_photos(photos, model.given.features);
    int64_t added = 0;
    std::vector<double> kept;
    {
        nb::gil_scoped_release release;
        for (size_t k = 0; k < photos.size(); ++k)
            added += model.tracks.triangulate(model.cameras, photos.data()[k], {cos_create, cos_continue, cos_least});
        kept = model.tracks.compact();
    }
    return nb::make_tuple(points_array(std::move(kept)), added);
}

nb::tuple retriangulate(const nb::tuple &features, const nb::tuple &lenses, Table<const double, 7> poses,
                        List<const uint8_t> placed, List<int32_t> point_of, Table<const double, 3> points, double least,
                        double cos_create, double cos_continue, double cos_least) {
    GivenModel model(features, lenses, poses, placed, point_of, points);
    int64_t added = 0;
    std::vector<double> kept;
    {
        nb::gil_scoped_release release;
        added = model.tracks.retriangulate(model.cameras, least, {cos_create, cos_continue, cos_least});
        kept = model.tracks.compact();
    }
    return nb::make_tuple(points_array(std::move(kept)), added);
}

nb::tuple clean(const nb::tuple &features, const nb::tuple &lenses, Table<const double, 7> poses,
                List<const uint8_t> placed, List<int32_t> point_of, Table<const double, 3> points, double max_error,
                double cos_least, int transitivity, int threads) {
    require(threads > 0, "threads must be positive");
    GivenModel model(features, lenses, poses, placed, point_of, points);
    int64_t completed = 0, merged = 0, removed = 0;
    std::vector<double> kept;
    {
        nb::gil_scoped_release release;
        const FilterRules rules = {max_error, cos_least, transitivity};
        completed = model.tracks.complete(model.cameras, rules);
        merged = model.tracks.merge(model.cameras, rules);
        removed = model.tracks.filter(model.cameras, rules, threads);
        kept = model.tracks.compact();
    }
    return nb::make_tuple(points_array(std::move(kept)), completed, merged, removed);
}

// Photos lose their points.
nb::object forget(const nb::tuple &features, List<int32_t> point_of, Table<const double, 3> points,
                  List<const int32_t> photos) {
    const GivenFeatures given(features);
    check_points(point_of, given.features, int64_t(points.shape(0)));
    check_photos(photos, given.features);
    Tracks tracks(given.features, point_of.data(), points.data(), int64_t(points.shape(0)));
    for (size_t k = 0; k < photos.size(); ++k) tracks.forget(photos.data()[k]);
    return points_array(tracks.compact());
}

// (counts, scores) of the photos.
nb::tuple visible(const nb::tuple &features, List<const int32_t> point_of, List<const int32_t> photos,
                  Table<const double, 2> sizes) {
    const GivenFeatures given(features);
    require(int64_t(point_of.size()) == given.features.count && sizes.shape(0) == photos.size(),
            "a photo's size or a feature's point is missing");
    check_photos(photos, given.features);
    std::vector<int64_t> counts, scores;
    for (size_t k = 0; k < photos.size(); ++k) {
        const Visible one =
            visible_in(given.features, point_of.data(), photos.data()[k], sizes.data()[2 * k], sizes.data()[2 * k + 1]);
        counts.push_back(one.count);
        scores.push_back(one.score);
    }
    const size_t count = counts.size();
    return nb::make_tuple(array_of(std::move(counts), {count}), array_of(std::move(scores), {count}));
}

nb::object resected(const Resection &one, const Shown &shown, const adjustment::LensModel &model) {
    if (!one.found) return nb::none();
    std::vector<double> pose(one.pose, one.pose + 7), parameters(8);
    write_parameters(one.lens, model, parameters.data());
    std::vector<int32_t> features, points;
    for (size_t k = 0; k < one.holds.size(); ++k)
        if (one.holds[k]) {
            features.push_back(shown.features[k]);
            points.push_back(shown.points[k]);
        }
    const size_t count = features.size();
    return nb::make_tuple(array_of(std::move(pose), {7}), array_of(std::move(parameters), {8}),
                          array_of(std::move(features), {count}), array_of(std::move(points), {count}),
                          int64_t(shown.features.size()), one.trials);
}

// For each photo None, or (pose, parameters, features, points, sights, trials), features and points of what holds.
nb::list resect_photos(const nb::tuple &features, const nb::tuple &lenses, List<int32_t> point_of,
                       Table<const double, 3> points, List<const int32_t> photos, List<const uint8_t> free,
                       nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu> focals, uint64_t seed,
                       double max_error, double confidence, int max_trials, int threads) {
    const GivenFeatures given(features);
    const GivenLenses of(lenses, given.features.photos);
    check_points(point_of, given.features, int64_t(points.shape(0)));
    check_photos(photos, given.features);
    const int64_t count = int64_t(photos.size()), many = int64_t(focals.shape(1));
    require(int64_t(free.size()) == count && int64_t(focals.shape(0)) == count && threads > 0, "one row a photo");
    std::vector<Shown> shown(count);
    std::vector<Resection> found(count);
    {
        nb::gil_scoped_release release;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
        for (int64_t k = 0; k < count; ++k) {
            const int32_t photo = photos.data()[k], number = of.lens_of.data()[photo];
            shown[k] = shown_by(given.features, point_of.data(), points.data(), photo);
            const Lens lens = lens_of(of.parameters.data() + 8 * number, *of.models[number], free.data()[k]);
            std::vector<double> some;
            for (int64_t j = 0; j < many; ++j)
                if (focals.data()[many * k + j] > 0) some.push_back(focals.data()[many * k + j]);
            found[k] = resect(shown[k].sights, lens, some, {max_error, confidence, max_trials, seed, uint32_t(photo)});
        }
    }
    nb::list results;
    for (int64_t k = 0; k < count; ++k)
        results.append(resected(found[k], shown[k], *of.models[of.lens_of.data()[photos.data()[k]]]));
    return results;
}

// The same for pixels and points that are given: the camera, and which of them hold.
nb::object resect_one(Table<const double, 2> seen, Table<const double, 3> points, int model,
                      List<const double> parameters, int free, List<const double> focals, uint64_t seed, uint32_t photo,
                      double max_error, double confidence, int max_trials) {
    const adjustment::LensModel *known = lens_model(model);
    require(known && parameters.size() == 8 && seen.shape(0) == points.shape(0), "a lens, and a point for each pixel");
    Sights sights;
    sights.seen.assign(seen.data(), seen.data() + 2 * seen.shape(0));
    sights.points.assign(points.data(), points.data() + 3 * points.shape(0));
    Shown shown;
    for (size_t k = 0; k < seen.shape(0); ++k) {
        shown.features.push_back(int32_t(k));
        shown.points.push_back(int32_t(k));
    }
    const Lens lens = lens_of(parameters.data(), *known, uint8_t(free));
    const std::vector<double> all(focals.data(), focals.data() + focals.size());
    return resected(resect(sights, lens, all, {max_error, confidence, max_trials, seed, photo}), shown, *known);
}

nb::list place(Table<const double, 3> bearings, Table<const double, 3> points) {
    require(bearings.shape(0) == 3 && points.shape(0) == 3, "three bearings and three points");
    Vec3 seen[3], at[3];
    for (int k = 0; k < 3; ++k)
        for (int i = 0; i < 3; ++i) seen[k][i] = bearings.data()[3 * k + i], at[k][i] = points.data()[3 * k + i];
    Placement found[kMostPlacements];
    const int count = p3p(seen, at, found);
    nb::list results;
    for (int k = 0; k < count; ++k) {
        std::vector<double> rotation(found[k].rotation.begin(), found[k].rotation.end());
        std::vector<double> translation(found[k].translation.begin(), found[k].translation.end());
        results.append(nb::make_tuple(array_of(std::move(rotation), {3, 3}), array_of(std::move(translation), {3})));
    }
    return results;
}

// The points at depth 1 of a lens's pixels, NaN where it shows none.
nb::object rays(Table<const double, 2> seen, int model, List<const double> parameters) {
    const adjustment::LensModel *known = lens_model(model);
    require(known && parameters.size() == 8, "a lens");
    const Lens lens = lens_of(parameters.data(), *known, 0);
    std::vector<double> found(2 * seen.shape(0), NAN);
    for (size_t k = 0; k < seen.shape(0); ++k) unproject(lens, seen.data() + 2 * k, &found[2 * k]);
    return array_of(std::move(found), {seen.shape(0), 2});
}

// (point, which rays show it) or None.
nb::object meet(Table<const double, 3> from, Table<const double, 3> along, double cos_most, double cos_least) {
    require(from.shape(0) == along.shape(0), "a direction for each beginning");
    std::vector<Ray> all(from.shape(0));
    for (size_t k = 0; k < all.size(); ++k)
        for (int i = 0; i < 3; ++i) all[k].from[i] = from.data()[3 * k + i], all[k].along[i] = along.data()[3 * k + i];
    std::vector<double> point(3);
    std::vector<uint8_t> shows;
    if (!triangulate(all, cos_most, cos_least, point.data(), shows)) return nb::none();
    const size_t count = shows.size();
    return nb::make_tuple(array_of(std::move(point), {3}), array_of(std::move(shows), {count}));
}

}  // namespace

NB_MODULE(_mapping, m) {
    m.doc() = "C++ kernel of splatworker.sfm.resection and splatworker.sfm.tracks; see there.";
    m.def("extend", &extend, nb::arg("features"), nb::arg("lenses"), nb::arg("poses"), nb::arg("placed"),
          nb::arg("point_of"), nb::arg("points"), nb::arg("photos"), nb::kw_only(), nb::arg("cos_create"),
          nb::arg("cos_continue"), nb::arg("cos_least"));
    m.def("retriangulate", &retriangulate, nb::arg("features"), nb::arg("lenses"), nb::arg("poses"), nb::arg("placed"),
          nb::arg("point_of"), nb::arg("points"), nb::kw_only(), nb::arg("least"), nb::arg("cos_create"),
          nb::arg("cos_continue"), nb::arg("cos_least"));
    m.def("clean", &clean, nb::arg("features"), nb::arg("lenses"), nb::arg("poses"), nb::arg("placed"),
          nb::arg("point_of"), nb::arg("points"), nb::kw_only(), nb::arg("max_error"), nb::arg("cos_least"),
          nb::arg("transitivity"), nb::arg("threads") = 1);
    m.def("forget", &forget, nb::arg("features"), nb::arg("point_of"), nb::arg("points"), nb::arg("photos"));
    m.def("visible", &visible, nb::arg("features"), nb::arg("point_of"), nb::arg("photos"), nb::arg("sizes"));
    m.def("resect_photos", &resect_photos, nb::arg("features"), nb::arg("lenses"), nb::arg("point_of"),
          nb::arg("points"), nb::arg("photos"), nb::arg("free"), nb::arg("focals"), nb::kw_only(), nb::arg("seed"),
          nb::arg("max_error"), nb::arg("confidence"), nb::arg("max_trials"), nb::arg("threads"));
    m.def("resect", &resect_one, nb::arg("seen"), nb::arg("points"), nb::arg("model"), nb::arg("parameters"),
          nb::arg("free"), nb::arg("focals"), nb::kw_only(), nb::arg("seed"), nb::arg("photo"), nb::arg("max_error"),
          nb::arg("confidence"), nb::arg("max_trials"));
    m.def("p3p", &place, nb::arg("bearings"), nb::arg("points"));
    m.def("rays", &rays, nb::arg("seen"), nb::arg("model"), nb::arg("parameters"));
    m.def("meet", &meet, nb::arg("from_"), nb::arg("along"), nb::kw_only(), nb::arg("cos_most"), nb::arg("cos_least"));
}
