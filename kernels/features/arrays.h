// Photos and features as numpy's arrays, for the modules that find them.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>

#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "keypoints.h"

namespace features {

using Grey = nanobind::ndarray<const uint8_t, nanobind::shape<-1, -1>, nanobind::c_contig, nanobind::device::cpu>;
using Keypoints = nanobind::ndarray<nanobind::numpy, float, nanobind::shape<-1, 5>>;
using Descriptors = nanobind::ndarray<nanobind::numpy, uint8_t, nanobind::shape<-1, kDescriptor>>;

constexpr size_t kLongest = 16000;  // pixels; beyond it a descriptor's window loses its place among floats

template <class T>
nanobind::capsule owner_of(std::vector<T> *values) {
    return nanobind::capsule(values, [](void *p) noexcept { delete static_cast<std::vector<T> *>(p); });
}

// What find(grey, width, height, features, descriptors) finds, without Python's lock. Throws std::invalid_argument.
template <class Find>
std::pair<Keypoints, Descriptors> arrays_of(const Grey &grey, int first_octave, int most, Find find) {
    const size_t height = grey.shape(0), width = grey.shape(1);
    if (width < 1 || height < 1 || width > kLongest || height > kLongest)
        throw std::invalid_argument("a photo's sides must be of 1 to 16000 pixels");
    if (first_octave != 0 && first_octave != -1) throw std::invalid_argument("the first octave must be 0 or -1");
    if (most < 1) throw std::invalid_argument("at least one feature must be asked for");
    auto *features = new std::vector<Feature>;
    nanobind::capsule features_owner = owner_of(features);
    auto *descriptors = new std::vector<uint8_t>;
    nanobind::capsule descriptors_owner = owner_of(descriptors);
    {
        nanobind::gil_scoped_release release;
        find(grey.data(), int(width), int(height), *features, *descriptors);
    }
    const size_t count = features->size();
    static_assert(sizeof(Feature) == 5 * sizeof(float));
    return {Keypoints(features->data(), {count, 5}, features_owner),
            Descriptors(descriptors->data(), {count, size_t(kDescriptor)}, descriptors_owner)};
}

}  // namespace features
