// Step 1: every Gaussian becomes a splat: projected and coloured.
#include "footprint.cuh"
#include "harmonics.cuh"
#include "kernels.h"
#include "projection.cuh"

namespace splat {

// A Gaussian's parameters but for sh_rest, all asked for at once: what they decide need not wait for them in turn.
struct Parameters {
    float mean[3], quaternion[4], log_scale[3], opacity_logit, dc[3];
    __device__ Parameters(const Gaussians &gaussians, int i) {
        const size_t at = i;
        for (int k = 0; k < 3; ++k) mean[k] = gaussians.tensor[kMeans][3 * at + k];
        opacity_logit = gaussians.tensor[kOpacityLogits][at];
        for (int k = 0; k < 4; ++k) quaternion[k] = gaussians.tensor[kQuaternions][4 * at + k];
        for (int k = 0; k < 3; ++k) log_scale[k] = gaussians.tensor[kLogScales][3 * at + k];
        for (int k = 0; k < 3; ++k) dc[k] = gaussians.tensor[kShDc][3 * at + k];
    }
};

// All but the colour. False where nothing of it can be seen; the radius is 0 then.
__device__ bool project_shape(const Parameters &gaussian, const Camera &camera, float boost, Splat *s) {
    s->radius = 0;
    const float3 point = to_camera(camera, gaussian.mean);
    if (!(point.z > kNearPlane)) return false;
    float opacity = boost / (1.0f + expf(-gaussian.opacity_logit));
    if (!(opacity > kAlphaMin)) return false;
    const Geometry g = geometry_of(camera, point, gaussian.quaternion, gaussian.log_scale);
    if (camera.antialiasing) {
        opacity *= compensation(g);
        if (!(opacity > kAlphaMin)) return false;
    }
    s->x = camera.fx * point.x / point.z + camera.cx;
    s->y = camera.fy * point.y / point.z + camera.cy;
    s->depth = point.z;
    s->log2_opacity = log2f(opacity);
    s->a = 0.5f * kLog2E * g.r * g.inverse_determinant;
    s->b = -kLog2E * g.q * g.inverse_determinant;
    s->c = 0.5f * kLog2E * g.p * g.inverse_determinant;
    s->discriminant = kLog2E * kLog2E * g.inverse_determinant;
    if (!isfinite(s->x) || !isfinite(s->y) || !isfinite(g.p + g.r) || !(g.inverse_determinant > 0)) return false;

    const float reach = 2.0f * logf(opacity / kAlphaMin);
    const float half_x = sqrtf(reach * g.p), half_y = sqrtf(reach * g.r);
    if (!(s->x + half_x > 0 && s->x - half_x < camera.width && s->y + half_y > 0 && s->y - half_y < camera.height))
        return false;
    const float half_difference = 0.5f * (g.p - g.r);
    s->radius = 3.0f * sqrtf(0.5f * (g.p + g.r) + sqrtf(half_difference * half_difference + g.q * g.q));
    return true;
}

extern "C" __global__ void __launch_bounds__(kProjectBlock)
    project_kernel(Gaussians gaussians, Camera camera, int sh_degree, Dropout dropout, Splat *splats, WideSplats wide) {
    __shared__ float staged_rest[kProjectBlock * kMaxRest];
    const int i = blockIdx.x * kProjectBlock + threadIdx.x, lane = threadIdx.x % kWarp;
    if (i - lane >= gaussians.count) return;
    const int active = active_rest(sh_degree);
    const Parameters gaussian(gaussians, min(i, gaussians.count - 1));

    Splat s = {};
    const bool drawn = i < gaussians.count && !dropout.leaves_out(i) &&
                       project_shape(gaussian, camera, dropout.boost, &s);
    float *warp_rest = staged_rest + (threadIdx.x - lane) * kMaxRest;
    const unsigned drawn_lanes = __ballot_sync(kAllLanes, drawn);
    if (drawn_lanes != 0) stage_rest(gaussians, i - lane, active, drawn_lanes, warp_rest);
    if (drawn) {
        float inverse_distance;
        const float3 direction = viewing_direction(camera, gaussian.mean, &inverse_distance);
        const float3 color =
            raw_color(direction, sh_degree, gaussian.dc, warp_rest + lane * staged_pitch(gaussians, active));
        s.red = fmaxf(color.x, 0.0f);
        s.green = fmaxf(color.y, 0.0f);
        s.blue = fmaxf(color.z, 0.0f);
        if (Footprint(s).box(camera.width, camera.height) > kWideTiles) wide.gaussians[atomicAdd(wide.count, 1)] = i;
    }
    if (i < gaussians.count) splats[i] = s;
}

}  // namespace splat
