// splatworker._cuda: the CUDA renderer for Python, on plain addresses of GPU memory. splatworker/render/cuda.py checks
// shapes and types and keeps the tensors alive.
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <set>

#include "adjustment_bindings.h"
#include "array_bindings.h"
#include "sift.h"
#include "gpu.h"
#include "matching_bindings.h"
#include "plane_sweep_bindings.h"
#include "renderer.h"
#include "two_view_bindings.h"
#include "../features/arrays.h"

namespace nb = nanobind;

namespace {

using Address = uintptr_t;

template <typename T>
T *pointer(Address address) {
    return reinterpret_cast<T *>(address);
}

splat::Gaussians gaussians_of(int count, int rest, const std::array<Address, 6> &addresses) {
    splat::Gaussians gaussians = {};
    for (int t = 0; t < splat::kTensors; ++t) gaussians.tensor[t] = pointer<float>(addresses[t]);
    gaussians.count = count;
    gaussians.rest = rest;
    return gaussians;
}

splat::Camera camera_of(int width, int height, const std::array<double, 4> &intrinsics,
                        const std::array<double, 12> &camera_from_world, bool antialiasing) {
    splat::Camera camera = {};
    camera.width = width;
    camera.height = height;
    camera.fx = float(intrinsics[0]);
    camera.fy = float(intrinsics[1]);
    camera.cx = float(intrinsics[2]);
    camera.cy = float(intrinsics[3]);
    double center[3] = {0, 0, 0};
    for (int i = 0; i < 3; ++i) {
        camera.translation[i] = float(camera_from_world[4 * i + 3]);
        for (int j = 0; j < 3; ++j) {
            camera.rotation[3 * i + j] = float(camera_from_world[4 * i + j]);
            center[j] -= camera_from_world[4 * i + j] * camera_from_world[4 * i + 3];
        }
    }
    for (int j = 0; j < 3; ++j) camera.center[j] = float(center[j]);
    camera.antialiasing = antialiasing;
    return camera;
}

splat::AdamStep adam_of(const splat::Gaussians &parameters, const splat::Gaussians &first,
                        const splat::Gaussians &second, const std::array<double, 6> &rates, int64_t step) {
    splat::AdamStep adam = {parameters, first, second, {}, 0};
    for (int t = 0; t < splat::kTensors; ++t)
        adam.corrected_rate[t] = float(rates[t] / (1 - std::pow(0.9, double(step))));
    adam.inverse_root_correction = float(1 / std::sqrt(1 - std::pow(0.999, double(step))));
    return adam;
}

class BoundRenderer {
public:
    BoundRenderer(int device, bool deterministic, nb::callable allocate)
        : renderer_(device, deterministic, [allocate](size_t bytes) {
              nb::gil_scoped_acquire locked;
              return pointer<void>(nb::cast<Address>(allocate(bytes)));
          }) {}

    void render(const splat::Gaussians &gaussians, const splat::Camera &camera, Address background,
                int background_degree, int sh_degree, Address image, Address stream) {
        nb::gil_scoped_release release;
        renderer_.render(gaussians, camera, {pointer<float>(background), background_degree}, sh_degree,
                         pointer<float>(image), pointer<CUstream_st>(stream));
    }

    void backward(Address grad_image, const splat::Gaussians &gradients, Address grad_means2d, Address stream) {
        nb::gil_scoped_release release;
        renderer_.backward(pointer<float>(grad_image), gradients, pointer<float>(grad_means2d),
                           pointer<CUstream_st>(stream));
    }

    void loss(Address image, Address photo, int width, int height, float lambda_dssim, float huber_delta,
              Address grad_image, Address values, Address stream) {
        nb::gil_scoped_release release;
        renderer_.loss(pointer<float>(image), pointer<uint8_t>(photo), width, height, {lambda_dssim, huber_delta},
                       pointer<float>(grad_image), pointer<float>(values), pointer<CUstream_st>(stream));
    }

    void expose(Address exposure, Address image, int width, int height, Address exposed, Address stream) {
        nb::gil_scoped_release release;
        renderer_.expose(pointer<float>(exposure), pointer<float>(image), width, height, pointer<float>(exposed),
                         pointer<CUstream_st>(stream));
    }

    void expose_backward(Address exposure, Address image, int width, int height, Address grad_image, Address gradient,
                         Address stream) {
        nb::gil_scoped_release release;
        renderer_.expose_backward({pointer<float>(exposure), pointer<float>(gradient)}, pointer<float>(image), width,
                                  height, pointer<float>(grad_image), pointer<CUstream_st>(stream));
    }

    void adam_step(const splat::Gaussians &parameters, const splat::Gaussians &gradients, const splat::Gaussians &first,
                   const splat::Gaussians &second, const std::array<double, 6> &rates, int64_t step, int sh_degree,
                   Address stream) {
        nb::gil_scoped_release release;
        renderer_.adam_step(adam_of(parameters, first, second, rates, step), gradients, sh_degree,
                            pointer<CUstream_st>(stream));
    }

    void training_step(const splat::Gaussians &parameters, const splat::Gaussians &first,
                       const splat::Gaussians &second, const std::array<Address, 2> &statistics, Address photo,
                       const splat::Camera &camera, Address background, int background_degree, int sh_degree,
                       float lambda_dssim, float huber_delta, const std::array<double, 6> &rates, int64_t step,
                       double dropout_share, uint32_t dropout_seed, Address ignored, float weight, bool absolute,
                       Address exposure, Address exposure_gradient, Address loss_values, Address stream) {
        splat::TrainingStep training = {};
        training.dropout = splat::dropout_of(dropout_share, dropout_seed);
        training.adam = adam_of(parameters, first, second, rates, step);
        training.statistics = {pointer<float>(statistics[0]), pointer<float>(statistics[1]), absolute, 0};
        training.photo = pointer<uint8_t>(photo);
        training.left_out = {pointer<uint8_t>(ignored), weight};
        training.exposure = {pointer<float>(exposure), pointer<float>(exposure_gradient)};
        training.background = {pointer<float>(background), background_degree};
        training.loss_terms = {lambda_dssim, huber_delta};
        training.loss_values = pointer<float>(loss_values);
        nb::gil_scoped_release release;
        renderer_.training_step(training, camera, sh_degree, pointer<CUstream_st>(stream));
    }

    void contribute(const splat::Gaussians &gaussians, Address photo, const splat::Camera &camera, Address background,
                    int background_degree, int sh_degree, float lambda_dssim, float huber_delta, double dropout_share,
                    uint32_t dropout_seed, Address ignored, float weight, bool absolute, Address contribution,
                    Address stream) {
        nb::gil_scoped_release release;
        renderer_.contribute({gaussians,
                              pointer<uint8_t>(photo),
                              {pointer<float>(background), background_degree},
                              {lambda_dssim, huber_delta},
                              splat::dropout_of(dropout_share, dropout_seed),
                              {pointer<uint8_t>(ignored), weight},
                              absolute},
                             camera, sh_degree, pointer<splat::Contribution>(contribution),
                             pointer<CUstream_st>(stream));
    }

    void batch_step(const splat::Gaussians &parameters, const splat::Gaussians &first, const splat::Gaussians &second,
                    const std::array<Address, 2> &statistics, Address contributions, int photos, int sh_degree,
                    const std::array<double, 6> &rates, int64_t step, bool absolute, Address stream) {
        nb::gil_scoped_release release;
        renderer_.batch_step(adam_of(parameters, first, second, rates, step),
                             {pointer<float>(statistics[0]), pointer<float>(statistics[1]), absolute, 0},
                             {pointer<splat::Contribution>(contributions), photos, parameters.count}, sh_degree,
                             pointer<CUstream_st>(stream));
    }

    void set_timing(bool enabled) { renderer_.set_timing(enabled); }
    std::vector<std::pair<std::string, float>> stage_times() { return renderer_.stage_times(); }
    uint64_t instances() const { return renderer_.instances(); }
    size_t scratch_bytes() const { return renderer_.scratch_bytes(); }

private:
    splat::Renderer renderer_;
};

}  // namespace

NB_MODULE(_cuda, m) {
    m.doc() = "CUDA kernels of splatworker.render.cuda; see there and splatworker/render/interface.py.";
    nb::class_<splat::Gaussians>(m, "Gaussians")
        .def("__init__", [](splat::Gaussians *self, int count, int rest, const std::array<Address, 6> &addresses) {
            new (self) splat::Gaussians(gaussians_of(count, rest, addresses));
        });
    nb::class_<splat::Camera>(m, "Camera")
        .def("__init__", [](splat::Camera *self, int width, int height, const std::array<double, 4> &intrinsics,
                            const std::array<double, 12> &camera_from_world, bool antialiasing) {
            new (self) splat::Camera(camera_of(width, height, intrinsics, camera_from_world, antialiasing));
        });
    nb::class_<BoundRenderer>(m, "Renderer")
        .def(nb::init<int, bool, nb::callable>(), nb::arg("device"), nb::arg("deterministic"), nb::arg("allocate"))
        .def("render", &BoundRenderer::render)
        .def("backward", &BoundRenderer::backward)
        .def("loss", &BoundRenderer::loss)
        .def("expose", &BoundRenderer::expose)
        .def("expose_backward", &BoundRenderer::expose_backward)
        .def("adam_step", &BoundRenderer::adam_step)
        .def("training_step", &BoundRenderer::training_step)
        .def("contribute", &BoundRenderer::contribute)
        .def("batch_step", &BoundRenderer::batch_step)
        .def("set_timing", &BoundRenderer::set_timing)
        .def("stage_times", &BoundRenderer::stage_times)
        .def_prop_ro("instances", &BoundRenderer::instances)
        .def_prop_ro("scratch_bytes", &BoundRenderer::scratch_bytes);
    bind_arrays(m);
    bind_plane_sweep(m);
    m.def(
        "sift",
        [](int device, const features::Grey &grey, int first_octave, int most) {
            return features::arrays_of(grey, first_octave, most,
                                       [&](auto pixels, int width, int height, auto &found, auto &descriptors) {
                                           const splat::Gpu::Use use(splat::Gpu::of(device));
                                           splat::sift(pixels, width, height, first_octave, most, found, descriptors);
                                       });
        },
        nb::arg("device"), nb::arg("grey").noconvert(), nb::arg("first_octave"), nb::arg("most"));
    bind_matching(m);
    bind_two_view(m);
    bind_adjustment(m);
    m.def("obstacle", [](int device) {
        try {
            nb::gil_scoped_release release;
            splat::Gpu::of(device);
        } catch (const splat::Unusable &unusable) {
            return std::make_pair(std::string(unusable.code), std::string(unusable.what()));
        }
        return std::make_pair(std::string(), std::string());
    });
    m.def("architecture", [](int device) { return splat::Gpu::of(device).architecture(); });
    std::set<std::pair<int, bool>> built;
    for (size_t k = 0; k < splat::kImageCount; ++k)
        built.emplace(splat::kImages[k].architecture, splat::kImages[k].ptx);
    m.attr("architectures") = std::vector<std::pair<int, bool>>(built.begin(), built.end());
}
