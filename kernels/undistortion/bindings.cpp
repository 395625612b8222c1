// splatworker._undistortion; splatworker/sfm/resampling.py has it for the package.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "resample.h"

namespace nb = nanobind;

namespace {

using namespace undistortion;
using Parameters = nb::ndarray<const double, nb::shape<-1>, nb::c_contig, nb::device::cpu>;
using Places = nb::ndarray<const float, nb::shape<-1, -1, 2>, nb::c_contig, nb::device::cpu>;
using Pixels = nb::ndarray<const uint8_t, nb::shape<-1, -1, -1>, nb::c_contig, nb::device::cpu>;
using NewPixels = nb::ndarray<nb::numpy, uint8_t, nb::shape<-1, -1, -1>>;

constexpr size_t kLongest = 1 << 16;

void demand_sides(size_t width, size_t height) {
    if (width < 1 || height < 1 || width > kLongest || height > kLongest)
        throw std::invalid_argument("a photo's sides must be of 1 to 65536 pixels");
}

Photo photo_of(const Pixels &pixels) {
    const size_t height = pixels.shape(0), width = pixels.shape(1), channels = pixels.shape(2);
    demand_sides(width, height);
    if (channels != 1 && channels != 3 && channels != 4)
        throw std::invalid_argument("a photo must have 1, 3 or 4 channels");
    return {pixels.data(), int(width), int(height), int(channels)};
}

// An array that fill(uint8_t *) fills without Python's lock.
template <class Fill>
NewPixels filled(size_t height, size_t width, size_t channels, Fill fill) {
    auto *pixels = new uint8_t[height * width * channels];
    nb::capsule owner(pixels, [](void *p) noexcept { delete[] static_cast<uint8_t *>(p); });
    {
        nb::gil_scoped_release release;
        fill(pixels);
    }
    return NewPixels(pixels, {height, width, channels}, owner);
}

NewPixels resampled(const Pixels &pixels, const Places &places) {
    const Photo photo = photo_of(pixels);
    const size_t height = places.shape(0), width = places.shape(1);
    return filled(height, width, photo.channels, [&](uint8_t *out) {
        resample(photo, reinterpret_cast<const Place *>(places.data()), height * width, out);
    });
}

NewPixels straightened(const Pixels &pixels, int model, const Parameters &parameters,
                       const std::array<double, 4> &pinhole, int width, int height) {
    const Photo photo = photo_of(pixels);
    demand_sides(size_t(width), size_t(height));
    return filled(size_t(height), size_t(width), photo.channels, [&](uint8_t *out) {
        straighten(photo, model, parameters.data(), parameters.shape(0),
                   {pinhole[0], pinhole[1], pinhole[2], pinhole[3]}, width, height, out);
    });
}

}  // namespace

NB_MODULE(_undistortion, m) {
    m.doc() = "C++ kernel of splatworker.sfm.resampling; see there.";
    m.def("resample", &resampled, nb::arg("photo"), nb::arg("places"));
    m.def("straighten", &straightened, nb::arg("photo"), nb::arg("model"), nb::arg("parameters"), nb::arg("pinhole"),
          nb::arg("width"), nb::arg("height"));
}
