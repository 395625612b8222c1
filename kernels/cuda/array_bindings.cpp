// splatworker._cuda.Memory: arrays in a GPU's memory for Python, on plain addresses. splatworker/render/gpu_array.py
// checks shapes and types and keeps what is used alive; kernels and their twins are named in array_kernels.h.
#include "array_bindings.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <vector>

#include "array_kernels.h"
#include "memory.h"
#include "small_file_kernels.h"

namespace nb = nanobind;
using namespace splat;

namespace {

using Address = uintptr_t;

#define KERNEL(name) const Kernel<decltype(name##_kernel)> start_##name{"arrays", #name "_kernel"}
KERNEL(fill);
KERNEL(rows);
KERNEL(density_facts);
KERNEL(clip);
KERNEL(free_space);
KERNEL(outside);
KERNEL(halve_photo);
KERNEL(halve_mask);
KERNEL(lay_over);
KERNEL(scale_photo);
KERNEL(area_means);
KERNEL(without_ignored);
KERNEL(hides);
KERNEL(put_back);
KERNEL(weigh_loss);
KERNEL(square_errors);
KERNEL(square_differences);
KERNEL(to_picture);
#undef KERNEL
#define KERNEL(name) const Kernel<decltype(name##_kernel)> start_##name{"small_files", #name "_kernel"}
KERNEL(nearest);
KERNEL(sums_of_labels);
KERNEL(mean_error);
#undef KERNEL

template <typename T>
T *at(Address address) {
    return reinterpret_cast<T *>(address);
}

Grid grid_of(int64_t items, unsigned most = kMostArrayBlocks) {
    return Grid(std::min(most, blocks_for(std::max<int64_t>(items, 0), kArrayBlock)));
}

class BoundMemory {
public:
    explicit BoundMemory(int device) : memory_(Memory::of(device)) {}

    Block *allocate(size_t bytes) { return new Block(memory_, bytes); }
    Pinned *pin(size_t bytes) { return new Pinned(memory_, bytes); }
    size_t used() const { return memory_.used(); }
    size_t peak() const { return memory_.peak(); }
    size_t free_bytes() const { return memory_.free_bytes(); }
    void give_back() { memory_.give_back(); }

    void wait() const {
        const Gpu::Use use(memory_.gpu());
        check(driver().wait_for_stream(kArrayStream));
    }
    // From pinned memory the GPU fetches by itself; any other may be changed as soon as this returns.
    void upload(Address target, Address source, size_t bytes) const {
        const Gpu::Use use(memory_.gpu());
        if (bytes) check(driver().to_device(target, at<void>(source), bytes, kArrayStream));
    }
    // Waits for all that was queued before.
    void download(Address target, Address source, size_t bytes) const {
        const Gpu::Use use(memory_.gpu());
        if (bytes) check(driver().to_host(at<void>(target), source, bytes, kArrayStream));
        check(driver().wait_for_stream(kArrayStream));
    }
    void copy(Address target, Address source, size_t bytes) const {
        const Gpu::Use use(memory_.gpu());
        splat::copy(at<void>(target), at<void>(source), bytes, kArrayStream);
    }
    void zero(Address target, size_t bytes) const {
        const Gpu::Use use(memory_.gpu());
        clear(at<void>(target), bytes, kArrayStream);
    }

    void fill(Address target, int64_t count, float value) const {
        run(start_fill, count, at<float>(target), count, value);
    }
    void rows(Address source, Address index, int64_t count, int width, Address target) const {
        run(start_rows, count * width, at<uint32_t>(source), at<int>(index), count, width, at<uint32_t>(target));
    }
    void density_facts(Address norms, Address views, Address log_scales, int64_t count, float gradient, float small,
                       float large, Address out) const {
        run(start_density_facts, count, at<float>(norms), at<float>(views), at<float>(log_scales), count, gradient,
            small, large, at<uint8_t>(out));
    }
    void clip(Address numbers, int64_t count, float low, float high, Address out) const {
        run(start_clip, count, at<float>(numbers), count, low, high, at<float>(out));
    }
    void free_space(Address means, int64_t count, Address camera_from_world, Address lenses, int cameras, Address ends,
                    float margin, Address held) const {
        run(start_free_space, count, at<float>(means), count, cameras_of(camera_from_world, lenses, cameras),
            at<float>(ends), margin, at<uint8_t>(held));
    }
    void outside(Address means, int64_t count, Address camera_from_world, Address lenses, int cameras, Address opaque,
                 Address counts, int side, Address out) const {
        run(start_outside, count, at<float>(means), count, cameras_of(camera_from_world, lenses, cameras),
            at<uint8_t>(opaque), at<uint8_t>(counts), side, at<uint8_t>(out));
    }
    void halve_photo(Address photo, int planes, int width, int height, Address ignored, Address out) const {
        run(start_halve_photo, int64_t(planes) * (width / 2) * (height / 2), at<uint8_t>(photo), planes, width, height,
            at<uint8_t>(ignored), at<uint8_t>(out));
    }
    void halve_mask(Address mask, int width, int height, Address out) const {
        run(start_halve_mask, int64_t(width / 2) * (height / 2), at<uint8_t>(mask), width, height, at<uint8_t>(out));
    }
    void lay_over(Address photo, Address hole, Address ignored, Address colour, float background, int64_t pixels,
                  Address out) const {
        run(start_lay_over, kPictureChannels * pixels, at<uint8_t>(photo), at<uint8_t>(hole), at<uint8_t>(ignored),
            at<float>(colour), background, pixels, at<uint8_t>(out));
    }
    void scale_photo(Address photo, Address factors, int64_t pixels, Address out) const {
        run(start_scale_photo, kPictureChannels * pixels, at<uint8_t>(photo), at<float>(factors), pixels,
            at<uint8_t>(out));
    }
    void area_means(Address picture, int width, int height, int side, bool not_zero, Address means) const {
        run(start_area_means, int64_t(side) * side, at<uint8_t>(picture), width, height, side, not_zero,
            at<float>(means));
    }
    void without_ignored(Address picture, Address ignored, int64_t pixels, float scale, Address out) const {
        run(start_without_ignored, kPictureChannels * pixels, at<float>(picture), at<uint8_t>(ignored), pixels, scale,
            at<float>(out));
    }
    void hides(Address means, int64_t count, const std::array<double, 12> &camera_from_world,
               const std::array<double, 4> &intrinsics, float near, int width, int height, Address ignored,
               Address hidden) const {
        Pinhole camera = {};
        for (int k = 0; k < 12; ++k) camera.rows[k] = float(camera_from_world[k]);
        camera.fx = float(intrinsics[0]);
        camera.fy = float(intrinsics[1]);
        camera.cx = float(intrinsics[2]);
        camera.cy = float(intrinsics[3]);
        camera.near = near;
        camera.width = width;
        camera.height = height;
        run(start_hides, count, at<float>(means), count, camera, at<uint8_t>(ignored), at<uint8_t>(hidden));
    }
    void put_back(Address hidden, Address before, int64_t count, Address now) const {
        run(start_put_back, count, at<uint8_t>(hidden), at<float>(before), count, at<float>(now));
    }
    void weigh_loss(Address values, float weight) const { run(start_weigh_loss, 1, at<float>(values), weight); }
    // Sums of squares, of three channels; they wait.
    double square_errors(Address image, Address photo, Address ignored, int64_t pixels) {
        return sum_of(start_square_errors, pixels, at<float>(image), at<uint8_t>(photo), at<uint8_t>(ignored));
    }
    double square_differences(Address a, Address b, Address counted, int64_t pixels) {
        return sum_of(start_square_differences, pixels, at<float>(a), at<float>(b), at<uint8_t>(counted));
    }
    void nearest(Address points, int64_t count, Address entries, int palette, int width, Address out) const {
        if (width > kPaletteWidth) throw std::invalid_argument("a vector is wider than the kernel's");
        run_points(start_nearest, count, at<float>(points), count, at<float>(entries), palette, width, at<int>(out));
    }
    void sums_of_labels(Address points, Address masses, Address labels, int64_t count, int width, double scale,
                        Address sums) const {
        run_points(start_sums_of_labels, count * (width + 1), at<float>(points), at<float>(masses), at<int>(labels),
                   count, width, scale, at<uint64_t>(sums));
    }
    void mean_error(Address means, Address lost, int64_t count, int harmonics, Address centers, Address weights,
                    int views, float inertia, Address error) const {
        if (harmonics > kMostHarmonics) throw std::invalid_argument("there are harmonics of more than degree 3");
        run_points(start_mean_error, count, at<float>(means), at<float>(lost), count, harmonics, at<float>(centers),
                   at<float>(weights), views, inertia, at<float>(error));
    }
    void to_picture(Address image, int64_t pixels, Address picture) const {
        run(start_to_picture, pixels, at<float>(image), pixels, at<uint8_t>(picture));
    }

private:
    static Cameras cameras_of(Address camera_from_world, Address lenses, int count) {
        return {at<float>(camera_from_world), at<float>(lenses), count, 0};
    }
    template <typename Start, typename... Arguments>
    void run(const Start &start, int64_t items, Arguments... arguments) const {
        const Gpu::Use use(memory_.gpu());
        start(grid_of(items), kArrayBlock, kArrayStream, arguments...);
    }
    template <typename Start, typename... Arguments>
    void run_points(const Start &start, int64_t items, Arguments... arguments) const {
        const Gpu::Use use(memory_.gpu());
        const Grid grid(std::min(kMostArrayBlocks, blocks_for(std::max<int64_t>(items, 0), kPointBlock)));
        start(grid, kPointBlock, kArrayStream, arguments...);
    }
    template <typename Start, typename... Arguments>
    double sum_of(const Start &start, int64_t pixels, Arguments... arguments) {
        const Grid grid = grid_of(kPictureChannels * pixels, kSumBlocks);
        const Block sums(memory_, grid.x * sizeof(double));
        std::vector<double> of_blocks(grid.x);
        {
            const Gpu::Use use(memory_.gpu());
            start(grid, kArrayBlock, kArrayStream, arguments..., pixels, static_cast<double *>(sums.address()));
        }
        download(reinterpret_cast<Address>(of_blocks.data()), reinterpret_cast<Address>(sums.address()),
                 of_blocks.size() * sizeof(double));
        double sum = 0;
        for (double one : of_blocks) sum += one;
        return sum;
    }

    Memory &memory_;
};

// A DLPack capsule of contiguous memory that `owner` keeps alive. kind: "f" floats, "u" unsigned or "i" signed integers.
nb::object dlpack(nb::handle owner, Address address, const std::vector<size_t> &shape, const std::string &kind,
                  int bytes, int device) {
    using Code = nb::dlpack::dtype_code;
    const Code code = kind == "f" ? Code::Float : kind == "u" ? Code::UInt : Code::Int;
    const nb::dlpack::dtype type = {uint8_t(code), uint8_t(8 * bytes), 1};
    const nb::ndarray<> array(at<void>(address), shape.size(), shape.data(), owner, nullptr, type,
                              nb::device::cuda::value, device);
    return nb::cast(array);
}

template <typename Held>
Address address_of(const Held &held) {
    return reinterpret_cast<Address>(held.address());
}

}  // namespace

void bind_arrays(nb::module_ &m) {
    nb::exception<OutOfMemory>(m, "OutOfMemory", PyExc_MemoryError);
    nb::class_<Block>(m, "Block").def_prop_ro("address", &address_of<Block>);
    nb::class_<Pinned>(m, "Pinned").def_prop_ro("address", &address_of<Pinned>);
    using Unlocked = nb::call_guard<nb::gil_scoped_release>;
    nb::class_<BoundMemory>(m, "Memory")
        .def(nb::init<int>())
        .def("allocate", &BoundMemory::allocate, nb::rv_policy::take_ownership)
        .def("pin", &BoundMemory::pin, nb::rv_policy::take_ownership)
        .def_prop_ro("used", &BoundMemory::used)
        .def_prop_ro("peak", &BoundMemory::peak)
        .def("free_bytes", &BoundMemory::free_bytes)
        .def("give_back", &BoundMemory::give_back, Unlocked())
        .def("wait", &BoundMemory::wait, Unlocked())
        .def("upload", &BoundMemory::upload, Unlocked())
        .def("download", &BoundMemory::download, Unlocked())
        .def("copy", &BoundMemory::copy)
        .def("zero", &BoundMemory::zero)
        .def("fill", &BoundMemory::fill)
        .def("rows", &BoundMemory::rows)
        .def("density_facts", &BoundMemory::density_facts)
        .def("clip", &BoundMemory::clip)
        .def("free_space", &BoundMemory::free_space)
        .def("outside", &BoundMemory::outside)
        .def("halve_photo", &BoundMemory::halve_photo)
        .def("halve_mask", &BoundMemory::halve_mask)
        .def("lay_over", &BoundMemory::lay_over)
        .def("scale_photo", &BoundMemory::scale_photo)
        .def("area_means", &BoundMemory::area_means)
        .def("without_ignored", &BoundMemory::without_ignored)
        .def("hides", &BoundMemory::hides)
        .def("put_back", &BoundMemory::put_back)
        .def("weigh_loss", &BoundMemory::weigh_loss)
        .def("square_errors", &BoundMemory::square_errors, Unlocked())
        .def("square_differences", &BoundMemory::square_differences, Unlocked())
        .def("nearest", &BoundMemory::nearest)
        .def("sums_of_labels", &BoundMemory::sums_of_labels)
        .def("mean_error", &BoundMemory::mean_error)
        .def("to_picture", &BoundMemory::to_picture);
    m.def("dlpack", &dlpack, nb::arg("owner"), nb::arg("address"), nb::arg("shape"), nb::arg("kind"), nb::arg("size"),
          nb::arg("device"));
}
