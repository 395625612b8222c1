// L1 + D-SSIM loss of an image against a photo, and its gradient in the image. With Huber's function (Huber 1964, "Robust
// estimation of a location parameter") in place of L1 an error e up to delta counts as e^2 / (2 delta), a larger one as
// e - delta / 2.
//
// SSIM is that of Wang et al. 2004 with an 11-tap Gaussian window of standard deviation 1.5 in each direction and zeros
// outside the image. With blurred moments mx, my, E[xx], E[yy], E[xy] a pixel's similarity is A1 A2 / (B1 B2); its
// derivatives in mx, E[xx] and E[xy], blurred once more (the window is symmetric), give the gradient:
//     d total / d x = blur(dS/dmx) + 2 x blur(dS/dE[xx]) + y blur(dS/dE[xy]).

namespace splat {
namespace SPLAT_ISA {

constexpr int kReach = 5;  // taps on either side of the middle
constexpr float kWindow[kReach + 1] = {0.2660117249f, 0.2130055377f, 0.1093606895f,
                                       0.0360007721f, 0.0075987581f, 0.0010283801f};

// Rows of floats with kReach zeros before, and zeros after, so that taps need no bounds.
SPLAT_INLINE int padded(int width) { return ((width + kLanes - 1) / kLanes + 2) * kLanes + 2 * kReach; }

// out[x] = sum over t of window[|t|] in[x + t]; `in` points at the row's first pixel, padded on both sides.
SPLAT_INLINE void blur_row(const float *in, float *out, int width) {
    for (int x = 0; x < width; x += kLanes) {
        Vec value = load(in + x) * kWindow[0];
        for (int t = 1; t <= kReach; ++t) value += (load(in + x - t) + load(in + x + t)) * kWindow[t];
        store(out + x, value);
    }
}

// The same down a column: rows[0 .. 2 kReach] are blurred rows, `offset` the column.
SPLAT_INLINE Vec blur_column(const float *middle, int stride) {
    Vec value = load(middle) * kWindow[0];
    for (int t = 1; t <= kReach; ++t) value += (load(middle - t * stride) + load(middle + t * stride)) * kWindow[t];
    return value;
}

constexpr int kBandRows = kLossBand + 2 * kReach;

SPLAT_INLINE void fill_padded(float *row, int width, int stride) {
    for (int x = 0; x < kReach; ++x) row[x] = 0;
    for (int x = kReach + width; x < stride; ++x) row[x] = 0;
}

// Moments of one band of one channel: similarity, l1 and the three derivative maps.
static void loss_band_forward(const float *image, const uint8_t *photo, int width, int height, int band,
                              float huber_delta, float *maps, int64_t plane, double *partial) {
    const int stride = padded(width), y0 = band * kLossBand;
    const int y1 = y0 + kLossBand < height ? y0 + kLossBand : height;
    float *memory = static_cast<float *>(__builtin_malloc(sizeof(float) * stride * (5 * kBandRows + 5)));
    float *blurred[5], *row[5];
    for (int q = 0; q < 5; ++q) {
        blurred[q] = memory + int64_t(q) * kBandRows * stride;
        row[q] = memory + int64_t(5) * kBandRows * stride + q * stride;
        fill_padded(row[q], width, stride);
    }
    const float half_delta = 0.5f * huber_delta, half_inverse = huber_delta > 0 ? 0.5f / huber_delta : 0.0f;
    double l1 = 0, similarity_sum = 0;
    for (int y = y0 - kReach; y < y1 + kReach; ++y) {
        float *out[5];
        for (int q = 0; q < 5; ++q) out[q] = blurred[q] + int64_t(y - y0 + kReach) * stride;
        if (y < 0 || y >= height) {
            for (int q = 0; q < 5; ++q) memset(out[q], 0, sizeof(float) * stride);
            continue;
        }
        float line = 0;
        for (int x = 0; x < width; ++x) {
            const float a = image[int64_t(y) * width + x], b = photo[int64_t(y) * width + x] * (1.0f / 255.0f);
            float *const at = row[0] + kReach + x;
            at[0] = a;
            at[stride] = b;
            at[2 * stride] = a * a;
            at[3 * stride] = b * b;
            at[4 * stride] = a * b;
            const float error = __builtin_fabsf(a - b);
            line += error < huber_delta ? half_inverse * error * error : error - half_delta;
        }
        if (y >= y0 && y < y1) l1 += line;
        for (int q = 0; q < 5; ++q) blur_row(row[q] + kReach, out[q], width);
    }
    const float c1 = 0.01f * 0.01f, c2 = 0.03f * 0.03f;
    for (int y = y0; y < y1; ++y) {
        float line = 0;
        for (int x = 0; x < width; x += kLanes) {
            const int64_t at = int64_t(y - y0 + kReach) * stride + x;
            const Vec mx = blur_column(blurred[0] + at, stride), my = blur_column(blurred[1] + at, stride);
            const Vec exx = blur_column(blurred[2] + at, stride), eyy = blur_column(blurred[3] + at, stride);
            const Vec exy = blur_column(blurred[4] + at, stride);
            const Vec a1 = 2.0f * mx * my + c1, a2 = 2.0f * (exy - mx * my) + c2;
            const Vec b1 = mx * mx + my * my + c1, b2 = (exx - mx * mx) + (eyy - my * my) + c2;
            const Vec inverse = 1.0f / (b1 * b2), similarity = a1 * a2 * inverse;
            const Vec d_mx = 2.0f * my * (a2 - a1) * inverse - 2.0f * mx * similarity * (1.0f / b1 - 1.0f / b2);
            const Vec d_exx = -similarity / b2, d_exy = 2.0f * a1 * inverse;
            const int count = width - x < kLanes ? width - x : kLanes;
            float *out = maps + int64_t(y) * width + x;
            if (count == kLanes) {
                store(out, d_mx);
                store(out + plane, d_exx);
                store(out + 2 * plane, d_exy);
                line += sum(similarity);
            } else {
                for (int i = 0; i < count; ++i) {
                    out[i] = d_mx[i];
                    out[plane + i] = d_exx[i];
                    out[2 * plane + i] = d_exy[i];
                    line += similarity[i];
                }
            }
        }
        similarity_sum += line;
    }
    partial[0] = l1;
    partial[1] = similarity_sum;
    __builtin_free(memory);
}

static void loss_band_backward(const float *image, const uint8_t *photo, int width, int height, int band,
                               float huber_delta, const float *maps, int64_t plane, float l1_weight, float ssim_weight,
                               float *grad) {
    const int stride = padded(width), y0 = band * kLossBand;
    const int y1 = y0 + kLossBand < height ? y0 + kLossBand : height;
    float *memory = static_cast<float *>(__builtin_malloc(sizeof(float) * stride * (3 * kBandRows + 3)));
    float *row = memory + int64_t(3) * kBandRows * stride, *line = row + stride, *factor = line + stride;
    fill_padded(row, width, stride);
    for (int q = 0; q < 3; ++q)
        for (int y = y0 - kReach; y < y1 + kReach; ++y) {
            float *out = memory + (int64_t(q) * kBandRows + y - y0 + kReach) * stride;
            if (y < 0 || y >= height) {
                memset(out, 0, sizeof(float) * stride);
                continue;
            }
            memcpy(row + kReach, maps + q * plane + int64_t(y) * width, sizeof(float) * width);
            blur_row(row + kReach, out, width);
        }
    const float inverse = huber_delta > 0 ? 1 / huber_delta : 0.0f;
    for (int y = y0; y < y1; ++y) {
        const float *x_row = image + int64_t(y) * width;
        const uint8_t *y_row = photo + int64_t(y) * width;
        const float *const middle = memory + int64_t(y - y0 + kReach) * stride;
        const int64_t quantity = int64_t(kBandRows) * stride;
        for (int x = 0; x < width; x += kLanes) store(line + x, blur_column(middle + x, stride));
        for (int x = 0; x < width; ++x) factor[x] = 2.0f * x_row[x];
        for (int x = 0; x < width; x += kLanes)
            store(line + x, load(line + x) + load(factor + x) * blur_column(middle + quantity + x, stride));
        for (int x = 0; x < width; ++x) factor[x] = y_row[x] * (1.0f / 255.0f);
        for (int x = 0; x < width; x += kLanes)
            store(line + x, load(line + x) + load(factor + x) * blur_column(middle + 2 * quantity + x, stride));
        float *out = grad + int64_t(y) * width;
        for (int x = 0; x < width; ++x) {
            const float difference = x_row[x] - y_row[x] * (1.0f / 255.0f);
            const float sign = difference > 0 ? 1.0f : difference < 0 ? -1.0f : 0.0f;
            const float slope = __builtin_fabsf(difference) < huber_delta ? inverse * difference : sign;
            out[x] = l1_weight * slope - ssim_weight * line[x];
        }
    }
    __builtin_free(memory);
}

static LossSums loss(const float *image, const uint8_t *photo, int width, int height, const LossTerms &terms,
                     float *grad_image, float *scratch, double *partial, int threads) {
    const float lambda = terms.lambda_dssim;
    const int64_t plane = int64_t(width) * height;
    const int bands = loss_bands(height);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int task = 0; task < 3 * bands; ++task) {
        const int channel = task / bands;
        loss_band_forward(image + channel * plane, photo + channel * plane, width, height, task % bands,
                          terms.huber_delta, scratch + 3 * channel * plane, plane, partial + 2 * task);
    }
    const float count = 3.0f * plane;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int task = 0; task < 3 * bands; ++task) {
        const int channel = task / bands;
        loss_band_backward(image + channel * plane, photo + channel * plane, width, height, task % bands,
                           terms.huber_delta, scratch + 3 * channel * plane, plane, (1 - lambda) / count,
                           lambda / count, grad_image + channel * plane);
    }
    (void)threads;
    LossSums sums = {0, 0};
    for (int task = 0; task < 3 * bands; ++task) {  // in order: the same sum whoever computed the parts
        sums.l1 += partial[2 * task];
        sums.ssim += partial[2 * task + 1];
    }
    return sums;
}

}  // namespace SPLAT_ISA
}  // namespace splat
