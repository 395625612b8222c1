// What photos see of shared points, for Python: checked, and worked on without Python's lock.
#include "bound_sightings.h"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <stdexcept>

#include "rays.h"
#include "sightings.h"

namespace nb = nanobind;

namespace {

using Doubles = nb::ndarray<double, nb::c_contig, nb::device::cpu>;
using ReadDoubles = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;
using ReadNumbers = nb::ndarray<const int64_t, nb::c_contig, nb::device::cpu>;
using ReadBytes = nb::ndarray<const uint8_t, nb::c_contig, nb::device::cpu>;

void require(bool condition, const char *message) {
    if (!condition) throw std::invalid_argument(message);
}

template <typename T>
bool is_matrix(const T &array, int64_t rows, int64_t columns) {
    return array.ndim() == 2 && int64_t(array.shape(0)) == rows && int64_t(array.shape(1)) == columns;
}

splat::Overlap checked(const ReadNumbers &photo, const ReadNumbers &point, int64_t photos) {
    require(photo.size() == point.size() && photos >= 0, "a sighting is of a photo and of a point");
    const int64_t count = int64_t(photo.size());
    int64_t points = 0;
    for (int64_t m = 0; m < count; ++m) {
        require(photo.data()[m] >= 0 && photo.data()[m] < photos, "a sighting is of a photo that is not there");
        require(point.data()[m] >= 0, "a sighting is of a point that is not there");
        points = std::max(points, point.data()[m] + 1);
    }
    nb::gil_scoped_release release;
    return splat::Overlap(photo.data(), point.data(), count, photos, points);
}

void shared(const splat::Overlap &seen, const ReadDoubles &weight, const ReadDoubles &scale, Doubles &into) {
    require(int64_t(weight.size()) == seen.size() && int64_t(scale.size()) == seen.points(),
            "one weight a sighting, one scale a point");
    require(is_matrix(into, seen.photos(), seen.photos()), "what photos share is (N, N)");
    nb::gil_scoped_release release;
    seen.shared(weight.data(), scale.data(), into.data());
}

void light_system(const splat::Overlap &seen, const ReadDoubles &logs, const ReadDoubles &weight, double least,
                  Doubles &of_photos, Doubles &of_points, Doubles &right, Doubles &shared) {
    require(int64_t(logs.size()) == seen.size() && int64_t(weight.size()) == seen.size(),
            "one logarithm and weight a sighting");
    require(int64_t(of_photos.size()) == seen.photos() && int64_t(right.size()) == seen.photos() &&
                int64_t(of_points.size()) == seen.points(),
            "one sum a photo, one a point");
    require(is_matrix(shared, seen.photos(), seen.photos()), "what photos share is (N, N)");
    nb::gil_scoped_release release;
    seen.light_system(logs.data(), weight.data(), least, of_photos.data(), of_points.data(), right.data(),
                      shared.data());
}

void light_weights(const splat::Overlap &seen, const ReadDoubles &logs, const ReadDoubles &gain,
                   const ReadDoubles &of_points, double noise, Doubles &weight) {
    require(int64_t(logs.size()) == seen.size() && int64_t(weight.size()) == seen.size(),
            "one logarithm and weight a sighting");
    require(int64_t(gain.size()) == seen.photos() && int64_t(of_points.size()) == seen.points(),
            "one gain a photo, one sum a point");
    nb::gil_scoped_release release;
    seen.light_weights(logs.data(), gain.data(), of_points.data(), noise, weight.data());
}

void left_of_points(const splat::Overlap &seen, const ReadDoubles &values, const ReadDoubles &gains,
                    const ReadDoubles &weight, const ReadDoubles &shapes, Doubles &left, Doubles &of_photos) {
    require(values.ndim() == 2 && shapes.ndim() == 2 && shapes.shape(1) > 0, "values and shapes are (M, K)");
    const int columns = int(values.shape(1)), count = int(shapes.shape(1));
    require(is_matrix(values, seen.size(), columns) && is_matrix(left, seen.size(), columns) &&
                is_matrix(shapes, seen.size(), count) && int64_t(weight.size()) == seen.size(),
            "one row and weight a sighting");
    require(is_matrix(gains, seen.photos(), columns) && is_matrix(of_photos, seen.photos(), columns),
            "one row a photo");
    nb::gil_scoped_release release;
    seen.left_of_points(columns, count, values.data(), gains.data(), weight.data(), shapes.data(), left.data(),
                        of_photos.data());
}

void mean_colours(const ReadBytes &pixels, const ReadNumbers &column, const ReadNumbers &row, Doubles &colours) {
    require(pixels.ndim() == 3 && pixels.shape(0) == 3 && pixels.size() > 0, "a photo is (3, H, W)");
    require(column.size() == row.size() && is_matrix(colours, int64_t(column.size()), 3), "one colour a place");
    const int64_t height = int64_t(pixels.shape(1)), width = int64_t(pixels.shape(2)), count = int64_t(row.size());
    for (int64_t m = 0; m < count; ++m)
        require(column.data()[m] >= 0 && column.data()[m] < width && row.data()[m] >= 0 && row.data()[m] < height,
                "a place is not in the photo");
    nb::gil_scoped_release release;
    splat::mean_colours(pixels.data(), height, width, column.data(), row.data(), count, colours.data());
}

void ray_cosines(const ReadDoubles &points, const ReadDoubles &center, const ReadDoubles &others, Doubles &cosines) {
    require(is_matrix(points, int64_t(points.shape(0)), 3) && center.size() == 3, "points and places have x, y and z");
    require(is_matrix(others, int64_t(others.shape(0)), 3), "points and places have x, y and z");
    require(is_matrix(cosines, int64_t(others.shape(0)), int64_t(points.shape(0))), "one cosine a place and point");
    nb::gil_scoped_release release;
    splat::ray_cosines(points.data(), int64_t(points.shape(0)), center.data(), others.data(), int64_t(others.shape(0)),
                       cosines.data());
}

}  // namespace

void bind_sightings(nb::module_ &m) {
    const auto value = nb::arg();
    const auto as_it_is = nb::arg().noconvert();
    nb::class_<splat::Overlap>(m, "Overlap")
        .def(nb::new_(&checked), value, value, value)
        .def("shared", &shared, value, value, as_it_is)
        .def("light_system", &light_system, value, value, value, as_it_is, as_it_is, as_it_is, as_it_is)
        .def("light_weights", &light_weights, value, value, value, value, as_it_is)
        .def("left_of_points", &left_of_points, as_it_is, value, value, as_it_is, as_it_is, as_it_is)
        .def_prop_ro("points", &splat::Overlap::points);
    m.def("ray_cosines", &ray_cosines, value, value, value, as_it_is);
    m.def("mean_colours", &mean_colours, as_it_is, value, value, as_it_is);
}
