// splatworker._adjustment: bundle adjustment of cameras and points.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "adjuster.h"

namespace nb = nanobind;

namespace {

using namespace adjustment;
template <typename T, int columns>
using Table = nb::ndarray<T, nb::shape<-1, columns>, nb::c_contig, nb::device::cpu>;
template <typename T>
using List = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

const Steps &best_steps() {
#if defined(ADJUSTMENT_X86)
    __builtin_cpu_init();
    const char *wish = std::getenv("SPLATWORKER_ISA");
    const bool plain = wish && !std::strcmp(wish, "baseline"), narrow = plain || (wish && !std::strcmp(wish, "avx2"));
    if (!narrow && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
        return avx512_steps();
    if (!plain && __builtin_cpu_supports("avx2")) return avx2_steps();
#endif
    return baseline_steps();
}

Problem problem_of(const Table<double, 7> &poses, const Table<double, 8> &parameters, const Table<double, 3> &points,
                   const List<const int32_t> &model, const List<const uint8_t> &free_lens,
                   const List<const int32_t> &lens_of, const List<const uint8_t> &free_pose,
                   const List<const uint8_t> &held_point, const List<const int32_t> &photo,
                   const List<const int32_t> &point, const Table<const double, 2> &seen) {
    const size_t photos = poses.shape(0), lenses = parameters.shape(0), number = points.shape(0), rays = seen.shape(0);
    if (model.size() != lenses || free_lens.size() != lenses || lens_of.size() != photos ||
        free_pose.size() != photos || held_point.size() != number || photo.size() != rays || point.size() != rays)
        throw std::invalid_argument("arrays of photos, lenses, points or observations differ in length");
    return {int64_t(photos),   int64_t(lenses),   int64_t(number), int64_t(rays),    poses.data(),
            parameters.data(), points.data(),     model.data(),    free_lens.data(), lens_of.data(),
            free_pose.data(),  held_point.data(), photo.data(),    point.data(),     seen.data()};
}

nb::tuple adjust_arrays(Table<double, 7> poses, Table<double, 8> parameters, Table<double, 3> points,
                        List<const int32_t> model, List<const uint8_t> free_lens, List<const int32_t> lens_of,
                        List<const uint8_t> free_pose, List<const uint8_t> held_point, List<const int32_t> photo,
                        List<const int32_t> point, Table<const double, 2> seen, int loss, double scale,
                        int most_iterations, double tolerance, int threads) {
    const Problem problem =
        problem_of(poses, parameters, points, model, free_lens, lens_of, free_pose, held_point, photo, point, seen);
    Summary s;
    {
        nb::gil_scoped_release release;
        s = adjust(problem, {Loss(loss), scale, most_iterations, tolerance, threads}, best_steps());
    }
    const char *end[] = {"converged", "most iterations", "stuck"};
    return nb::make_tuple(s.initial_cost, s.cost, s.iterations, s.accepted, s.used, s.behind, s.lonely,
                          std::string(end[int(s.end)]));
}

void derive(Table<double, 7> poses, Table<double, 8> parameters, Table<double, 3> points, List<const int32_t> model,
            List<const uint8_t> free_lens, List<const int32_t> lens_of, List<const uint8_t> free_pose,
            List<const uint8_t> held_point, List<const int32_t> photo, List<const int32_t> point,
            Table<const double, 2> seen, Table<double, 2> residuals,
            nb::ndarray<double, nb::shape<-1, 2, 17>, nb::c_contig, nb::device::cpu> jacobians) {
    const Problem problem =
        problem_of(poses, parameters, points, model, free_lens, lens_of, free_pose, held_point, photo, point, seen);
    if (residuals.shape(0) != seen.shape(0) || jacobians.shape(0) != seen.shape(0))
        throw std::invalid_argument("one residual and one Jacobian an observation");
    derivatives(problem, residuals.data(), jacobians.data());
}

}  // namespace

NB_MODULE(_adjustment, m) {
    m.doc() = "C++ kernel of splatworker.sfm.adjustment; see there.";
    m.def("adjust", &adjust_arrays, nb::arg("poses"), nb::arg("parameters"), nb::arg("points"), nb::arg("model"),
          nb::arg("free_lens"), nb::arg("lens_of"), nb::arg("free_pose"), nb::arg("held_point"), nb::arg("photo"),
          nb::arg("point"), nb::arg("seen"), nb::arg("loss"), nb::arg("scale"), nb::arg("most_iterations"),
          nb::arg("tolerance"), nb::arg("threads"));
    m.def("derivatives", &derive, nb::arg("poses"), nb::arg("parameters"), nb::arg("points"), nb::arg("model"),
          nb::arg("free_lens"), nb::arg("lens_of"), nb::arg("free_pose"), nb::arg("held_point"), nb::arg("photo"),
          nb::arg("point"), nb::arg("seen"), nb::arg("residuals"), nb::arg("jacobians"));
    m.def("instruction_set", [] { return std::string(best_steps().isa); });
    m.attr("most_unknowns") = kMostUnknowns;
}
