// Adam steps of single parameters or four neighbours; types.h says how the bias corrections are folded in.
#pragma once
#include "types.h"

namespace splat {

constexpr float kBeta1 = 0.9f, kBeta2 = 0.999f, kAdamEpsilon = 1e-15f;
constexpr float kOneMinusBeta1 = 0.1f, kOneMinusBeta2 = 0.001f;  // 1 - 0.999f would be off in the fifth digit

inline __device__ void adam(float &parameter, float &first, float &second, float gradient, float corrected_rate,
                            float inverse_root_correction) {
    first = kBeta1 * first + kOneMinusBeta1 * gradient;
    second = kBeta2 * second + kOneMinusBeta2 * gradient * gradient;
    parameter -= corrected_rate * first / (sqrtf(second) * inverse_root_correction + kAdamEpsilon);
}

inline __device__ void adam(float4 &parameter, float4 &first, float4 &second, const float4 &gradient,
                            float corrected_rate, float inverse_root_correction) {
    adam(parameter.x, first.x, second.x, gradient.x, corrected_rate, inverse_root_correction);
    adam(parameter.y, first.y, second.y, gradient.y, corrected_rate, inverse_root_correction);
    adam(parameter.z, first.z, second.z, gradient.z, corrected_rate, inverse_root_correction);
    adam(parameter.w, first.w, second.w, gradient.w, corrected_rate, inverse_root_correction);
}

// One float or four neighbours of a tensor, and their gradient.
template <typename Value>
struct Item {
    Tensor tensor;
    size_t index;  // in floats
    Value gradient;
    bool present;
};

// All items are asked for before the first is used: the more is under way, the less each waits.
template <typename Value, int kItems>
inline __device__ void adam_step(const AdamStep &step, const Item<Value> (&items)[kItems]) {
    Value parameter[kItems], first[kItems], second[kItems];
    const auto at = [&](const Gaussians &gaussians, int k) -> Value & {
        return *reinterpret_cast<Value *>(gaussians.tensor[items[k].tensor] + items[k].index);
    };
#pragma unroll
    for (int k = 0; k < kItems; ++k) {
        if (!items[k].present) continue;
        parameter[k] = at(step.parameters, k);
        first[k] = at(step.first, k);
        second[k] = at(step.second, k);
    }
#pragma unroll
    for (int k = 0; k < kItems; ++k) {
        if (!items[k].present) continue;
        adam(parameter[k], first[k], second[k], items[k].gradient, step.corrected_rate[items[k].tensor],
             step.inverse_root_correction);
        at(step.parameters, k) = parameter[k];
        at(step.first, k) = first[k];
        at(step.second, k) = second[k];
    }
}

}  // namespace splat
