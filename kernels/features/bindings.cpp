// splatworker._features: SIFT keypoints and descriptors of a grey photo.
#include <nanobind/stl/string.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "arrays.h"
#include "sift.h"

namespace nb = nanobind;

namespace {

using namespace features;

const Kernel &kernel() {
#if defined(FEATURES_X86)
    __builtin_cpu_init();
    const char *wish = std::getenv("SPLATWORKER_ISA");
    if (__builtin_cpu_supports("avx2") && !(wish && !std::strcmp(wish, "baseline"))) return avx2_kernel();
#endif
    return baseline_kernel();
}

std::pair<Keypoints, Descriptors> sift(const Grey &grey, int first_octave, int most) {
    return arrays_of(grey, first_octave, most, [&](auto pixels, int width, int height, auto &found, auto &descriptors) {
        extract(kernel(), pixels, width, height, first_octave, most, found, descriptors);
    });
}

}  // namespace

NB_MODULE(_features, m) {
    m.doc() = "C++ kernel of splatworker.sfm.sift; see there.";
    m.def("sift", &sift, nb::arg("grey").noconvert(), nb::arg("first_octave"), nb::arg("most"));
    m.def("instruction_set", [] { return std::string(kernel().isa); });
}
