// What the CPU kernels pass to one another: plain structs of pointers, so that a kernel compiled for one instruction
// set shares no inline code with another. Shapes and frames are those of splatworker/render/interface.py.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../dropout.h"
#include "plane_sweep.h"

namespace splat {

// The method's constants; interface.py says what they mean.
constexpr float kNearPlane = 0.2f;
constexpr float kDilation = 0.3f;
constexpr float kFrustumMargin = 1.3f;
constexpr float kAlphaMax = 0.99f;
constexpr float kAlphaMin = 1.0f / 255.0f;
constexpr float kTransmittanceMin = 1e-4f;

constexpr int kTile = 16;          // pixels along a tile's side
constexpr int kAbsoluteBlock = 8;  // interface.ABSOLUTE_BLOCK

struct Camera {
    int width, height;
    float fx, fy, cx, cy;
    float rotation[9];  // camera_from_world, row-major
    float translation[3];
    float center[3];    // of the camera, in the world
    bool antialiasing;  // splats that the dilation widens become as much fainter; see interface.py
};

// What is behind all Gaussians: the colour `values` [3] at degree 0; otherwise the (degree + 1)^2 harmonics of a backdrop,
// [(degree + 1)^2][3], towards where a pixel looks.
struct Background {
    float values[16 * 3];
    int degree;
};

// Parameters (or gradients, or moments) of `count` Gaussians; sh_rest has `rest` coefficients of 3 channels each.
template <typename Float>
struct GaussianArrays {
    int64_t count;
    int rest;
    Float *means, *quaternions, *log_scales, *opacity_logits, *sh_dc, *sh_rest;
};
using Gaussians = GaussianArrays<const float>;
using MutableGaussians = GaussianArrays<float>;

// A Gaussian as one camera sees it; one cache line.
struct alignas(64) Splat {
    float x, y;     // projected mean, pixels
    float a, b, c;  // conic: inverse of the dilated covariance
    float opacity;
    float color[3];
    float reach;           // alpha >= kAlphaMin where a dx^2 + 2 b dx dy + c dy^2 <= reach
    float half_x, half_y;  // half sides of the box around that ellipse
    float radius;          // three standard deviations along the longer axis; 0: not drawn
    float depth;
    int16_t tile_row_begin, tile_row_end;
    uint32_t pad;
};
static_assert(sizeof(Splat) == 64, "one cache line");

// Tile columns [begin, end) that a splat touches in one tile row.
struct Span {
    uint16_t begin, end;
};

// A splat in a tile's list, and where the tile's gradient for it goes.
struct Entry {
    uint32_t gaussian;
    uint32_t slot;
};

// The gradient that one tile has for one of its splats.
struct PairGradient {
    float x, y, a, b, c, opacity, color[3];
    float absolute;  // sum over the tile's blocks of |(x, y)| in normalised device coordinates; 0 unless asked for
};

// One frame's scratch memory and result, all owned by Renderer.
struct Frame {
    Camera camera;
    int tiles_x, tiles_y;
    int sh_degree;
    Dropout dropout;
    Background background;
    Splat *splats;                 // [count]
    const uint32_t *pair_begin;    // [count + 1] slots of a Gaussian's tiles
    const uint32_t *tile_begin;    // [tiles + 1]
    const Entry *entries;          // [pairs] by tile, then front to back
    float *image;                  // [3][height][width]
    uint32_t *last;                // [tiles][kTile * kTile] entries of the tile's list up to the last one blended
    PairGradient *pair_gradients;  // [pairs]
    bool absolute;                 // pair_gradients' `absolute` is wanted
};

struct AdamRates {
    float means, quaternions, log_scales, opacity_logits, sh_dc, sh_rest;
};

struct Statistics {
    float *gradient_norm_sum, *view_count;
};

struct LossTerms {
    float lambda_dssim;  // the share of 1 - SSIM; the rest is the mean absolute difference...
    float huber_delta;   // ... but smaller ones than this count by their squares (Huber's function)
};

struct LossSums {
    double l1, ssim;  // sums over pixels and channels
};

// The colours of `count` Gaussians, K = (degree + 1)^2 harmonics each, and how much `views` views show of them.
struct RoundingColors {
    int64_t count, views;
    int degree;                 // 1 to 3
    const float *means;         // [count][3]
    const float *coefficients;  // [count][K][3], the constant one first
    const float *centers;       // [views][3]
    const float *weights;       // [views][count]
};

// The numbers that a file can hold, and how to look for the best of them; splat_files/rate_distortion.py says what they are.
struct RoundingGrid {
    float constant_step, constant_offset, constant_lowest, constant_highest;
    float step, lowest, highest;
    float prior, least_prior;
    int sweeps;
};

constexpr int kHighestLevel = 127;
struct RoundingPrices {
    const float *bits;  // [2 kHighestLevel + 1]
    float of_a_bit;
};

// Vectors of `width` numbers.
struct Rows {
    int64_t count;
    int width;
    const float *values;  // [count][width]
};

constexpr int kWidestPanel = 32;  // centroids that one instruction set or another looks at together
inline size_t panel_floats(const Rows &centroids) {
    return size_t(centroids.count + kWidestPanel - 1) / kWidestPanel * kWidestPanel * (centroids.width + 1);
}

// The kernels that are compiled once for each instruction set.
struct Kernels {
    const char *name;
    // Fills frame.splats.
    void (*project)(const Gaussians &, const Frame &, int threads);
    // Fills frame.image and frame.last.
    void (*blend)(const Frame &, int threads);
    // From d loss / d image [3][height][width], fills frame.pair_gradients.
    void (*blend_backward)(const Frame &, const float *grad_image, int threads);
    // From pair_gradients to the gradients of Gaussians [begin, end); `out` and grad_means2d [.][2] start at `begin`.
    void (*project_backward)(const Gaussians &, const Frame &, int64_t begin, int64_t end, const MutableGaussians &out,
                             float *grad_means2d);
    // scratch: [9][height][width] floats; partial: 2 doubles for each of loss_bands(height) bands a channel.
    LossSums (*loss)(const float *image, const uint8_t *photo, int width, int height, const LossTerms &terms,
                     float *grad_image, float *scratch, double *partial, int threads);
    // `rows` rows of `length` values, `stride` apart in parameter and moments and `gradient_stride` in the gradient.
    void (*adam)(float *parameter, const float *gradient, float *first, float *second, int64_t rows, int length,
                 int stride, int gradient_stride, float rate, int64_t step);
    // Fills rounded [count][K][3].
    void (*round_colors)(const RoundingColors &, const RoundingGrid &, const RoundingPrices &, float *rounded,
                         int threads);
    // Fills labels [points.count] with the centroid, of at least one, that is nearest, the first of equals; `panels`:
    // scratch memory of panel_floats(centroids).
    void (*nearest)(const Rows &points, const Rows &centroids, float *panels, int32_t *labels, int threads);
    SweepKernel *plane_sweep;
};

const Kernels &baseline_kernels();
const Kernels &avx2_kernels();
const Kernels &avx512_kernels();
// By what this processor can do. `wish` (baseline, avx2 or avx512) lowers it, and so does SPLATWORKER_ISA without one.
const Kernels &best_kernels(const char *wish = nullptr);

constexpr int kLossBand = 32;  // image rows that one task of the loss kernel handles
inline int loss_bands(int height) { return (height + kLossBand - 1) / kLossBand; }

}  // namespace splat
