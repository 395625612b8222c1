// splatworker._cuda.adjust; splatworker/sfm/adjustment.py has it for the package.
#include "adjustment_bindings.h"

#include "../adjustment/arrays.h"
#include "adjustment.h"

using namespace adjustment;

void bind_adjustment(nanobind::module_ &m) {
    m.def(
        "adjust",
        [](int device, Table<double, 7> poses, Table<double, 8> parameters, Table<double, 3> points,
           List<const int32_t> model, List<const uint8_t> free_lens, List<const int32_t> lens_of,
           List<const uint8_t> free_pose, List<const uint8_t> held_point, List<const int32_t> photo,
           List<const int32_t> point, Table<const double, 2> seen, int loss, double scale, int most_iterations,
           double tolerance) {
            return adjust_arrays(problem_of(poses, parameters, points, model, free_lens, lens_of, free_pose, held_point,
                                            photo, point, seen),
                                 {Loss(loss), scale, most_iterations, tolerance}, splat::on_gpu(device));
        },
        nb::arg("device"), nb::arg("poses"), nb::arg("parameters"), nb::arg("points"), nb::arg("model"),
        nb::arg("free_lens"), nb::arg("lens_of"), nb::arg("free_pose"), nb::arg("held_point"), nb::arg("photo"),
        nb::arg("point"), nb::arg("seen"), nb::arg("loss"), nb::arg("scale"), nb::arg("most_iterations"),
        nb::arg("tolerance"));
}
