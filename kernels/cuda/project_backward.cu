// Step 6: from the splats' gradients to the Gaussians' parameters, and at once into the Adam step and the density
// statistics: one pass reads and writes each parameter and moment once, and no gradient reaches memory. For tests the
// same kernel writes the gradients out instead.
#include "adam.cuh"
#include "harmonics.cuh"
#include "kernels.h"
#include "projection.cuh"

namespace splat {

// A sink takes items of any tensor, hears of every Gaussian that the camera saw, and may skip the frame.

inline __device__ bool skips(const WriteGradients &) { return false; }
template <typename Value, int kItems>
inline __device__ void take(const WriteGradients &sink, const Item<Value> (&items)[kItems]) {
    for (int k = 0; k < kItems; ++k)
        if (items[k].present)
            *reinterpret_cast<Value *>(sink.gradients.tensor[items[k].tensor] + items[k].index) = items[k].gradient;
}
inline __device__ void drawn_at(const WriteGradients &sink, int i, const float *mean2d, const SplatGradient &) {
    sink.grad_means2d[2 * size_t(i)] = mean2d[0];
    sink.grad_means2d[2 * size_t(i) + 1] = mean2d[1];
}

template <typename Value, int kItems>
inline __device__ void take(const BatchUpdate &sink, const Item<Value> (&items)[kItems]) {
    adam_step(sink.step, items);
}

inline __device__ bool skips(const Update &sink) { return !sink.instances.fit(); }
template <typename Value, int kItems>
inline __device__ void take(const Update &sink, const Item<Value> (&items)[kItems]) {
    adam_step(sink.step, items);
}
inline __device__ void drawn_at(const Update &sink, int i, const float *mean2d, const SplatGradient &gradient) {
    const float x = mean2d[0] * sink.half_width, y = mean2d[1] * sink.half_height;
    sink.statistics.gradient_norm_sum[i] += sink.statistics.absolute ? gradient.absolute : sqrtf(x * x + y * y);
    sink.statistics.view_count[i] += 1;
}

// Adds the viewing direction's share of the mean's gradient.
inline __device__ void add_direction(float3 d_direction, float3 direction, float inverse_distance, float *d_mean) {
    const float along = d_direction.x * direction.x + d_direction.y * direction.y + d_direction.z * direction.z;
    d_mean[0] += (d_direction.x - direction.x * along) * inverse_distance;
    d_mean[1] += (d_direction.y - direction.y * along) * inverse_distance;
    d_mean[2] += (d_direction.z - direction.z * along) * inverse_distance;
}

// Replaces the Gaussian's staged row of sh_rest by its gradient, and adds the colour's share of the mean's gradient.
inline __device__ void color_gradient(const Gaussians &gaussians, const Camera &camera, int sh_degree, int i,
                                      float3 d_color, float *row, float *d_dc, float *d_mean) {
    float inverse_distance;
    const float3 direction = viewing_direction(camera, gaussians.tensor[kMeans] + 3 * size_t(i), &inverse_distance);
    const float3 color = raw_color(direction, sh_degree, gaussians.tensor[kShDc] + 3 * size_t(i), row);
    // Where the colour was cut off at 0, nothing moves it.
    if (!(color.x > 0)) d_color.x = 0;
    if (!(color.y > 0)) d_color.y = 0;
    if (!(color.z > 0)) d_color.z = 0;
    float3 d_direction = make_float3(0, 0, 0);
    each_harmonic(direction, sh_degree, [&](int k, float value, float3 slope) {
        float *out = k == 0 ? d_dc : row + 3 * (k - 1);
        if (k > 0) {
            const float strength = out[0] * d_color.x + out[1] * d_color.y + out[2] * d_color.z;
            d_direction.x += strength * slope.x;
            d_direction.y += strength * slope.y;
            d_direction.z += strength * slope.z;
        }
        out[0] = value * d_color.x;
        out[1] = value * d_color.y;
        out[2] = value * d_color.z;
    });
    add_direction(d_direction, direction, inverse_distance, d_mean);
}

// A block's gradients: each tensor's lie end to end, as they do in memory.
struct __align__(16) BlockGradients {
    static constexpr int kSmall = kUpdateBlock * offset_of(kShRest);  // floats of all tensors but sh_rest
    float small[kSmall];
    float rest[kUpdateBlock * kMaxRest];

    __device__ float *of(Tensor tensor, int gaussian) {
        return small + kUpdateBlock * offset_of(tensor) + gaussian * width_of(tensor);
    }
};

// Where one Gaussian's gradients but for sh_rest lie in BlockGradients.
struct SmallGradients {
    float *mean, *quaternion, *log_scale, *logit, *dc;
    __device__ SmallGradients(BlockGradients &block, int gaussian)
        : mean(block.of(kMeans, gaussian)),
          quaternion(block.of(kQuaternions, gaussian)),
          log_scale(block.of(kLogScales, gaussian)),
          logit(block.of(kOpacityLogits, gaussian)),
          dc(block.of(kShDc, gaussian)) {}
    __device__ void clear() {
        for (int k = 0; k < 3; ++k) mean[k] = log_scale[k] = dc[k] = 0;
        for (int k = 0; k < 4; ++k) quaternion[k] = 0;
        *logit = 0;
    }
    __device__ void add(const GeometryGradient &d, float h) {
        for (int k = 0; k < 3; ++k) mean[k] += d.mean[k];
        for (int k = 0; k < 4; ++k) quaternion[k] += d.quaternion[k];
        for (int k = 0; k < 3; ++k) log_scale[k] += d.log_scale[k];
        *logit += h;
    }
};

// Which tensor float `k` of BlockGradients::small belongs to, and where it belongs there, counted from the block's own.
struct Place {
    Tensor tensor;
    int index, width;
};
template <int kTensor = kShDc>
inline __device__ Place place_of(int k) {
    constexpr int kStart = kUpdateBlock * offset_of(kTensor);
    if constexpr (kTensor > kMeans)
        if (k < kStart) return place_of<kTensor - 1>(k);
    return {Tensor(kTensor), k - kStart, width_of(kTensor)};
}

// `count` values of `gradients`, given by item_of(k), a few at a time for each thread of the block.
template <int kAtOnce, typename Value, typename Sink, typename ItemOf>
inline __device__ void send(const Sink &sink, int count, ItemOf item_of) {
    for (int start = threadIdx.x; start < count; start += kUpdateBlock * kAtOnce) {
        Item<Value> items[kAtOnce];
#pragma unroll
        for (int k = 0; k < kAtOnce; ++k) {
            const int at = start + k * kUpdateBlock;
            items[k] = at < count ? item_of(at) : Item<Value>{};
        }
        take(sink, items);
    }
}

inline __device__ float4 quad_at(const float *values, int k) { return reinterpret_cast<const float4 *>(values)[k]; }

// The whole block writes what its threads computed, so that neighbouring threads touch neighbouring addresses.
template <typename Sink>
inline __device__ void send_all(const Sink &sink, const Gaussians &gaussians, int first, int active,
                                const BlockGradients &block) {
    const int rows = min(kUpdateBlock, gaussians.count - first), stride = gaussians.rest * 3;
    const int pitch = staged_pitch(gaussians, active);
    if (rows == kUpdateBlock) {
        send<2, float4>(sink, BlockGradients::kSmall / 4, [&](int k) {
            const Place place = place_of(4 * k);
            return Item<float4>{place.tensor, size_t(first) * place.width + place.index, quad_at(block.small, k), true};
        });
    } else {
        send<2, float>(sink, BlockGradients::kSmall, [&](int k) {
            const Place place = place_of(k);
            return Item<float>{place.tensor, size_t(first) * place.width + place.index, block.small[k],
                               place.index < rows * place.width};
        });
    }
    if (active == stride && rows == kUpdateBlock) {
        send<3, float4>(sink, kUpdateBlock * stride / 4, [&](int k) {
            return Item<float4>{kShRest, size_t(first) * stride + 4 * k, quad_at(block.rest, k), true};
        });
    } else {
        send<4, float>(sink, rows * active, [&](int k) {
            const int row = k / active, column = k % active;
            return Item<float>{kShRest, size_t(first + row) * stride + column, block.rest[row * pitch + column], true};
        });
    }
}

template <typename Sink>
inline __device__ void project_backward(const Sink &sink, const Gaussians &gaussians, const Camera &camera,
                                        int sh_degree, const Splat *splats, const SplatGradient *splat_gradients) {
    if (skips(sink)) return;
    __shared__ BlockGradients block;
    const int first = blockIdx.x * kUpdateBlock, i = first + threadIdx.x, lane = threadIdx.x % kWarp;
    const int active = active_rest(sh_degree), pitch = staged_pitch(gaussians, active);

    const bool drawn = i < gaussians.count && splats[i].radius > 0;
    stage_rest(gaussians, i - lane, active, __ballot_sync(kAllLanes, drawn), block.rest + (threadIdx.x - lane) * pitch);

    // A row of block.rest holds first the Gaussian's coefficients, zeros if it was not drawn, and then their gradients.
    float *row = block.rest + threadIdx.x * pitch;
    GeometryGradient d = {};
    float d_dc[3] = {0, 0, 0}, d_logit = 0;
    if (drawn) {
        const SplatGradient s = splat_gradients[i];
        const Geometry g = geometry_of(camera, to_camera(camera, gaussians.tensor[kMeans] + 3 * size_t(i)),
                                       gaussians.tensor[kQuaternions] + 4 * size_t(i),
                                       gaussians.tensor[kLogScales] + 3 * size_t(i));
        d = geometry_gradient(camera, g, s);
        color_gradient(gaussians, camera, sh_degree, i, make_float3(s.red, s.green, s.blue), row, d_dc, d.mean);
        d_logit = s.h /
                  (1.0f + expf(gaussians.tensor[kOpacityLogits][i]));  // h (1 - opacity): a boost is a factor of alpha
        drawn_at(sink, i, d.mean2d, s);
    }
    for (int k = 0; k < 3; ++k) block.of(kMeans, threadIdx.x)[k] = d.mean[k];
    for (int k = 0; k < 4; ++k) block.of(kQuaternions, threadIdx.x)[k] = d.quaternion[k];
    for (int k = 0; k < 3; ++k) block.of(kLogScales, threadIdx.x)[k] = d.log_scale[k];
    block.of(kOpacityLogits, threadIdx.x)[0] = d_logit;
    for (int k = 0; k < 3; ++k) block.of(kShDc, threadIdx.x)[k] = d_dc[k];
    __syncthreads();
    send_all(sink, gaussians, first, active, block);
}

extern "C" __global__ void __launch_bounds__(kUpdateBlock, 6)
    write_gradients_kernel(WriteGradients sink, Gaussians gaussians, Camera camera, int sh_degree, const Splat *splats,
                           const SplatGradient *splat_gradients) {
    project_backward(sink, gaussians, camera, sh_degree, splats, splat_gradients);
}

extern "C" __global__ void __launch_bounds__(kUpdateBlock, 6)
    update_kernel(Update sink, Gaussians gaussians, Camera camera, int sh_degree, const Splat *splats,
                  const SplatGradient *splat_gradients) {
    project_backward(sink, gaussians, camera, sh_degree, splats, splat_gradients);
}

// `share` of a photo's gradient; channels that were cut off at 0 have none.
inline __device__ SplatGradient shared_gradient(const SplatGradient &gradient, float share) {
    SplatGradient s = gradient;
    s.h *= share;
    s.hx *= share;
    s.hy *= share;
    s.hxx *= share;
    s.hxy *= share;
    s.hyy *= share;
    s.red = s.cut & 1 ? 0 : s.red * share;
    s.green = s.cut & 2 ? 0 : s.green * share;
    s.blue = s.cut & 4 ? 0 : s.blue * share;
    return s;
}

// The sum of several photos' gradients, then one step. A harmonic's gradient is its value towards the camera times that
// of the colour, so the photos are visited twice: first while block.rest holds coefficients, which the mean's gradient
// needs, and then to fill it with gradients. Sums are kept in shared memory, as registers are short.
extern "C" __global__ void __launch_bounds__(kUpdateBlock, 6)
    batch_update_kernel(BatchUpdate sink, Batch batch, int sh_degree, Statistics statistics) {
    for (int photo = 0; photo < batch.count; ++photo)
        if (batch.at(photo).succeeded == 0) return;
    __shared__ BlockGradients block;
    const Gaussians &gaussians = sink.step.parameters;
    const int first = blockIdx.x * kUpdateBlock, i = first + threadIdx.x, lane = threadIdx.x % kWarp;
    const int active = active_rest(sh_degree), pitch = staged_pitch(gaussians, active);

    bool drawn = false;
    if (i < gaussians.count)
        for (int photo = 0; photo < batch.count; ++photo) drawn |= batch.at(photo).gradients()[i].radius > 0;
    stage_rest(gaussians, i - lane, active, __ballot_sync(kAllLanes, drawn), block.rest + (threadIdx.x - lane) * pitch);

    float *row = block.rest + threadIdx.x * pitch;
    SmallGradients sums(block, threadIdx.x);
    sums.clear();
    if (drawn) {
        const float *mean = gaussians.tensor[kMeans] + 3 * size_t(i);
        const float share = 1.0f / batch.count;
        float norm_sum = 0, views = 0;
        for (int photo = 0; photo < batch.count; ++photo) {
            const SplatGradient s = shared_gradient(batch.at(photo).gradients()[i], share);
            if (!(s.radius > 0)) continue;
            const Camera &camera = batch.at(photo).camera;
            const Geometry g = geometry_of(camera, to_camera(camera, mean),
                                           gaussians.tensor[kQuaternions] + 4 * size_t(i),
                                           gaussians.tensor[kLogScales] + 3 * size_t(i));
            const GeometryGradient d = geometry_gradient(camera, g, s);
            sums.add(d, s.h);
            const float half_photos = 0.5f * batch.count;  // undoes the share
            const float x = d.mean2d[0] * half_photos * camera.width, y = d.mean2d[1] * half_photos * camera.height;
            norm_sum += statistics.absolute ? s.absolute : sqrtf(x * x + y * y);
            views += 1;

            float inverse_distance;
            const float3 direction = viewing_direction(camera, mean, &inverse_distance);
            float3 d_direction = make_float3(0, 0, 0);
            each_harmonic(direction, sh_degree, [&](int k, float, float3 slope) {
                if (k == 0) return;
                const float *coefficient = row + 3 * (k - 1);
                const float strength = coefficient[0] * s.red + coefficient[1] * s.green + coefficient[2] * s.blue;
                d_direction.x += strength * slope.x;
                d_direction.y += strength * slope.y;
                d_direction.z += strength * slope.z;
            });
            add_direction(d_direction, direction, inverse_distance, sums.mean);
        }
        *sums.logit /= 1.0f +
                       expf(gaussians.tensor[kOpacityLogits][i]);  // h (1 - opacity): a boost is a factor of alpha
        statistics.gradient_norm_sum[i] += norm_sum;
        statistics.view_count[i] += views;

        for (int k = 0; k < active; ++k) row[k] = 0;
        for (int photo = 0; photo < batch.count; ++photo) {
            const SplatGradient s = shared_gradient(batch.at(photo).gradients()[i], share);
            if (!(s.radius > 0)) continue;
            float inverse_distance;
            const float3 direction = viewing_direction(batch.at(photo).camera, mean, &inverse_distance);
            each_harmonic(direction, sh_degree, [&](int k, float value, float3) {
                float *out = k == 0 ? sums.dc : row + 3 * (k - 1);
                out[0] += value * s.red;
                out[1] += value * s.green;
                out[2] += value * s.blue;
            });
        }
    }
    __syncthreads();
    send_all(sink, gaussians, first, active, block);
}

}  // namespace splat
