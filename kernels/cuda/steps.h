// The steps of a frame in their order, each in the file of its name: they start the kernels of kernels.h. All work is
// queued on `stream`, on the GPU in use.
#pragma once
#include "driver.h"
#include "frame.h"

namespace splat {

// For each Gaussian its splat.
void project(const Gaussians &gaussians, const Camera &camera, int sh_degree, const Dropout &dropout, Splat *splats,
             const WideSplats &wide, Stream stream);

struct Binning {
    int count;               // of Gaussians
    uint32_t room;           // for instances
    uint32_t *tile_cursors;  // [tiles][kCursorPitch] how many splats touch each tile, then where its next one goes
    uint32_t *tile_starts;   // [tiles + 1] where each tile's splats start in tile_splats
    uint32_t *tile_order;    // [tiles] the tiles, those with the most splats first
    uint64_t *items;         // [room] depth and Gaussian of each instance
    uint64_t *spare_items;   // [room]
    uint32_t *tile_splats;   // [room] the Gaussians of every tile, front to back
    uint64_t *total;         // of instances
    uint64_t *host_total;    // the same, where the host can read it
    uint64_t last_total;     // of the frame before: what this one's will be about
    Event counted;           // recorded once host_total is written
};
void bin(const Binning &binning, const Splat *splats, const WideSplats &wide, const Camera &camera, Stream stream);

// The colours of a backdrop, whose degree is not 0. image: [3][height][width].
void draw_backdrop(const Background &background, const Camera &camera, float *image, Stream stream);
// image: [3][height][width]; over a backdrop it holds what draw_backdrop made.
void blend_forward(const TileLists &lists, const Camera &camera, const Background &background, float *image,
                   Stream stream);
// Writes sums for `count` splats into gradients, which hold zeros. image: what blend_forward made. Where `fixed` [count]
// is given, sums are taken in fixed point on the way, which makes them the same to the bit every time; gradients need
// hold no zeros then.
void blend_backward(const TileLists &lists, const Camera &camera, int count, const float *image,
                    const float *grad_image, SplatGradient *gradients, FixedGradient *fixed, bool absolute,
                    Stream stream);

// Makes a contribution ready for blend_backward's sums; the loss is not touched.
void begin_contribution(const Splat *splats, const Camera &camera, int count, Contribution *contribution,
                        Stream stream);

// From the splats' gradients to those of the parameters, written out. grad_means2d: [count][2], pixels.
void write_gradients(const Gaussians &gaussians, const Camera &camera, int sh_degree, const Splat *splats,
                     const SplatGradient *splat_gradients, const Gaussians &gradients, float *grad_means2d,
                     Stream stream);
// The same, straight into an Adam step and the density statistics: no gradient reaches memory.
void update(const AdamStep &step, const Instances &instances, const Camera &camera, int sh_degree, const Splat *splats,
            const SplatGradient *splat_gradients, const Statistics &statistics, Stream stream);
// The same for a batch: a step on the photos' mean loss, and statistics of each photo. Does nothing unless all succeeded.
void update(const AdamStep &step, const Batch &batch, int sh_degree, const Statistics &statistics, Stream stream);
void adam(const AdamStep &step, const Gaussians &gradients, int sh_degree, Stream stream);

// Pixels that say nothing, and how much the others weigh; null where all count.
struct LeftOut {
    const uint8_t *ignored;  // [height][width], not 0 where the photo is ignored
    float weight;
};
// A picture [3][height][width], or its gradient, `scale` times as large and 0 where pixels are ignored.
void leave_out(const Instances &instances, const uint8_t *ignored, int width, int height, float scale, float *image,
               Stream stream);

// A photo's exposure, [3][4] rows of a matrix and an offset of the picture's colours before the loss, and where the
// loss's gradient in it goes; null where the picture is compared as it is.
struct Exposure {
    const float *matrix;
    float *gradient;
};
// exposed: [3][height][width]. Of scratch memory that and, behind it, `partial` take exposure_scratch_floats() floats.
size_t exposure_scratch_floats(int width, int height);
void expose(const Instances &instances, const float *exposure, const float *image, int width, int height,
            float *exposed, Stream stream);
// image: as it was before it was exposed. grad_image becomes its gradient from that of what is exposed.
void expose_backward(const Instances &instances, const Exposure &exposure, const float *image, int width, int height,
                     float *grad_image, float *partial, Stream stream);

// values: [3] total, l1, ssim. scratch: loss_scratch_floats() floats.
size_t loss_scratch_floats(int width, int height);
void loss(const Instances &instances, const float *image, const uint8_t *photo, int width, int height,
          const LossTerms &terms, float *grad_image, float *values, float *scratch, Stream stream);

}  // namespace splat
