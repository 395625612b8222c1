// Step 5: from d loss / d image to d loss / d splat. Every warp takes one sub-tile on its own and walks front to back
// through the splats that the forward pass met there, 16 at a time. First a lane is a column of pixels and repeats the
// blend, leaving two numbers for each splat and pixel in shared memory; then two lanes share a splat and each sums over
// half of the pixels in registers. So the sums need no shuffles inside the walk, and memory sees one addition for each
// splat and sub-tile.
#include "blend.cuh"
#include "kernels.h"

namespace splat {

constexpr int kBatch = 16;              // splats that a warp handles at a time
constexpr int kParts = kWarp / kBatch;  // lanes that share a splat's sums
constexpr int kPartRows = kSubTileHeight / kParts;
static_assert(kParts == 2, "a splat comes in three parts: two lanes fetch it, and add up its nine sums");

constexpr float kLog2 = 0.6931471805599453f;

struct __align__(16) WarpMemory {
    float4 splats[kBatch][3];
    // h = d loss / d log alpha, and the blending weight; padded against bank conflicts.
    float2 contributions[kBatch][kSubTilePixels + 2];
    float red[kSubTilePixels], green[kSubTilePixels], blue[kSubTilePixels];  // d loss / d colour of the pixels
    uint32_t gaussians[kBatch];
};

// Where a sub-tile's sums for a splat are added: each of two lanes brings half of them.

inline __device__ void add(float4 *target, float4 value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    atomicAdd(target, value);
#else
    float *parts = reinterpret_cast<float *>(target);
    atomicAdd(parts, value.x);
    atomicAdd(parts + 1, value.y);
    atomicAdd(parts + 2, value.z);
    atomicAdd(parts + 3, value.w);
#endif
}

inline __device__ void add_first(const FloatSums &sums, uint32_t gaussian, const SplatGradient &sum) {
    add(reinterpret_cast<float4 *>(sums.gradients + gaussian), make_float4(sum.h, sum.hx, sum.hy, sum.hxx));
    atomicAdd(&sums.gradients[gaussian].blue, sum.blue);
}
inline __device__ void add_second(const FloatSums &sums, uint32_t gaussian, const SplatGradient &sum) {
    add(reinterpret_cast<float4 *>(sums.gradients + gaussian) + 1, make_float4(sum.hxy, sum.hyy, sum.red, sum.green));
}

inline __device__ void add_absolute(const FloatSums &sums, uint32_t gaussian, float norm) {
    atomicAdd(&sums.gradients[gaussian].absolute, norm);
}

inline __device__ void add(const FixedSums &sums, uint32_t gaussian, int sum, float value) {
    auto *target = reinterpret_cast<unsigned long long *>(&sums.gradients[gaussian].sums[sum]);
    atomicAdd(target, static_cast<unsigned long long>(__float2ll_rn(value * sums.units.of(sum))));
}
inline __device__ void add_first(const FixedSums &sums, uint32_t gaussian, const SplatGradient &sum) {
    add(sums, gaussian, 0, sum.h);
    add(sums, gaussian, 1, sum.hx);
    add(sums, gaussian, 2, sum.hy);
    add(sums, gaussian, 3, sum.hxx);
    add(sums, gaussian, 8, sum.blue);
}
inline __device__ void add_second(const FixedSums &sums, uint32_t gaussian, const SplatGradient &sum) {
    add(sums, gaussian, 4, sum.hxy);
    add(sums, gaussian, 5, sum.hyy);
    add(sums, gaussian, 6, sum.red);
    add(sums, gaussian, 7, sum.green);
}

inline __device__ void add_absolute(const FixedSums &sums, uint32_t gaussian, float norm) {
    add(sums, gaussian, FixedGradient::kAbsolute, norm);
}

extern "C" __global__ void to_float_kernel(int count, const FixedGradient *fixed, FixedUnits units,
                                           SplatGradient *gradients) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    float *sums = &gradients[i].h;
    for (int k = 0; k < FixedGradient::kSums; ++k) sums[k] = float(fixed[i].sums[k]) / units.of(k);
    const int absolute = FixedGradient::kAbsolute;
    gradients[i].absolute = float(fixed[i].sums[absolute]) / units.of(absolute);
}

// One thread at least runs, if only for the camera.
extern "C" __global__ void begin_contribution_kernel(const Splat *splats, Camera camera, int count,
                                                     Contribution *contribution) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i == 0) {
        contribution->succeeded = 1;
        contribution->camera = camera;
    }
    if (i >= count) return;
    const Splat splat = splats[i];
    SplatGradient gradient = {};
    gradient.radius = splat.radius;
    gradient.cut = (splat.red > 0 ? 0 : 1) | (splat.green > 0 ? 0 : 2) | (splat.blue > 0 ? 0 : 4);
    contribution->gradients()[i] = gradient;
}

// The splats that a sub-tile met, front to back, as the forward pass's masks list them.
struct Walk {
    const uint32_t *masks;      // of this sub-tile, every kSubTiles-th
    const uint32_t *gaussians;  // the tile's list
    uint32_t chunks, chunk = 0, cached = 0, mask = 0;

    // Writes the next Gaussians, kBatch at most, to `batch` and returns how many there were.
    __device__ int next(int lane, uint32_t *batch) {
        int count = 0;
        while (count < kBatch) {
            if (mask == 0) {
                if (chunk == chunks) break;
                if (chunk % kWarp == 0) cached = chunk + lane < chunks ? masks[size_t(chunk + lane) * kSubTiles] : 0;
                mask = __shfl_sync(kAllLanes, cached, chunk % kWarp);
                ++chunk;
                continue;
            }
            const int rank = count + __popc(mask & ((1u << lane) - 1));
            const bool taken = (mask >> lane & 1) && rank < kBatch;
            if (taken) batch[rank] = gaussians[(chunk - 1) * kWarp + lane];
            const uint32_t all_taken = __ballot_sync(kAllLanes, taken);
            count += __popc(all_taken);
            mask &= ~all_taken;
        }
        __syncwarp();
        return count;
    }
};

// A pixel on its way through the splats.
struct Pixel {
    Progress progress;
    float3 gradient;     // d loss / d colour
    float light_behind;  // gradient . (colour that splats not yet visited and the background give)

    // h = d loss / d log alpha of the splat, and its blending weight; both 0 where it is not blended.
    __device__ float2 visit(float exponent, const float4 &rest, float blue) {
        const Progress::Step step = progress.blend(exponent);
        const float shine = gradient.x * rest.z + gradient.y * rest.w + gradient.z * blue;
        light_behind -= step.weight * shine;
        // More alpha shows more of the splat and dims what is behind it by as much as (1 - alpha) let through.
        const float h = step.weight * shine - light_behind * __fdividef(step.alpha, 1 - step.alpha);
        return make_float2(step.open && step.uncapped <= kAlphaMax ? h : 0.0f, step.weight);
    }
};

// The sums over a part of the sub-tile's rows for one splat, about the sub-tile's first pixel center.
inline __device__ SplatGradient sum_over_pixels(const WarpMemory &shared, int slot, int part) {
    SplatGradient sum = {};
#pragma unroll
    for (int row = 0; row < kPartRows; ++row) {
        const int first = (part * kPartRows + row) * kSubTileWidth;
        float h = 0, hx = 0, hxx = 0;
#pragma unroll
        for (int x = 0; x < kSubTileWidth; x += 4) {
            const float4 *contributions = reinterpret_cast<const float4 *>(&shared.contributions[slot][first + x]);
            const float4 left = contributions[0], right = contributions[1];  // h, weight of two pixels each
            const float4 red = *reinterpret_cast<const float4 *>(&shared.red[first + x]);
            const float4 green = *reinterpret_cast<const float4 *>(&shared.green[first + x]);
            const float4 blue = *reinterpret_cast<const float4 *>(&shared.blue[first + x]);
            h += (left.x + left.z) + (right.x + right.z);
            hx += x * left.x + (x + 1) * left.z + (x + 2) * right.x + (x + 3) * right.z;
            hxx += x * x * left.x + (x + 1) * (x + 1) * left.z + (x + 2) * (x + 2) * right.x +
                   (x + 3) * (x + 3) * right.z;
            sum.red += red.x * left.y + red.y * left.w + red.z * right.y + red.w * right.w;
            sum.green += green.x * left.y + green.y * left.w + green.z * right.y + green.w * right.w;
            sum.blue += blue.x * left.y + blue.y * left.w + blue.z * right.y + blue.w * right.w;
        }
        const float y = part * kPartRows + row;
        sum.h += h;
        sum.hx += hx;
        sum.hxx += hxx;
        sum.hy += y * h;
        sum.hxy += y * hx;
        sum.hyy += y * y * h;
    }
    return sum;
}

// Sums about the sub-tile's first pixel, taken about a point (-dx, -dy) from there instead.
inline __device__ SplatGradient about(const SplatGradient &s, float dx, float dy) {
    SplatGradient moved = s;
    moved.hx = s.hx + dx * s.h;
    moved.hy = s.hy + dy * s.h;
    moved.hxx = s.hxx + dx * (2 * s.hx + dx * s.h);
    moved.hxy = s.hxy + dx * s.hy + dy * moved.hx;
    moved.hyy = s.hyy + dy * (2 * s.hy + dy * s.h);
    return moved;
}

// |d loss / d mean| of sums about the mean, in normalised device coordinates.
inline __device__ float mean_gradient_norm(const float4 *splat, const SplatGradient &s, int width, int height) {
    const float a = splat[0].z, b = splat[0].w, c = splat[1].x;
    const float x = (2 * a * s.hx + b * s.hy) * 0.5f * width, y = (b * s.hx + 2 * c * s.hy) * 0.5f * height;
    return kLog2 * sqrtf(x * x + y * y);  // a, b and c are in base 2
}

inline __device__ void add_other_parts(float &value) {
    for (int step = kBatch; step < kWarp; step *= 2) value += __shfl_xor_sync(kAllLanes, value, step);
}

template <typename Sums>
inline __device__ void blend_backward(const TileLists &lists, int width, int height, const float *image,
                                      const float *grad_image, const Sums &sums) {
    if (!lists.instances.fit()) return;
    __shared__ WarpMemory memory[kBlendWarps];
    WarpMemory &shared = memory[threadIdx.x / kWarp];
    const int lane = threadIdx.x % kWarp;
    const SubTile area(lists.tile_order, width, height);
    const uint32_t start = lists.tile_starts[area.tile];
    const float pixel_x = area.x + 0.5f, pixel_y = area.y + 0.5f;

    Pixel pixels[kLanePixels];
    for (int p = 0; p < kLanePixels; ++p) {
        Pixel &pixel = pixels[p];
        pixel.gradient = make_float3(0, 0, 0);
        pixel.light_behind = 0;
        pixel.progress.transmittance = 0;
        if (area.inside(p)) {
            const size_t plane = size_t(width) * height, at = area.pixel(p);
            pixel.gradient = make_float3(grad_image[at], grad_image[plane + at], grad_image[2 * plane + at]);
            pixel.light_behind = pixel.gradient.x * image[at] + pixel.gradient.y * image[plane + at] +
                                 pixel.gradient.z * image[2 * plane + at];
            pixel.progress.transmittance = 1;
        }
        shared.red[p * kWarp + lane] = pixel.gradient.x;
        shared.green[p * kWarp + lane] = pixel.gradient.y;
        shared.blue[p * kWarp + lane] = pixel.gradient.z;
    }

    Walk walk = {lists.record.chunk_masks + size_t(first_chunk(area.tile, start)) * kSubTiles + area.part,
                 lists.tile_splats + start, lists.record.chunk_counts[area.tile * kSubTiles + area.part]};
    const int slot = lane % kBatch, part = lane / kBatch;
    while (const int count = walk.next(lane, shared.gaussians)) {
        const uint32_t gaussian = slot < count ? shared.gaussians[slot] : 0;
        if (slot < count) {
            const float4 *splat = reinterpret_cast<const float4 *>(lists.splats + gaussian);
            const float4 one = splat[part];
            const float4 last = part == 0 ? splat[kParts] : one;
            shared.splats[slot][part] = one;
            if (part == 0) shared.splats[slot][kParts] = last;
        }
        __syncwarp();
#pragma unroll 4
        for (int k = 0; k < count; ++k) {
            const float4 shape = shared.splats[k][0], rest = shared.splats[k][1];
            const float blue = shared.splats[k][2].x;
            float exponents[kLanePixels];
            log2_alphas(shape, rest, pixel_x, pixel_y, exponents);
#pragma unroll
            for (int p = 0; p < kLanePixels; ++p)
                shared.contributions[k][p * kWarp + lane] = pixels[p].visit(exponents[p], rest, blue);
        }
        __syncwarp();

        SplatGradient sum = sum_over_pixels(shared, slot, part);
        add_other_parts(sum.h);
        add_other_parts(sum.hx);
        add_other_parts(sum.hy);
        add_other_parts(sum.hxx);
        add_other_parts(sum.hxy);
        add_other_parts(sum.hyy);
        add_other_parts(sum.red);
        add_other_parts(sum.green);
        add_other_parts(sum.blue);
        if (slot < count) {
            const float dx = area.left - shared.splats[slot][0].x, dy = area.top - shared.splats[slot][0].y;
            const SplatGradient about_mean = about(sum, dx, dy);
            if (part == 0)
                add_first(sums, gaussian, about_mean);
            else if (part == 1)
                add_second(sums, gaussian, about_mean);
            if (part == 1 && sums.absolute)
                add_absolute(sums, gaussian, mean_gradient_norm(shared.splats[slot], about_mean, width, height));
        }
        __syncwarp();
    }
}

extern "C" __global__ void __launch_bounds__(kBlendBlock, 640 / kBlendBlock)
    blend_backward_floats_kernel(TileLists lists, int width, int height, const float *image, const float *grad_image,
                                 FloatSums sums) {
    blend_backward(lists, width, height, image, grad_image, sums);
}

extern "C" __global__ void __launch_bounds__(kBlendBlock, 640 / kBlendBlock)
    blend_backward_fixed_kernel(TileLists lists, int width, int height, const float *image, const float *grad_image,
                                FixedSums sums) {
    blend_backward(lists, width, height, image, grad_image, sums);
}

}  // namespace splat
