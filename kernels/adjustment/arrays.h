// A problem between numpy's arrays and the adjuster, for the modules that have one.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <stdexcept>
#include <string>

#include "adjuster.h"

namespace adjustment {

namespace nb = nanobind;
template <typename T, int columns>
using Table = nb::ndarray<T, nb::shape<-1, columns>, nb::c_contig, nb::device::cpu>;
template <typename T>
using List = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

inline Problem problem_of(const Table<double, 7> &poses, const Table<double, 8> &parameters,
                          const Table<double, 3> &points, const List<const int32_t> &model,
                          const List<const uint8_t> &free_lens, const List<const int32_t> &lens_of,
                          const List<const uint8_t> &free_pose, const List<const uint8_t> &held_point,
                          const List<const int32_t> &photo, const List<const int32_t> &point,
                          const Table<const double, 2> &seen) {
    const size_t photos = poses.shape(0), lenses = parameters.shape(0), number = points.shape(0), rays = seen.shape(0);
    if (model.size() != lenses || free_lens.size() != lenses || lens_of.size() != photos ||
        free_pose.size() != photos || held_point.size() != number || photo.size() != rays || point.size() != rays)
        throw std::invalid_argument("arrays of photos, lenses, points or observations differ in length");
    return {int64_t(photos),   int64_t(lenses),   int64_t(number), int64_t(rays),    poses.data(),
            parameters.data(), points.data(),     model.data(),    free_lens.data(), lens_of.data(),
            free_pose.data(),  held_point.data(), photo.data(),    point.data(),     seen.data()};
}

// Adjusts `problem` in place without Python's lock: the numbers that splatworker.sfm.adjustment.Adjusted ends with.
inline nb::tuple adjust_arrays(const Problem &problem, const Options &options, const MakeSolver &make_solver) {
    Summary s;
    {
        nb::gil_scoped_release release;
        s = adjust(problem, options, make_solver);
    }
    const char *end[] = {"converged", "most iterations", "stuck"};
    return nb::make_tuple(s.initial_cost, s.cost, s.iterations, s.accepted, s.used, s.behind, s.lonely,
                          std::string(end[int(s.end)]));
}

}  // namespace adjustment
