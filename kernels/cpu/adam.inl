// Adam (Kingma & Ba 2015, algorithm 1) in place, a vector at a time.

namespace splat {
namespace SPLAT_ISA {

constexpr float kBeta1 = 0.9f, kBeta2 = 0.999f, kEpsilon = 1e-15f;
constexpr float kRest1 = 0.1f, kRest2 = 0.001f;  // 1 - beta, which single precision would get wrong by 5e-5

static void adam(float *parameter, const float *gradient, float *first, float *second, int64_t rows, int length,
                 int stride, int gradient_stride, float rate, int64_t step) {
    const float correction1 = float(1.0 - __builtin_pow(0.9, double(step)));
    const float correction2 = float(1.0 - __builtin_pow(0.999, double(step)));
    const float step_size = rate / correction1, inverse_root = 1.0f / __builtin_sqrtf(correction2);
    if (length == stride && length == gradient_stride) {  // one long row
        length *= int(rows);
        rows = 1;
    }
    for (int64_t r = 0; r < rows; ++r) {
        float *p = parameter + r * stride, *m = first + r * stride, *v = second + r * stride;
        const float *g = gradient + r * gradient_stride;
        int i = 0;
        for (; i + kLanes <= length; i += kLanes) {
            const Vec gradients = load(g + i);
            const Vec m1 = kBeta1 * load(m + i) + kRest1 * gradients;
            const Vec m2 = kBeta2 * load(v + i) + kRest2 * gradients * gradients;
            store(m + i, m1);
            store(v + i, m2);
            store(p + i, load(p + i) - step_size * m1 / (square_root(m2) * inverse_root + kEpsilon));
        }
        for (; i < length; ++i) {
            m[i] = kBeta1 * m[i] + kRest1 * g[i];
            v[i] = kBeta2 * v[i] + kRest2 * g[i] * g[i];
            p[i] -= step_size * m[i] / (__builtin_sqrtf(v[i]) * inverse_root + kEpsilon);
        }
    }
}

}  // namespace SPLAT_ISA
}  // namespace splat
