// What the CUDA kernels pass to one another. Shapes, units and frames are those of splatworker/render/interface.py.
#pragma once
#include "both_halves.h"
#include "../dropout.h"

namespace splat {

// The method's constants; interface.py says what they mean.
constexpr float kNearPlane = 0.2f;
constexpr float kDilation = 0.3f;
constexpr float kFrustumMargin = 1.3f;
constexpr float kAlphaMax = 0.99f;
constexpr float kAlphaMin = 1.0f / 255.0f;
constexpr float kTransmittanceMin = 1e-4f;

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

constexpr int kTile = 16;                         // pixels along a tile's side
constexpr int kLanePixels = 2;                    // that a lane blends, one above the other
constexpr int kSubTileWidth = 8;                  // a warp's share of a tile
constexpr int kLaneRows = kWarp / kSubTileWidth;  // rows between a lane's pixels
constexpr int kSubTileHeight = kLaneRows * kLanePixels;
constexpr int kSubTilePixels = kSubTileWidth * kSubTileHeight;
constexpr int kSubTiles = kTile * kTile / kSubTilePixels;  // of one tile, in two columns

constexpr float kLog2E = 1.4426950408889634f;
constexpr float kLog2AlphaMin = -7.994353436858858f;  // log2(1 / 255)

struct Camera {
    int width, height;
    float fx, fy, cx, cy;
    float rotation[9];  // camera_from_world, row-major
    float translation[3];
    float center[3];   // of the camera, in the world
    int antialiasing;  // not 0: splats that the dilation widens become as much fainter; see interface.py
};

inline __host__ __device__ int tiles_across(int pixels) { return (pixels + kTile - 1) / kTile; }

inline uint32_t tiles_of(const Camera &camera) {
    return uint32_t(tiles_across(camera.width)) * uint32_t(tiles_across(camera.height));
}

// What is behind all Gaussians: the colour `values` [3] at degree 0; otherwise the (degree + 1)^2 harmonics of a backdrop,
// [(degree + 1)^2][3], towards where a pixel looks.
struct Background {
    const float *values;
    int degree;
};

// The six tensors of GaussianTensors, in its order.
enum Tensor { kMeans, kQuaternions, kLogScales, kOpacityLogits, kShDc, kShRest, kTensors };

// Floats a Gaussian of each tensor but the last, and of those before it.
inline constexpr __host__ __device__ int width_of(int tensor) {
    return tensor == kQuaternions ? 4 : tensor == kOpacityLogits ? 1 : 3;
}
inline constexpr __host__ __device__ int offset_of(int tensor) {
    return tensor == 0 ? 0 : offset_of(tensor - 1) + width_of(tensor - 1);
}

// Parameters, gradients or moments of `count` Gaussians, aligned to 16 bytes; sh_rest has `rest` coefficients of 3
// channels a Gaussian.
struct Gaussians {
    float *tensor[kTensors];
    int count, rest;
};

constexpr int kMaxRest = 15 * 3;  // floats of sh_rest a Gaussian at degree 3
inline __host__ __device__ int active_rest(int sh_degree) { return ((sh_degree + 1) * (sh_degree + 1) - 1) * 3; }

// A Gaussian as one camera sees it, read as three float4. At pixel offset d = pixel center - mean,
//     log2 alpha = log2_opacity - (a dx^2 + b dx dy + c dy^2).
struct __align__(16) Splat {
    float x, y;     // projected mean, pixels
    float a, b, c;  // conic (A, B; B, C) in base 2: a = A log2(e) / 2, b = B log2(e), c = C log2(e) / 2
    float log2_opacity;
    float red, green, blue;
    float discriminant;  // 4 a c - b^2, without the cancellation of computing it so
    float depth;         // camera z of the mean
    float radius;        // three standard deviations along the longer axis, pixels; 0: not drawn
};
static_assert(sizeof(Splat) == 48, "three float4");

// d loss / d splat, as sums over the pixels it was blended into: with h = d loss / d log alpha and d as above.
struct __align__(16) SplatGradient {
    float h, hx, hy, hxx;  // sums of h, h dx, h dy, h dx^2
    float hxy, hyy;        // sums of h dx dy, h dy^2
    float red, green, blue;
    // Of Contribution::gradients() only:
    float radius;  // as in Splat
    uint32_t cut;  // bit k: channel k of the colour was cut off at 0, so nothing moves it
    // Sum over sub-tiles of |d loss / d mean|, in normalised device coordinates; 0 where nobody asks for it.
    float absolute;
};
static_assert(sizeof(SplatGradient) == 48, "three float4");

// The same sums in fixed point: whole numbers add up to the same whatever the order. Units are powers of two, fine
// beside what a pixel of a mean over `pixels` pixels contributes; distances reach tens of thousands of pixels.
struct FixedGradient {
    static constexpr int kSums = 9, kAbsolute = kSums;  // in SplatGradient's order, and `absolute`
    int64_t sums[kSums + 1];
};
struct FixedUnits {
    float zeroth, first, second;  // for sums of h and colours, of h d and `absolute`, of h d d
    explicit FixedUnits(int64_t pixels) {
        float per_pixel = 1;
        while (per_pixel < pixels) per_pixel *= 2;
        zeroth = per_pixel * float(1 << 30);
        first = per_pixel * float(1 << 23);
        second = per_pixel * float(1 << 16);
    }
    __host__ __device__ float of(int sum) const {
        const bool first_order = sum == 1 || sum == 2 || sum == FixedGradient::kAbsolute;
        return first_order ? first : sum == 0 || sum >= 6 ? zeroth : second;
    }
};

struct LossTerms {
    float lambda_dssim;  // the share of 1 - SSIM; the rest is the mean absolute difference...
    float
        huber_delta;  // ... but smaller ones than this count by their squares (Huber's function, kernels/cpu/loss.inl)
};

struct Statistics {
    float *gradient_norm_sum, *view_count;
    int absolute;  // not 0: norms are summed over an image's sub-tiles, and not the norm of their sum
    int unused;
};

// What one photo of a batch says about all Gaussians, in one piece that can be sent to another GPU: a SplatGradient for
// each Gaussian follows. cuda.py counts its floats.
struct __align__(16) Contribution {
    float succeeded;  // 1; 0 where there was no memory for this photo
    float loss[3];    // total, l1, ssim
    Camera camera;
    float unused[6];

    __host__ __device__ SplatGradient *gradients() { return reinterpret_cast<SplatGradient *>(this + 1); }
    __host__ __device__ const SplatGradient *gradients() const {
        return reinterpret_cast<const SplatGradient *>(this + 1);
    }
};
static_assert(sizeof(Contribution) == 32 * sizeof(float), "what follows starts at a multiple of 16 bytes");

// The contributions of a batch, end to end.
struct Batch {
    const Contribution *first;
    int count;      // of photos
    int gaussians;  // of each contribution

    __host__ __device__ const Contribution &at(int photo) const {
        const size_t bytes = sizeof(Contribution) + size_t(gaussians) * sizeof(SplatGradient);
        return *reinterpret_cast<const Contribution *>(reinterpret_cast<const char *>(first) + photo * bytes);
    }
};

// Adam (Kingma & Ba 2015, algorithm 1) with its bias corrections folded into two numbers a step:
// p -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon).
struct AdamStep {
    Gaussians parameters, first, second;
    float corrected_rate[kTensors];
    float inverse_root_correction;
};

}  // namespace splat
