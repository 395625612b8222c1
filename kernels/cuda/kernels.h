// Every kernel, with the threads of its blocks. Both halves include this: a kernel that is defined otherwise does not
// compile, and launch.h takes from here which arguments a kernel wants. The names stand in the compiled code as they do
// here ("C"), so that the host finds the kernels by them.
#pragma once
#include "frame.h"

namespace splat {

constexpr int kProjectBlock = 128;
constexpr int kTouchBlock = 256;  // threads that name splats' tiles
constexpr int kWideBlocks = 256;  // blocks for the wide splats
constexpr int kScanBlock = 1024;
constexpr int kSortBlock = 128;
constexpr int kBlendWarps = 2;  // share nothing: each has a sub-tile. So few, that none waits long for its others
constexpr int kBlendBlock = kBlendWarps * kWarp;
static_assert(kSubTiles % kBlendWarps == 0, "no warp is without a sub-tile");
inline unsigned blend_blocks(const Camera &camera) { return tiles_of(camera) * (kSubTiles / kBlendWarps); }
constexpr int kSplatBlock = 256;  // for kernels with a thread for each splat
constexpr int kLossLoaded = 64;   // columns that a block of the loss reads
constexpr int kLossColumns = 52;  // columns that it writes: up to kLossLoaded - 10, a multiple of 4
constexpr int kLossRows = 16;
constexpr int kLossRun = 8;  // rows that a thread sums in its column
constexpr int kLossBlock = kLossLoaded * kLossRows / kLossRun;
constexpr int kLossQuad = 4;  // neighbouring pixels that a thread writes
constexpr int kBackdropBlock = 256;
constexpr int kLeaveOutBlock = 256;
constexpr int kExposeBlock = 256;
constexpr int kExposureBlocks = 512;  // at most, that share the sums of an exposure's gradient
constexpr int kExposed = 12;          // numbers of an exposure: [3][4], rows of a matrix and an offset
constexpr int kUpdateBlock = 128;
constexpr int kAdamBlock = 256;

extern "C" {

// preprocess.cu
__global__ void project_kernel(Gaussians gaussians, Camera camera, int sh_degree, Dropout dropout, Splat *splats,
                               WideSplats wide);

// binning.cu
__global__ void count_kernel(int count, const Splat *splats, WideSplats wide, int width, int height, uint32_t *cursors);
__global__ void starts_kernel(int tiles, uint32_t *cursors, uint32_t *tile_starts, uint64_t *total,
                              volatile uint64_t *host_total);
__global__ void list_kernel(Instances instances, int count, const Splat *splats, WideSplats wide, int width, int height,
                            uint32_t *cursors, uint64_t *items, int tiles, const uint32_t *tile_starts,
                            uint32_t *tile_order);
__global__ void sort_1024_kernel(Instances instances, const uint32_t *tile_order, const uint32_t *tile_starts,
                                 uint64_t *items, uint64_t *spare, uint32_t *tile_splats);
__global__ void sort_2048_kernel(Instances instances, const uint32_t *tile_order, const uint32_t *tile_starts,
                                 uint64_t *items, uint64_t *spare, uint32_t *tile_splats);

// backdrop.cu
__global__ void backdrop_kernel(Background background, Camera camera, float *image);

// blend_forward.cu: without a background of one colour the image holds what is behind all.
__global__ void blend_forward_kernel(TileLists lists, int width, int height, const float *background, float *image);

// loss.cu
__global__ void similarity_kernel(Instances instances, const float *image, const uint8_t *photo, int width, int height,
                                  int pitch, float huber_delta, float *d_mean, float *d_square, float *d_product,
                                  float2 *partial);
__global__ void loss_gradient_kernel(Instances instances, const float *image, const uint8_t *photo, int width,
                                     int height, int pitch, bool aligned, LossTerms terms, const float *d_mean,
                                     const float *d_square, const float *d_product, const float2 *partial, int partials,
                                     float *grad_image, float *values);
__global__ void leave_out_kernel(Instances instances, const uint8_t *ignored, int pixels, float scale, float *image);

// exposure.cu: any number of threads does the same, but for the order of sums, which is the grid's.
__global__ void expose_kernel(Instances instances, const float *exposure, const float *image, int64_t pixels,
                              float *exposed);
__global__ void expose_backward_kernel(Instances instances, const float *exposure, const float *image, int64_t pixels,
                                       float *grad_image, float *partial);
__global__ void exposure_gradient_kernel(Instances instances, const float *partial, int blocks, float *gradient);

// blend_backward.cu
__global__ void blend_backward_floats_kernel(TileLists lists, int width, int height, const float *image,
                                             const float *grad_image, FloatSums sums);
__global__ void blend_backward_fixed_kernel(TileLists lists, int width, int height, const float *image,
                                            const float *grad_image, FixedSums sums);
__global__ void to_float_kernel(int count, const FixedGradient *fixed, FixedUnits units, SplatGradient *gradients);
__global__ void begin_contribution_kernel(const Splat *splats, Camera camera, int count, Contribution *contribution);

// project_backward.cu
__global__ void write_gradients_kernel(WriteGradients sink, Gaussians gaussians, Camera camera, int sh_degree,
                                       const Splat *splats, const SplatGradient *splat_gradients);
__global__ void update_kernel(Update sink, Gaussians gaussians, Camera camera, int sh_degree, const Splat *splats,
                              const SplatGradient *splat_gradients);
__global__ void batch_update_kernel(BatchUpdate sink, Batch batch, int sh_degree, Statistics statistics);

// adam.cu
__global__ void adam_kernel(AdamStep step, Tensor tensor, const float *gradient, int64_t rows, int length, int stride);

}  // extern "C"

}  // namespace splat
