// splatworker._adjustment: bundle adjustment of cameras and points.
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "arrays.h"

namespace {

using namespace adjustment;

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

nb::tuple adjust_with(Table<double, 7> poses, Table<double, 8> parameters, Table<double, 3> points,
                      List<const int32_t> model, List<const uint8_t> free_lens, List<const int32_t> lens_of,
                      List<const uint8_t> free_pose, List<const uint8_t> held_point, List<const int32_t> photo,
                      List<const int32_t> point, Table<const double, 2> seen, int loss, double scale,
                      int most_iterations, double tolerance, int threads) {
    if (threads < 1) throw std::invalid_argument("threads must be positive");
    return adjust_arrays(
        problem_of(poses, parameters, points, model, free_lens, lens_of, free_pose, held_point, photo, point, seen),
        {Loss(loss), scale, most_iterations, tolerance}, on_processors(best_steps(), threads));
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
    m.def("adjust", &adjust_with, nb::arg("poses"), nb::arg("parameters"), nb::arg("points"), nb::arg("model"),
          nb::arg("free_lens"), nb::arg("lens_of"), nb::arg("free_pose"), nb::arg("held_point"), nb::arg("photo"),
          nb::arg("point"), nb::arg("seen"), nb::arg("loss"), nb::arg("scale"), nb::arg("most_iterations"),
          nb::arg("tolerance"), nb::arg("threads"));
    m.def("derivatives", &derive, nb::arg("poses"), nb::arg("parameters"), nb::arg("points"), nb::arg("model"),
          nb::arg("free_lens"), nb::arg("lens_of"), nb::arg("free_pose"), nb::arg("held_point"), nb::arg("photo"),
          nb::arg("point"), nb::arg("seen"), nb::arg("residuals"), nb::arg("jacobians"));
    m.def("instruction_set", [] { return std::string(best_steps().isa); });
    m.attr("most_unknowns") = kMostUnknowns;
}
