// splatworker._features: SIFT keypoints and descriptors of a grey photo.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "sift.h"

namespace nb = nanobind;

namespace {

using namespace features;
using Grey = nb::ndarray<const uint8_t, nb::shape<-1, -1>, nb::c_contig, nb::device::cpu>;
using Keypoints = nb::ndarray<nb::numpy, float, nb::shape<-1, 5>>;
using Descriptors = nb::ndarray<nb::numpy, uint8_t, nb::shape<-1, kDescriptor>>;

constexpr size_t kLongest = 16000;  // pixels; beyond it a descriptor's window loses its place among floats

const Kernel &kernel() {
#if defined(FEATURES_X86)
    __builtin_cpu_init();
    const char *wish = std::getenv("SPLATWORKER_ISA");
    if (__builtin_cpu_supports("avx2") && !(wish && !std::strcmp(wish, "baseline"))) return avx2_kernel();
#endif
    return baseline_kernel();
}

template <class T>
nb::capsule owner_of(std::vector<T> *values) {
    return nb::capsule(values, [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
}

std::pair<Keypoints, Descriptors> sift(const Grey &grey, int first_octave, int most) {
    const size_t height = grey.shape(0), width = grey.shape(1);
    if (width < 1 || height < 1 || width > kLongest || height > kLongest)
        throw std::invalid_argument("a photo's sides must be of 1 to 16000 pixels");
    if (first_octave != 0 && first_octave != -1) throw std::invalid_argument("the first octave must be 0 or -1");
    if (most < 1) throw std::invalid_argument("at least one feature must be asked for");
    auto *features = new std::vector<Feature>;
    nb::capsule features_owner = owner_of(features);
    auto *descriptors = new std::vector<uint8_t>;
    nb::capsule descriptors_owner = owner_of(descriptors);
    {
        nb::gil_scoped_release release;
        extract(kernel(), grey.data(), int(width), int(height), first_octave, most, *features, *descriptors);
    }
    const size_t count = features->size();
    static_assert(sizeof(Feature) == 5 * sizeof(float));
    return {Keypoints(features->data(), {count, 5}, features_owner),
            Descriptors(descriptors->data(), {count, size_t(kDescriptor)}, descriptors_owner)};
}

}  // namespace

NB_MODULE(_features, m) {
    m.doc() = "C++ kernel of splatworker.sfm.sift; see there.";
    m.def("sift", &sift, nb::arg("grey").noconvert(), nb::arg("first_octave"), nb::arg("most"));
    m.def("instruction_set", [] { return std::string(kernel().isa); });
}
