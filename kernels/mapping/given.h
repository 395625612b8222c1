// Arrays from Python, checked: everything that is read by a number in them.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "tracks.h"

namespace mapping {

namespace nb = nanobind;
template <typename T, int columns>
using Table = nb::ndarray<T, nb::shape<-1, columns>, nb::c_contig, nb::device::cpu>;
template <typename T>
using List = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

inline void require(bool fine, const char *sentence) {
    if (!fine) throw std::invalid_argument(sentence);
}

// Whether all numbers are at least `least` and below `end`, without a branch for each.
template <typename Numbers>
bool all_within(const Numbers &numbers, int64_t least, int64_t end) {
    const int32_t *values = numbers.data();
    bool within = true;
    for (size_t k = 0; k < numbers.size(); ++k) within &= (values[k] >= least) & (values[k] < end);
    return within;
}

// The features of all photos and their matches.
struct GivenFeatures {
    List<const int64_t> first, first_match;
    Table<const double, 2> seen;
    List<const int32_t> match;
    Features features;

    explicit GivenFeatures(const nb::tuple &given) {
        require(given.size() == 4, "features are four arrays");
        first = nb::cast<List<const int64_t>>(given[0]);
        seen = nb::cast<Table<const double, 2>>(given[1]);
        first_match = nb::cast<List<const int64_t>>(given[2]);
        match = nb::cast<List<const int32_t>>(given[3]);
        features = {int64_t(seen.shape(0)), int64_t(first.size()) - 1,
                    first.data(),           seen.data(),
                    first_match.data(),     match.data()};
        require(first.size() > 0 && first_match.size() == seen.shape(0) + 1,
                "photos' or matches' beginnings are missing");
        require(rises(first, features.count) && rises(first_match, int64_t(match.size())), "beginnings must rise");
        require(all_within(match, 0, features.count), "a match of a feature that is not there");
    }

    static bool rises(const List<const int64_t> &begins, int64_t end) {
        const int64_t *values = begins.data();
        return values[0] == 0 && values[begins.size() - 1] == end && std::is_sorted(values, values + begins.size());
    }
};

// The lenses of photos.
struct GivenLenses {
    List<const int32_t> model, lens_of;
    Table<const double, 8> parameters;
    std::vector<Lens> lenses;
    std::vector<const adjustment::LensModel *> models;

    GivenLenses(const nb::tuple &given, int64_t photos) {
        require(given.size() == 3, "lenses are three arrays");
        model = nb::cast<List<const int32_t>>(given[0]);
        parameters = nb::cast<Table<const double, 8>>(given[1]);
        lens_of = nb::cast<List<const int32_t>>(given[2]);
        require(model.size() == parameters.shape(0) && int64_t(lens_of.size()) == photos, "a lens is missing");
        for (size_t lens = 0; lens < model.size(); ++lens) {
            const adjustment::LensModel *known = lens_model(model.data()[lens]);
            require(known, "no lens model has this number");
            models.push_back(known);
            lenses.push_back(mapping::lens_of(parameters.data() + 8 * lens, *known, 0));
            require(lenses.back().value[0] > 0 && lenses.back().value[1] > 0, "a focal length is not positive");
        }
        for (int64_t photo = 0; photo < photos; ++photo)
            require(lens_of.data()[photo] >= 0 && lens_of.data()[photo] < int64_t(model.size()), "a lens is missing");
    }
};

inline void check_points(const List<int32_t> &point_of, const Features &features, int64_t points) {
    require(int64_t(point_of.size()) == features.count, "each feature has a point or -1");
    require(all_within(point_of, -1, points), "a point that is not there");
}

inline void check_photos(const List<const int32_t> &photos, const Features &features) {
    for (size_t k = 0; k < photos.size(); ++k)
        require(photos.data()[k] >= 0 && photos.data()[k] < features.photos, "a photo that is not there");
}

struct GivenModel {
    GivenFeatures given;
    GivenLenses lenses;
    Cameras cameras;
    Tracks tracks;

    GivenModel(const nb::tuple &features, const nb::tuple &of_lenses, const Table<const double, 7> &poses,
               const List<const uint8_t> &placed, const List<int32_t> &point_of, const Table<const double, 3> &points)
        : given(features),
          lenses(of_lenses, given.features.photos),
          cameras(checked(given.features, poses, placed), poses.data(), placed.data(), lenses.lens_of.data(),
                  lenses.lenses),
          tracks(checked(given.features, point_of, points), point_of.data(), points.data(), int64_t(points.shape(0))) {}

    static int64_t checked(const Features &features, const Table<const double, 7> &poses,
                           const List<const uint8_t> &placed) {
        require(int64_t(poses.shape(0)) == features.photos && int64_t(placed.size()) == features.photos,
                "each photo has a pose");
        return features.photos;
    }

    static const Features &checked(const Features &features, const List<int32_t> &point_of,
                                   const Table<const double, 3> &points) {
        check_points(point_of, features, int64_t(points.shape(0)));
        return features;
    }
};

}  // namespace mapping
