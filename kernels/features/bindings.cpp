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

using Colours = nb::ndarray<const uint8_t, nb::shape<-1, -1, 3>, nb::c_contig, nb::device::cpu>;
using GreyArray = nb::ndarray<nb::numpy, uint8_t, nb::shape<-1, -1>>;

// Rec. 709's weights of red, green and blue of 65536, rounded to the nearest: the same on every processor.
GreyArray grey(const Colours &rgb) {
    const size_t height = rgb.shape(0), width = rgb.shape(1);
    auto *pixels = new std::vector<uint8_t>(height * width);
    nb::capsule owner = owner_of(pixels);
    {
        nb::gil_scoped_release release;
        const uint8_t *from = rgb.data();
        for (uint8_t &to : *pixels) {
            to = uint8_t((13933u * from[0] + 46871u * from[1] + 4732u * from[2] + 32768u) >> 16);
            from += 3;
        }
    }
    return GreyArray(pixels->data(), {height, width}, owner);
}

}  // namespace

NB_MODULE(_features, m) {
    m.doc() = "C++ kernel of splatworker.sfm.sift; see there.";
    m.def("sift", &sift, nb::arg("grey").noconvert(), nb::arg("first_octave"), nb::arg("most"));
    m.def("grey", &grey, nb::arg("rgb").noconvert());
    m.def("instruction_set", [] { return std::string(kernel().isa); });
}
