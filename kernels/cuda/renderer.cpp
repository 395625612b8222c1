#include "renderer.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace splat {
namespace {

constexpr unsigned kMapped = 2, kWithoutTiming = 2;  // CU_MEMHOSTALLOC_DEVICEMAP, CU_EVENT_DISABLE_TIMING

constexpr double kGrowth = 1.25;  // of scratch memory that turned out too small
constexpr int kFirstGuess = 4;    // instances a Gaussian, before any frame was drawn
constexpr uint32_t kLeastInstances = 1 << 14, kMostInstances = 1u << 31;

// Hands out consecutive pieces of memory, or with a null base only measures them.
class Carver {
public:
    explicit Carver(void *base) : base_(static_cast<char *>(base)) {}
    template <typename T>
    void take(T **pointer, size_t count) {
        *pointer = base_ ? reinterpret_cast<T *>(base_ + used_) : nullptr;
        used_ = (used_ + count * sizeof(T) + 255) / 256 * 256;
    }
    size_t used() const { return used_; }

private:
    char *base_;
    size_t used_ = 0;
};

Frame lay_out(const Room &room, bool deterministic, void *base, size_t *bytes) {
    Frame f = {};
    Carver carver(base);
    carver.take(&f.splats, room.gaussians);
    carver.take(&f.wide.count, 1);
    carver.take(&f.wide.gaussians, room.gaussians);
    carver.take(&f.splat_gradients, room.gaussians);
    if (deterministic) carver.take(&f.fixed_gradients, room.gaussians);
    carver.take(&f.tile_cursors, size_t(room.tiles) * kCursorPitch);
    carver.take(&f.tile_starts, size_t(room.tiles) + 1);
    carver.take(&f.tile_order, room.tiles);
    carver.take(&f.items, room.instances);
    carver.take(&f.spare_items, room.instances);
    carver.take(&f.tile_splats, room.instances);
    carver.take(&f.total, 1);
    carver.take(&f.record.chunk_counts, size_t(room.tiles) * kSubTiles);
    carver.take(&f.record.chunk_masks, (size_t(room.instances) / kWarp + room.tiles + 1) * kSubTiles);
    carver.take(&f.image, 3 * room.pixels);
    carver.take(&f.grad_image, 3 * room.pixels);
    carver.take(&f.loss_scratch, room.loss_floats);
    carver.take(&f.exposed, room.exposure_floats);
    *bytes = carver.used();
    return f;
}

template <typename T>
T grown(T had, T needed, double growth) {
    if (needed <= had) return had;
    const double wanted = std::min(double(had) * growth, double(std::numeric_limits<T>::max() / 2));
    return std::max(needed, T(wanted));
}

}  // namespace

Renderer::Renderer(int device, bool deterministic, Allocate allocate)
    : gpu_(Gpu::of(device)), deterministic_(deterministic), allocate_(std::move(allocate)) {
    const Gpu::Use use(gpu_);
    check(driver().allocate_host(reinterpret_cast<void **>(&host_total_), sizeof(uint64_t), kMapped));
    *host_total_ = 0;
    check(driver().create_event(&counted_, kWithoutTiming));
}

Renderer::~Renderer() {
    try {
        const Gpu::Use use(gpu_);
        stopwatch_.enable(false);
        if (counted_) driver().destroy_event(counted_);
        if (host_total_) driver().free_host(host_total_);
    } catch (const std::exception &) {  // the GPU is gone, and all that it had
    }
}

std::vector<std::pair<std::string, float>> Renderer::stage_times() const {
    const Gpu::Use use(gpu_);
    return stopwatch_.times();
}

void Renderer::reserve(const Room &needed) {
    const Room had = room_;
    const auto at_least = [&](double growth) {
        return Room{grown(had.gaussians, needed.gaussians, growth),
                    grown(had.instances, needed.instances, growth),
                    grown(had.tiles, needed.tiles, growth),
                    grown(had.pixels, needed.pixels, growth),
                    grown(had.loss_floats, needed.loss_floats, growth),
                    grown(had.exposure_floats, needed.exposure_floats, growth)};
    };
    const Room room = at_least(kGrowth);
    if (scratch_bytes_ != 0 && room == had) return;
    sh_degree_ = -1;  // what the last render left is gone
    room_ = {};
    scratch_bytes_ = 0;
    try {
        take(room);
    } catch (const std::exception &) {  // no memory for growth: what is needed now may still fit
        take(at_least(1));
    }
}

void Renderer::take(const Room &room) {
    size_t bytes = 0;
    lay_out(room, deterministic_, nullptr, &bytes);
    void *base = allocate_(bytes);
    frame_ = lay_out(room, deterministic_, base, &bytes);
    room_ = room;
    scratch_bytes_ = bytes;
}

void Renderer::clear_gradients(int count, Stream stream) {
    clear(frame_.splat_gradients, count * sizeof(*frame_.splat_gradients), stream);
}

TileLists Renderer::draw(const Gaussians &gaussians, const Camera &camera, const Background &background, int sh_degree,
                         const Dropout &dropout, Stream stream) {
    const Frame &f = frame_;
    stopwatch_.start();
    stopwatch_.mark("start", stream);
    project(gaussians, camera, sh_degree, dropout, f.splats, f.wide, stream);
    stopwatch_.mark("project", stream);
    Binning binning = {gaussians.count, room_.instances, f.tile_cursors, f.tile_starts, f.tile_order, f.items,
                       f.spare_items,   f.tile_splats,   f.total,        nullptr,       instances(),  counted_};
    DeviceAddress host_total = 0;
    check(driver().device_address(&host_total, host_total_, 0));
    binning.host_total = reinterpret_cast<uint64_t *>(host_total);
    bin(binning, f.splats, f.wide, camera, stream);
    stopwatch_.mark("bin", stream);
    const TileLists lists = {
        {f.total, room_.instances}, f.splats, f.tile_order, f.tile_starts, f.tile_splats, f.record};
    if (background.degree > 0) draw_backdrop(background, camera, f.image, stream);
    blend_forward(lists, camera, background, f.image, stream);
    stopwatch_.mark("blend forward", stream);
    return lists;
}

// How many instances a frame has is known to the GPU early in the frame, and to the host not before. So a frame is
// queued whole with the room that there is; then the host waits for the count, while the GPU goes on with the rest.
// Where they did not fit, the GPU has left everything as it was, and the frame is queued again with more room.
template <typename Queue>
void Renderer::queue_until_it_fits(const Gaussians &gaussians, const Camera &camera, size_t exposure_floats,
                                   Queue queue) {
    Room room = {gaussians.count,
                 room_.instances,
                 tiles_of(camera),
                 size_t(camera.width) * camera.height,
                 loss_scratch_floats(camera.width, camera.height),
                 exposure_floats};
    if (room.instances == 0)
        room.instances = std::max(uint32_t(std::min(int64_t(kFirstGuess) * gaussians.count, int64_t(kMostInstances))),
                                  kLeastInstances);
    for (;;) {
        reserve(room);
        queue();
        check(driver().wait_for_event(counted_));
        const uint64_t needed = *static_cast<volatile uint64_t *>(host_total_);
        if (needed <= room_.instances) return;
        if (needed > kMostInstances) throw std::length_error("the splats of one frame touch more than 2^31 tiles");
        room.instances = uint32_t(needed);
    }
}

void Renderer::render(const Gaussians &gaussians, const Camera &camera, const Background &background, int sh_degree,
                      float *image, Stream stream) {
    const Gpu::Use use(gpu_);
    queue_until_it_fits(gaussians, camera, 0,
                        [&] { lists_ = draw(gaussians, camera, background, sh_degree, kNoDropout, stream); });
    const size_t bytes = size_t(3) * camera.width * camera.height * sizeof(float);
    copy(image, frame_.image, bytes, stream);
    rendered_ = gaussians;
    camera_ = camera;
    sh_degree_ = sh_degree;
}

void Renderer::backward(const float *grad_image, const Gaussians &gradients, float *grad_means2d, Stream stream) {
    if (sh_degree_ < 0 || gradients.count != rendered_.count || gradients.rest != rendered_.rest)
        throw std::logic_error("backward() belongs to the last render(), and needs gradients of its Gaussians' shapes");
    const Gpu::Use use(gpu_);
    // Gradients of any size may come in here: fixed point knows only those of a loss.
    clear_gradients(rendered_.count, stream);
    blend_backward(lists_, camera_, rendered_.count, frame_.image, grad_image, frame_.splat_gradients, nullptr, false,
                   stream);
    write_gradients(rendered_, camera_, sh_degree_, frame_.splats, frame_.splat_gradients, gradients, grad_means2d,
                    stream);
}

void Renderer::loss(const float *image, const uint8_t *photo, int width, int height, const LossTerms &terms,
                    float *grad_image, float *values, Stream stream) {
    const Gpu::Use use(gpu_);
    reserve({0, 0, 0, size_t(width) * height, loss_scratch_floats(width, height)});
    splat::loss({}, image, photo, width, height, terms, grad_image, values, frame_.loss_scratch, stream);
}

void Renderer::expose(const float *exposure, const float *image, int width, int height, float *exposed, Stream stream) {
    const Gpu::Use use(gpu_);
    splat::expose({}, exposure, image, width, height, exposed, stream);
}

void Renderer::expose_backward(const Exposure &exposure, const float *image, int width, int height, float *grad_image,
                               Stream stream) {
    const Gpu::Use use(gpu_);
    Room room;
    room.exposure_floats = exposure_scratch_floats(width, height);
    reserve(room);
    splat::expose_backward({}, exposure, image, width, height, grad_image, frame_.exposed + size_t(3) * width * height,
                           stream);
}

void Renderer::adam_step(const AdamStep &step, const Gaussians &gradients, int sh_degree, Stream stream) {
    const Gpu::Use use(gpu_);
    adam(step, gradients, sh_degree, stream);
}

void Renderer::training_step(const TrainingStep &step, const Camera &camera, int sh_degree, Stream stream) {
    const Gpu::Use use(gpu_);
    sh_degree_ = -1;
    const Gaussians &gaussians = step.adam.parameters;
    const Exposure &exposure = step.exposure;
    const size_t exposure_floats = exposure.matrix ? exposure_scratch_floats(camera.width, camera.height) : 0;
    queue_until_it_fits(gaussians, camera, exposure_floats, [&] {
        const TileLists lists = draw(gaussians, camera, step.background, sh_degree, step.dropout, stream);
        const Frame &f = frame_;
        const LeftOut &left_out = step.left_out;
        float *const shown = exposure.matrix ? f.exposed : f.image;  // the blend's way back wants the picture itself
        if (exposure.matrix)
            splat::expose(lists.instances, exposure.matrix, f.image, camera.width, camera.height, shown, stream);
        if (left_out.ignored)
            leave_out(lists.instances, left_out.ignored, camera.width, camera.height, 1, shown, stream);
        splat::loss(lists.instances, shown, step.photo, camera.width, camera.height, step.loss_terms, f.grad_image,
                    step.loss_values, f.loss_scratch, stream);
        if (left_out.ignored)
            leave_out(lists.instances, left_out.ignored, camera.width, camera.height, left_out.weight, f.grad_image,
                      stream);
        if (exposure.matrix)
            splat::expose_backward(lists.instances, exposure, f.image, camera.width, camera.height, f.grad_image,
                                   shown + size_t(3) * camera.width * camera.height, stream);
        stopwatch_.mark("loss", stream);
        if (!f.fixed_gradients) clear_gradients(gaussians.count, stream);
        blend_backward(lists, camera, gaussians.count, f.image, f.grad_image, f.splat_gradients, f.fixed_gradients,
                       step.statistics.absolute != 0, stream);
        stopwatch_.mark("blend backward", stream);
        update(step.adam, lists.instances, camera, sh_degree, f.splats, f.splat_gradients, step.statistics, stream);
        stopwatch_.mark("update", stream);
    });
}

void Renderer::contribute(const Sight &sight, const Camera &camera, int sh_degree, Contribution *contribution,
                          Stream stream) {
    const Gpu::Use use(gpu_);
    sh_degree_ = -1;
    const Gaussians &gaussians = sight.gaussians;
    queue_until_it_fits(gaussians, camera, 0, [&] {
        const TileLists lists = draw(gaussians, camera, sight.background, sh_degree, sight.dropout, stream);
        const Frame &f = frame_;
        const LeftOut &left_out = sight.left_out;
        if (left_out.ignored)
            leave_out(lists.instances, left_out.ignored, camera.width, camera.height, 1, f.image, stream);
        splat::loss(lists.instances, f.image, sight.photo, camera.width, camera.height, sight.loss_terms, f.grad_image,
                    contribution->loss, f.loss_scratch, stream);
        if (left_out.ignored)
            leave_out(lists.instances, left_out.ignored, camera.width, camera.height, left_out.weight, f.grad_image,
                      stream);
        stopwatch_.mark("loss", stream);
        begin_contribution(f.splats, camera, gaussians.count, contribution, stream);
        blend_backward(lists, camera, gaussians.count, f.image, f.grad_image, contribution->gradients(),
                       f.fixed_gradients, sight.absolute, stream);
        stopwatch_.mark("blend backward", stream);
    });
}

void Renderer::batch_step(const AdamStep &step, const Statistics &statistics, const Batch &batch, int sh_degree,
                          Stream stream) {
    const Gpu::Use use(gpu_);
    stopwatch_.mark("exchange", stream);  // since this GPU's contribution: waiting for the others included
    update(step, batch, sh_degree, statistics, stream);
    stopwatch_.mark("update", stream);
}

}  // namespace splat
