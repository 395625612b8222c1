// One frame's way through the kernels, and the scratch memory that it needs.
#pragma once
#include <functional>

#include "gpu.h"
#include "steps.h"
#include "stopwatch.h"

namespace splat {

// What scratch memory has room for.
struct Room {
    int gaussians = 0;
    uint32_t instances = 0;
    uint32_t tiles = 0;
    size_t pixels = 0;  // of one channel
    size_t loss_floats = 0;
    size_t exposure_floats = 0;

    bool operator==(const Room &o) const {
        return gaussians == o.gaussians && instances == o.instances && tiles == o.tiles && pixels == o.pixels &&
               loss_floats == o.loss_floats && exposure_floats == o.exposure_floats;
    }
};

// Where each array of a frame lies in scratch memory.
struct Frame {
    Splat *splats;
    WideSplats wide;
    SplatGradient *splat_gradients;
    FixedGradient *fixed_gradients;  // null unless the renderer is deterministic
    uint32_t *tile_cursors, *tile_starts, *tile_order, *tile_splats;
    uint64_t *items, *spare_items, *total;
    BlendRecord record;
    float *image, *grad_image, *loss_scratch, *exposed;
};

struct TrainingStep {
    AdamStep adam;
    Statistics statistics;
    const uint8_t *photo;  // [3][height][width]
    Background background;
    LossTerms loss_terms;
    float *loss_values;  // [3] total, l1, ssim
    Dropout dropout;
    LeftOut left_out;
    Exposure exposure;
};

// One photo's part of a training step on a batch.
struct Sight {
    Gaussians gaussians;
    const uint8_t *photo;  // [3][height][width]
    Background background;
    LossTerms loss_terms;
    Dropout dropout;
    LeftOut left_out;
    bool absolute;  // as in Statistics
};

// All pointers are to GPU memory; work is queued on the stream that is given and, but for one early wait a frame (see
// queue_until_it_fits), not waited for. Not safe for threads: a renderer has one set of scratch memory.
class Renderer {
public:
    // deterministic: a training step gives the same to the bit every time.
    // allocate(bytes) gives scratch memory, aligned to 256 bytes; what it gave before is not used any more.
    using Allocate = std::function<void *(size_t bytes)>;
    Renderer(int device, bool deterministic, Allocate allocate);
    ~Renderer();
    Renderer(const Renderer &) = delete;
    Renderer &operator=(const Renderer &) = delete;

    // image: [3][height][width].
    void render(const Gaussians &gaussians, const Camera &camera, const Background &background, int sh_degree,
                float *image, Stream stream);
    // Gradients of the last render, whose Gaussians must not have changed since. grad_means2d: [count][2], pixels.
    void backward(const float *grad_image, const Gaussians &gradients, float *grad_means2d, Stream stream);
    // values: [3] total, l1, ssim.
    void loss(const float *image, const uint8_t *photo, int width, int height, const LossTerms &terms,
              float *grad_image, float *values, Stream stream);
    // What a training step does with an exposure before its loss and after it, by itself: what tests look at.
    void expose(const float *exposure, const float *image, int width, int height, float *exposed, Stream stream);
    void expose_backward(const Exposure &exposure, const float *image, int width, int height, float *grad_image,
                         Stream stream);
    void adam_step(const AdamStep &step, const Gaussians &gradients, int sh_degree, Stream stream);
    void training_step(const TrainingStep &step, const Camera &camera, int sh_degree, Stream stream);
    // A training step on a batch, in two halves: contributions of its photos, here or on other GPUs, and the step.
    void contribute(const Sight &sight, const Camera &camera, int sh_degree, Contribution *contribution, Stream stream);
    void batch_step(const AdamStep &step, const Statistics &statistics, const Batch &batch, int sh_degree,
                    Stream stream);

    void set_timing(bool enabled) { stopwatch_.enable(enabled); }
    std::vector<std::pair<std::string, float>> stage_times() const;  // see Stopwatch::times
    uint64_t instances() const { return *host_total_; }              // of the last frame
    size_t scratch_bytes() const { return scratch_bytes_; }

private:
    void reserve(const Room &needed);
    void take(const Room &room);
    void clear_gradients(int count, Stream stream);
    TileLists draw(const Gaussians &gaussians, const Camera &camera, const Background &background, int sh_degree,
                   const Dropout &dropout, Stream stream);
    template <typename Queue>
    void queue_until_it_fits(const Gaussians &gaussians, const Camera &camera, size_t exposure_floats, Queue queue);

    const Gpu &gpu_;
    const bool deterministic_;
    const Allocate allocate_;
    Room room_;
    Frame frame_ = {};
    size_t scratch_bytes_ = 0;
    uint64_t *host_total_ = nullptr;
    Event counted_ = nullptr;
    Stopwatch stopwatch_;

    // The last render, for backward().
    Gaussians rendered_ = {};
    Camera camera_ = {};
    int sh_degree_ = -1;
    TileLists lists_ = {};
};

}  // namespace splat
