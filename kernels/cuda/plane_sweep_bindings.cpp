// splatworker._cuda.mean_grey, plane_sweep and confirm; splatworker/train/dense_on_gpu.py has them for the package.
// Arrays are given by their addresses on the GPU, as in array_bindings.cpp.
#include "plane_sweep_bindings.h"

#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <tuple>

#include "plane_sweep.h"

namespace nb = nanobind;
using namespace splat;

namespace {

using Address = uintptr_t;
using Pose = std::array<float, 12>;

template <typename T>
T *at(Address address) {
    return reinterpret_cast<T *>(address);
}

void require(bool holds, const char *sentence) {
    if (!holds) throw std::invalid_argument(sentence);
}

// Rows and columns; grey values, what is ignored or 0; depths, scores and which of them one other photo alone tells.
using Picture = std::tuple<int, int, Address, Address, Address, Address, Address>;
// Which picture; which others, and how a pixel moves there; depths; the inverse of the first, and the step of inverses.
using Of = std::tuple<int, std::vector<std::pair<int, Pose>>, std::vector<float>, float, float>;

void sweep_all(int device, const std::vector<Picture> &pictures, const std::vector<Of> &given) {
    const auto picture = [&](int number) {
        require(number >= 0 && size_t(number) < pictures.size(), "a picture is meant that is not there");
        return pictures[number];
    };
    std::vector<SweepOf> sweeps;
    std::vector<LaidOver> others;
    std::vector<float> depths;
    for (const auto &[number, over, at_depths, inverse, spacing] : given) {
        const auto [rows, columns, grey, ignored, depth, score, two_view] = picture(number);
        require(rows >= kSweptSide && columns >= kSweptSide, "a photo must be (7, 7) at least");
        require(int64_t(rows) * columns < int64_t(1) << 31, "a photo has too many pixels");
        require(!over.empty(), "there must be another photo");
        require(at_depths.size() >= 3, "depths must be three at least");
        sweeps.push_back({at<float>(grey), at<uint8_t>(ignored), at<float>(depth), at<float>(score),
                          at<uint8_t>(two_view), rows, columns, 0, int(others.size()), int(over.size()),
                          int(depths.size()), int(at_depths.size()), inverse, spacing, 0});
        for (const auto &[other, move] : over) {
            const Picture its = picture(other);
            const int its_rows = std::get<0>(its), its_columns = std::get<1>(its);
            require(its_rows >= 2 && its_columns >= 2, "another photo must be (2, 2) at least");
            LaidOver one = {at<float>(std::get<2>(its)), its_rows, its_columns, {}, {}};
            std::copy_n(move.data(), 9, one.linear);
            std::copy_n(move.data() + 9, 3, one.shift);
            others.push_back(one);
        }
        depths.insert(depths.end(), at_depths.begin(), at_depths.end());
    }
    nb::gil_scoped_release release;
    plane_sweep(Memory::of(device), std::move(sweeps), others, depths);
}

// Rows and columns; depths and scores; focal lengths, principal point, and half a pixel less that; camera_from_world and
// world_from_camera; witnesses.
using Judged = std::tuple<int, int, Address, Address, std::array<float, 6>, Pose, Pose, std::vector<int>>;

// asked: as in Asked.
void confirm_all(int device, const std::vector<Judged> &given, const std::array<float, 5> &asked, int votes,
                 Address believed, Address fresh) {
    std::vector<DepthsOf> photos;
    std::vector<int> witnesses;
    int64_t first = 0;
    for (const auto &[rows, columns, depth, score, lens, camera_from_world, world_from_camera, asks] : given) {
        for (int witness : asks)
            require(witness >= 0 && size_t(witness) < given.size(), "a photo is asked that is not there");
        require(rows >= 1 && columns >= 1 && int64_t(rows) * columns < int64_t(1) << 31,
                "a photo has no pixel, or too many");
        DepthsOf photo = {at<float>(depth),
                          at<float>(score),
                          first,
                          rows,
                          columns,
                          int(witnesses.size()),
                          int(asks.size()),
                          lens[0],
                          lens[1],
                          lens[2],
                          lens[3],
                          lens[4],
                          lens[5],
                          {},
                          {}};
        std::copy(camera_from_world.begin(), camera_from_world.end(), photo.camera_from_world);
        std::copy(world_from_camera.begin(), world_from_camera.end(), photo.world_from_camera);
        photos.push_back(photo);
        witnesses.insert(witnesses.end(), asks.begin(), asks.end());
        first += int64_t(rows) * columns;
    }
    const Asked limits = {asked[0], asked[1], asked[2], asked[3], asked[4], votes};
    nb::gil_scoped_release release;
    confirm(Memory::of(device), photos, witnesses, limits, at<uint8_t>(believed), at<uint8_t>(fresh));
}

}  // namespace

void bind_plane_sweep(nb::module_ &m) {
    m.def("mean_grey", [](int device, Address photo, int64_t pixels, Address grey) {
        mean_grey(Memory::of(device), at<uint8_t>(photo), pixels, at<float>(grey));
    });
    m.def("plane_sweep", &sweep_all);
    m.def("confirm", &confirm_all);
}
