// splatworker._cpu: the CPU renderer for Python, on any arrays that speak DLPack or are numpy's.
//
// Arrays of another type or layout than is asked for are refused, not converted: results would be written to the copy.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "bound_sightings.h"
#include "label_sums.h"
#include "neighbors.h"
#include "plane_sweep.h"
#include "planes.h"
#include "renderer.h"

namespace nb = nanobind;

namespace {

using Array = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Doubles = nb::ndarray<double, nb::c_contig, nb::device::cpu>;
using ReadArray = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;  // may be one that must not be written
using Bytes = nb::ndarray<const uint8_t, nb::c_contig, nb::device::cpu>;
using ReadDoubles = nb::ndarray<const double, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<int64_t, nb::c_contig, nb::device::cpu>;
using Labels = nb::ndarray<int32_t, nb::c_contig, nb::device::cpu>;
using ReadLabels = nb::ndarray<const int32_t, nb::c_contig, nb::device::cpu>;
using Six = std::vector<Array>;  // means, quaternions, log_scales, opacity_logits, sh_dc, sh_rest

constexpr size_t kWidestVector = 1024, kMostCentroids = size_t(1) << 24;

void require(bool condition, const char *message) {
    if (!condition) throw std::invalid_argument(message);
}

splat::MutableGaussians gaussians_of(const Six &t) {
    require(t.size() == 6, "Gaussians are six arrays");
    const int64_t count = int64_t(t[0].shape(0));
    const size_t widths[6] = {3, 4, 3, 1, 3, 0};
    for (int i = 0; i < 6; ++i) {
        require(t[i].ndim() >= 1 && int64_t(t[i].shape(0)) == count, "all arrays need one row a Gaussian");
        if (i < 5) require(t[i].size() == size_t(count) * widths[i], "an array has the wrong shape");
    }
    require(t[5].ndim() == 3 && t[5].shape(2) == 3 && t[5].shape(1) <= 15, "sh_rest must be (N, K - 1, 3)");
    return {count, int(t[5].shape(1)), t[0].data(), t[1].data(), t[2].data(), t[3].data(), t[4].data(), t[5].data()};
}

splat::Gaussians readonly(const splat::MutableGaussians &g) {
    return {g.count, g.rest, g.means, g.quaternions, g.log_scales, g.opacity_logits, g.sh_dc, g.sh_rest};
}

void require_degree(const splat::MutableGaussians &g, int sh_degree) {
    require(sh_degree >= 0 && (sh_degree + 1) * (sh_degree + 1) - 1 <= g.rest, "sh_degree is above the model's");
}

void require_same(const splat::MutableGaussians &a, const splat::MutableGaussians &b) {
    require(a.count == b.count && a.rest == b.rest, "arrays of two sets of Gaussians differ in shape");
}

// width, height, fx, fy, cx, cy, the 12 numbers of camera_from_world, row by row, and whether to compensate the dilation.
splat::Camera camera_of(int width, int height, const std::array<float, 4> &intrinsics,
                        const std::array<double, 12> &camera_from_world, bool antialiasing) {
    require(width > 0 && height > 0 && width <= 65535 && height <= 65535, "an image side must be 1 to 65535 pixels");
    splat::Camera camera = {};
    camera.width = width;
    camera.height = height;
    camera.fx = intrinsics[0];
    camera.fy = intrinsics[1];
    camera.cx = intrinsics[2];
    camera.cy = intrinsics[3];
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

// From 3 numbers, a colour, or 3 for each of the harmonics of degree 1, 2 or 3.
splat::Background background_of(const std::vector<float> &values) {
    splat::Background background = {};
    while (background.degree <= 3 && values.size() != size_t(3 * (background.degree + 1) * (background.degree + 1)))
        ++background.degree;
    require(background.degree <= 3, "a background is a colour, or the harmonics of degree 1 to 3");
    std::copy(values.begin(), values.end(), background.values);
    return background;
}

class BoundRenderer {
public:
    BoundRenderer(int threads, const std::string &wish)
        : renderer_(threads > 0 ? threads : 1, wish.empty() ? nullptr : wish.c_str()) {}

    void render(const Six &gaussians, int width, int height, const std::array<float, 4> &intrinsics,
                const std::array<double, 12> &camera_from_world, bool antialiasing,
                const std::vector<float> &background, int sh_degree, const Array &image) {
        const auto g = gaussians_of(gaussians);
        require_degree(g, sh_degree);
        require(image.size() == size_t(3) * width * height, "the image must be (3, height, width)");
        const auto camera = camera_of(width, height, intrinsics, camera_from_world, antialiasing);
        nb::gil_scoped_release release;
        renderer_.render(readonly(g), camera, background_of(background), sh_degree, image.data());
        rendered_ = g.count;
        pixels_ = size_t(width) * height;
    }

    void backward(const Six &gaussians, const ReadArray &grad_image, const Six &gradients, const Array &grad_means2d) {
        const auto g = gaussians_of(gaussians), d = gaussians_of(gradients);
        require_same(g, d);
        require(rendered_ == g.count && grad_image.size() == 3 * pixels_, "backward() belongs to the last render()");
        require(grad_means2d.size() == size_t(2 * g.count), "grad_means2d must be (N, 2)");
        nb::gil_scoped_release release;
        renderer_.backward(readonly(g), grad_image.data(), d, grad_means2d.data());
    }

    std::pair<double, double> loss(const ReadArray &image, const Bytes &photo, float lambda_dssim, float huber_delta,
                                   const Array &grad_image) {
        require(image.ndim() == 3 && image.shape(0) == 3, "the image must be (3, height, width)");
        require(photo.size() == image.size() && grad_image.size() == image.size(), "image and photo differ in size");
        nb::gil_scoped_release release;
        const auto values = renderer_.loss(image.data(), photo.data(), int(image.shape(2)), int(image.shape(1)),
                                           {lambda_dssim, huber_delta}, grad_image.data());
        return {values.l1, values.ssim};
    }

    void adam_step(const Six &parameters, const Six &gradients, const Six &first, const Six &second,
                   const std::array<float, 6> &rates, int64_t step, int sh_degree) {
        const auto p = gaussians_of(parameters), g = gaussians_of(gradients), m = gaussians_of(first),
                   v = gaussians_of(second);
        require_same(p, g);
        require_same(p, m);
        require_same(p, v);
        require_degree(p, sh_degree);
        nb::gil_scoped_release release;
        renderer_.adam_step(p, readonly(g), m, v, rates_of(rates), step, sh_degree);
    }

    std::pair<double, double> training_step(
        const Six &parameters, const Six &first, const Six &second, const std::array<Array, 2> &statistics,
        const Bytes &photo, int width, int height, const std::array<float, 4> &intrinsics,
        const std::array<double, 12> &camera_from_world, bool antialiasing, const std::vector<float> &background,
        int sh_degree, float lambda_dssim, float huber_delta, const std::array<float, 6> &rates, int64_t step,
        double dropout_share, uint32_t dropout_seed, const std::optional<Bytes> &ignored, float weight, bool absolute,
        const std::optional<ReadArray> &exposure, const std::optional<Array> &exposure_gradient) {
        splat::TrainingStep s = {};
        require(dropout_share >= 0 && dropout_share < 1, "dropout must leave something: a share from 0 to below 1");
        s.dropout = splat::dropout_of(dropout_share, dropout_seed);
        s.parameters = gaussians_of(parameters);
        s.first = gaussians_of(first);
        s.second = gaussians_of(second);
        require_same(s.parameters, s.first);
        require_same(s.parameters, s.second);
        require_degree(s.parameters, sh_degree);
        for (const Array &a : statistics) require(a.size() == size_t(s.parameters.count), "statistics must be (N,)");
        require(photo.size() == size_t(3) * width * height, "the photo must be (3, height, width)");
        s.statistics = {statistics[0].data(), statistics[1].data()};
        s.photo = photo.data();
        require(!ignored || ignored->size() == size_t(width) * height, "what is ignored must be (height, width)");
        s.ignored = ignored ? ignored->data() : nullptr;
        s.weight = weight;
        s.absolute = absolute;
        require(exposure.has_value() == exposure_gradient.has_value(), "an exposure comes with room for its gradient");
        if (exposure) {
            require(exposure->size() == 12 && exposure_gradient->size() == 12, "an exposure must be (3, 4)");
            s.exposure = exposure->data();
            s.exposure_gradient = exposure_gradient->data();
        }
        s.loss_terms = {lambda_dssim, huber_delta};
        s.rates = rates_of(rates);
        s.step = step;
        const auto camera = camera_of(width, height, intrinsics, camera_from_world, antialiasing);
        rendered_ = -1;
        nb::gil_scoped_release release;
        const auto values = renderer_.training_step(s, camera, background_of(background), sh_degree);
        return {values.l1, values.ssim};
    }

    std::string instruction_set() const { return renderer_.instruction_set(); }

private:
    static splat::AdamRates rates_of(const std::array<float, 6> &r) { return {r[0], r[1], r[2], r[3], r[4], r[5]}; }

    splat::Renderer renderer_;
    int64_t rendered_ = -1;
    size_t pixels_ = 0;
};

// (N, K, 3) of (N, 3) means, (N, K, 3) coefficients, (V, 3) centers and (V, N) weights.
void round_colors(const Array &means, const Array &coefficients, const Array &centers, const Array &weights,
                  const std::array<float, 9> &grid, int sweeps, const Array &bits, float of_a_bit, int threads,
                  const Array &rounded) {
    require(coefficients.ndim() == 3 && coefficients.shape(2) == 3, "coefficients must be (N, K, 3)");
    const size_t count = coefficients.shape(0), k = coefficients.shape(1);
    require(k == 4 || k == 9 || k == 16, "the degree must be 1 to 3");
    require(means.size() == 3 * count && rounded.size() == coefficients.size(), "all arrays need one row a Gaussian");
    require(centers.ndim() == 2 && centers.shape(1) == 3, "centers must be (V, 3)");
    require(weights.size() == centers.shape(0) * count, "weights must be (V, N)");
    require(bits.size() == 2 * splat::kHighestLevel + 1 && threads > 0, "one price a level, and a thread at least");
    const splat::RoundingColors colors = {int64_t(count), int64_t(centers.shape(0)), k == 4 ? 1 : k == 9 ? 2 : 3,
                                          means.data(),   coefficients.data(),       centers.data(),
                                          weights.data()};
    nb::gil_scoped_release release;
    const splat::RoundingGrid numbers = {grid[0], grid[1], grid[2], grid[3], grid[4],
                                         grid[5], grid[6], grid[7], grid[8], sweeps};
    splat::best_kernels().round_colors(colors, numbers, {bits.data(), of_a_bit}, rounded.data(), threads);
}

// (N, D) points, (K, D) centroids, (N,) labels.
void nearest(const ReadArray &points, const ReadArray &centroids, int threads, const Labels &labels) {
    require(points.ndim() == 2 && centroids.ndim() == 2, "points must be (N, D), centroids (K, D)");
    require(points.shape(1) == centroids.shape(1) && points.shape(1) <= kWidestVector, "vectors differ in length");
    require(centroids.shape(0) > 0 && centroids.shape(0) <= kMostCentroids && threads > 0, "no centroid, or no thread");
    require(labels.ndim() == 1 && labels.shape(0) == points.shape(0), "labels must be (N,)");
    const splat::Rows p = {int64_t(points.shape(0)), int(points.shape(1)), points.data()};
    const splat::Rows c = {int64_t(centroids.shape(0)), int(centroids.shape(1)), centroids.data()};
    nb::gil_scoped_release release;
    std::vector<float> panels(splat::panel_floats(c));
    splat::best_kernels().nearest(p, c, panels.data(), labels.data(), threads);
}

// (N, D) rows, (N,) labels, (K, D) sums.
void sums_of_labels(const ReadArray &rows, const ReadLabels &labels, Array &sums) {
    require(rows.ndim() == 2 && sums.ndim() == 2 && rows.shape(1) == sums.shape(1), "rows are (N, D), sums (K, D)");
    require(labels.ndim() == 1 && labels.shape(0) == rows.shape(0) && rows.shape(1) <= kWidestVector,
            "one label a row");
    const int64_t kinds = int64_t(sums.shape(0));
    for (size_t k = 0; k < labels.size(); ++k)
        require(labels.data()[k] >= 0 && labels.data()[k] < kinds, "a label is none that is summed");
    nb::gil_scoped_release release;
    splat::sums_of_labels(rows.data(), labels.data(), int64_t(rows.shape(0)), int(rows.shape(1)), kinds, sums.data());
}

// (N, 3) points, (M, 3) places, (M, K) numbers of points and their distances.
void nearest_points(const ReadDoubles &points, const ReadDoubles &places, int threads, const Numbers &which,
                    const Doubles &distances) {
    require(points.ndim() == 2 && points.shape(1) == 3 && places.ndim() == 2 && places.shape(1) == 3,
            "points and places must be (N, 3)");
    require(which.ndim() == 2 && distances.ndim() == 2 && which.shape(1) == distances.shape(1) &&
                which.shape(0) == places.shape(0) && distances.shape(0) == places.shape(0),
            "numbers and distances must be (M, K)");
    require(which.shape(1) > 0 && which.shape(1) <= points.shape(0) && threads > 0,
            "a point at least is asked for, and no more than there are; and a thread at least");
    nb::gil_scoped_release release;
    splat::nearest_points(points.data(), int64_t(points.shape(0)), places.data(), int64_t(places.shape(0)),
                          int(which.shape(1)), threads, which.data(), distances.data());
}

// (H, W) grey, (H - 6, W - 6) mean and variance of its windows, others, of each the 3 x 3 of `linear` and the 3 of
// `shift`, (D,) depths; (2, H - 6, W - 6) step and (2, 3, H - 6, W - 6) scores.
void plane_sweep(const ReadArray &grey, const ReadArray &mean, const ReadArray &variance,
                 const std::vector<ReadArray> &others, const std::vector<std::array<float, 12>> &moves,
                 const ReadArray &depths, const Labels &step, const Array &scores) {
    const size_t side = splat::kSweepSide;
    require(grey.ndim() == 2 && grey.shape(0) >= side && grey.shape(1) >= side, "a photo must be (7, 7) at least");
    require(grey.size() < size_t(1) << 31, "a photo has too many pixels");
    require(!others.empty() && moves.size() == others.size(), "there must be another photo, and a move for each");
    require(depths.ndim() == 1 && depths.size() >= 3 && depths.size() < size_t(1) << 31,
            "depths must be three at least");
    std::vector<splat::SweptOver> over;
    for (size_t k = 0; k < others.size(); ++k) {
        const ReadArray &other = others[k];
        require(other.ndim() == 2 && other.shape(0) >= 2 && other.shape(1) >= 2,
                "another photo must be (2, 2) at least");
        require(other.size() < size_t(1) << 31, "a photo has too many pixels");
        splat::SweptOver one = {other.data(), int(other.shape(0)), int(other.shape(1)), {}, {}};
        std::copy_n(moves[k].data(), 9, one.linear);
        std::copy_n(moves[k].data() + 9, 3, one.shift);
        over.push_back(one);
    }
    const splat::Sweep sweep = {grey.data(), mean.data(),      variance.data(), int(grey.shape(0)), int(grey.shape(1)),
                                over.data(), int(over.size()), depths.data(),   int(depths.size())};
    require(mean.size() == splat::windows_of(sweep) && variance.size() == splat::windows_of(sweep),
            "one mean and variance a window");
    require(step.size() == 2 * splat::windows_of(sweep) && scores.size() == 6 * splat::windows_of(sweep),
            "two steps and six scores a window");
    nb::gil_scoped_release release;
    struct alignas(64) CacheLine {
        float numbers[16];
    };
    std::vector<CacheLine> scratch(splat::scratch_of(sweep) / sizeof(CacheLine) + 1);
    splat::best_kernels().plane_sweep(sweep, scratch.data(), step.data(), scores.data());
}

using PixelBytes = nb::ndarray<uint8_t, nb::c_contig, nb::device::cpu>;

// The four bytes of each of so many pixels of a picture's capsules, as of its __arrow_c_array__; null where it has others.
const uint8_t *pixels_in(const nb::capsule &schema, const nb::capsule &array, size_t height, size_t width) {
    require(schema.name() && array.name() && !std::strcmp(schema.name(), "arrow_schema") &&
                !std::strcmp(array.name(), "arrow_array"),
            "a picture comes as an array of Arrow's");
    return splat::four_bytes_each(*static_cast<const splat::ArrowSchema *>(schema.data()),
                                  *static_cast<const splat::ArrowArray *>(array.data()), int64_t(height * width));
}

// Whether a picture has four bytes a pixel; (3, H, W) become its first three.
bool planes_of(const nb::capsule &schema, const nb::capsule &array, const PixelBytes &planes) {
    require(planes.ndim() == 3 && planes.shape(0) == 3, "planes are (3, H, W)");
    const uint8_t *bytes = pixels_in(schema, array, planes.shape(1), planes.shape(2));
    if (!bytes) return false;
    nb::gil_scoped_release release;
    splat::planes_of(bytes, int64_t(planes.shape(1) * planes.shape(2)), planes.data());
    return true;
}

// The same; (H, W, 3) become its first three.
bool pixels_of(const nb::capsule &schema, const nb::capsule &array, const PixelBytes &pixels) {
    require(pixels.ndim() == 3 && pixels.shape(2) == 3, "pixels are (H, W, 3)");
    const uint8_t *bytes = pixels_in(schema, array, pixels.shape(0), pixels.shape(1));
    if (!bytes) return false;
    nb::gil_scoped_release release;
    splat::pixels_of(bytes, int64_t(pixels.shape(0) * pixels.shape(1)), pixels.data());
    return true;
}

}  // namespace

NB_MODULE(_cpu, m) {
    m.doc() = "C++ kernels of splatworker.render.cpu; see there and splatworker/render/interface.py.";
    const auto value = nb::arg();
    const auto as_it_is = nb::arg().noconvert();
    const auto as_it_is_or_none = nb::arg().noconvert().none();
    nb::class_<BoundRenderer>(m, "Renderer")
        .def(nb::init<int, const std::string &>(), nb::arg("threads"), nb::arg("instruction_set") = "")
        .def("render", &BoundRenderer::render, as_it_is, value, value, value, value, value, value, value, as_it_is)
        .def("backward", &BoundRenderer::backward, as_it_is, as_it_is, as_it_is, as_it_is)
        .def("loss", &BoundRenderer::loss, as_it_is, as_it_is, value, value, as_it_is)
        .def("adam_step", &BoundRenderer::adam_step, as_it_is, as_it_is, as_it_is, as_it_is, value, value, value)
        .def("training_step", &BoundRenderer::training_step, as_it_is, as_it_is, as_it_is, as_it_is, as_it_is, value,
             value, value, value, value, value, value, value, value, value, value, value, value, as_it_is_or_none,
             value, value, as_it_is_or_none, as_it_is_or_none)
        .def_prop_ro("instruction_set", &BoundRenderer::instruction_set);
    m.def("round_colors", &round_colors);
    m.def("nearest", &nearest, value, value, value, as_it_is);
    m.def("sums_of_labels", &sums_of_labels, value, value, as_it_is);
    m.def("nearest_points", &nearest_points, value, value, value, as_it_is, as_it_is);
    bind_sightings(m);
    m.def("planes_of", &planes_of, value, value, as_it_is);
    m.def("pixels_of", &pixels_of, value, value, as_it_is);
    m.def("plane_sweep", &plane_sweep, value, value, value, value, value, value, as_it_is, as_it_is);
    m.def("neighbor_distances", [](const Doubles &points, int threads, Doubles &mean_squared) {
        require(points.ndim() == 2 && points.shape(1) == 3, "points must be (N, 3)");
        require(mean_squared.size() == points.shape(0) && threads > 0, "one distance a point, and a thread at least");
        nb::gil_scoped_release release;
        splat::neighbor_distances(points.data(), int64_t(points.shape(0)), threads, mean_squared.data());
    });
}
