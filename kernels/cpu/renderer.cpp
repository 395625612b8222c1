#include "renderer.h"

#include <algorithm>
#include <cmath>

namespace splat {
namespace {

// Gaussians [begin, ...) of arrays, as arrays of their own.
template <typename Float>
GaussianArrays<Float> from(const GaussianArrays<Float> &g, int64_t begin) {
    return {g.count - begin,          g.rest,
            g.means + 3 * begin,      g.quaternions + 4 * begin,
            g.log_scales + 3 * begin, g.opacity_logits + begin,
            g.sh_dc + 3 * begin,      g.sh_rest + 3 * begin * g.rest};
}

Gaussians readonly(const MutableGaussians &g) {
    return {g.count, g.rest, g.means, g.quaternions, g.log_scales, g.opacity_logits, g.sh_dc, g.sh_rest};
}

template <typename T>
void grow(std::vector<T> &buffer, size_t size) {
    if (buffer.size() < size) buffer.resize(size + size / 4);
}

// A picture, or its gradient, `scale` times as large and 0 where pixels are ignored.
void leave_out(const uint8_t *ignored, int64_t pixels, float scale, float *image, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t at = 0; at < pixels; ++at)
        for (int channel = 0; channel < 3; ++channel)
            image[channel * pixels + at] = ignored[at] ? 0.0f : scale * image[channel * pixels + at];
}

constexpr int kExposed = 12;  // numbers of an exposure, rows of a matrix and an offset

// A picture with its colours as an exposure has them.
void expose(const float *exposure, const float *image, int64_t pixels, float *exposed, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t at = 0; at < pixels; ++at) {
        const float red = image[at], green = image[pixels + at], blue = image[2 * pixels + at];
        for (int channel = 0; channel < 3; ++channel) {
            const float *row = exposure + 4 * channel;
            exposed[channel * pixels + at] = row[0] * red + row[1] * green + row[2] * blue + row[3];
        }
    }
}

// The way back: from the gradient in what is exposed to that in the picture, in place, and to that in the exposure.
// Sums are taken row by row and then in the rows' order, the same whoever computed them. partial: [height][kExposed].
void expose_backward(const float *exposure, const float *image, int width, int height, float *grad_image,
                     double *partial, float *gradient, int threads) {
    const int64_t pixels = int64_t(width) * height;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int y = 0; y < height; ++y) {
        double sums[kExposed] = {};
        for (int64_t at = int64_t(y) * width; at < int64_t(y + 1) * width; ++at) {
            float colors[3], above[3];
            for (int channel = 0; channel < 3; ++channel) {
                colors[channel] = image[channel * pixels + at];
                above[channel] = grad_image[channel * pixels + at];
            }
            for (int channel = 0; channel < 3; ++channel) {
                for (int k = 0; k < 3; ++k) sums[4 * channel + k] += above[channel] * colors[k];
                sums[4 * channel + 3] += above[channel];
                grad_image[channel * pixels + at] = exposure[channel] * above[0] + exposure[4 + channel] * above[1] +
                                                    exposure[8 + channel] * above[2];
            }
        }
        std::copy(sums, sums + kExposed, partial + int64_t(y) * kExposed);
    }
    for (int k = 0; k < kExposed; ++k) {
        double sum = 0;
        for (int y = 0; y < height; ++y) sum += partial[int64_t(y) * kExposed + k];
        gradient[k] = float(sum);
    }
}

constexpr int64_t kBlock = 256;  // Gaussians whose gradients stay in the cache between their computation and Adam

}  // namespace

void Renderer::render(const Gaussians &gaussians, const Camera &camera, const Background &background, int sh_degree,
                      float *image, const Dropout &dropout) {
    frame_.dropout = dropout;
    frame_.camera = camera;
    frame_.tiles_x = (camera.width + kTile - 1) / kTile;
    frame_.tiles_y = (camera.height + kTile - 1) / kTile;
    frame_.sh_degree = sh_degree;
    frame_.background = background;
    frame_.image = image;
    grow(splats_, size_t(gaussians.count));
    frame_.splats = splats_.data();
    kernels_.project(gaussians, frame_, threads_);
    lists_.build(frame_.splats, gaussians.count, frame_.tiles_x, frame_.tiles_y, threads_);
    frame_.pair_begin = lists_.pair_begin.data();
    frame_.tile_begin = lists_.tile_begin.data();
    frame_.entries = lists_.entries.data();
    grow(last_, size_t(frame_.tiles_x) * frame_.tiles_y * kTile * kTile);
    frame_.last = last_.data();
    kernels_.blend(frame_, threads_);
}

void Renderer::backward(const Gaussians &gaussians, const float *grad_image, const MutableGaussians &gradients,
                        float *grad_means2d) {
    grow(pair_gradients_, lists_.pair_begin.back());
    frame_.pair_gradients = pair_gradients_.data();
    frame_.absolute = false;
    kernels_.blend_backward(frame_, grad_image, threads_);
    const int64_t blocks = (gaussians.count + kBlock - 1) / kBlock;
#pragma omp parallel for schedule(dynamic, 4) num_threads(threads_)
    for (int64_t block = 0; block < blocks; ++block) {
        const int64_t begin = block * kBlock, end = std::min(begin + kBlock, gaussians.count);
        kernels_.project_backward(gaussians, frame_, begin, end, from(gradients, begin), grad_means2d + 2 * begin);
    }
}

LossValues Renderer::loss(const float *image, const uint8_t *photo, int width, int height, const LossTerms &terms,
                          float *grad_image) {
    const size_t pixels = size_t(width) * height;
    grow(loss_scratch_, 9 * pixels);
    grow(loss_partial_, size_t(6 * loss_bands(height)));
    const LossSums sums = kernels_.loss(image, photo, width, height, terms, grad_image, loss_scratch_.data(),
                                        loss_partial_.data(), threads_);
    return {sums.l1 / (3.0 * pixels), sums.ssim / (3.0 * pixels)};
}

void Renderer::adam_step(const MutableGaussians &p, const Gaussians &g, const MutableGaussians &m,
                         const MutableGaussians &v, const AdamRates &rates, int64_t step, int sh_degree) const {
    const int64_t n = p.count;
    kernels_.adam(p.means, g.means, m.means, v.means, n, 3, 3, 3, rates.means, step);
    kernels_.adam(p.quaternions, g.quaternions, m.quaternions, v.quaternions, n, 4, 4, 4, rates.quaternions, step);
    kernels_.adam(p.log_scales, g.log_scales, m.log_scales, v.log_scales, n, 3, 3, 3, rates.log_scales, step);
    kernels_.adam(p.opacity_logits, g.opacity_logits, m.opacity_logits, v.opacity_logits, n, 1, 1, 1,
                  rates.opacity_logits, step);
    kernels_.adam(p.sh_dc, g.sh_dc, m.sh_dc, v.sh_dc, n, 3, 3, 3, rates.sh_dc, step);
    // Coefficients above the active degree have had no gradient yet: their moments are zero, and Adam leaves them be.
    const int active = ((sh_degree + 1) * (sh_degree + 1) - 1) * 3, stride = p.rest * 3;
    if (active > 0)
        kernels_.adam(p.sh_rest, g.sh_rest, m.sh_rest, v.sh_rest, n, active, stride, stride, rates.sh_rest, step);
}

float Renderer::absolute_gradient(int64_t n) const {
    float sum = 0;
    for (uint32_t slot = frame_.pair_begin[n]; slot < frame_.pair_begin[n + 1]; ++slot)
        sum += frame_.pair_gradients[slot].absolute;
    return sum;
}

void Renderer::update_block(const TrainingStep &step, int64_t begin, int64_t end, int sh_degree,
                            float *gradient_memory) const {
    const int rest = step.parameters.rest;
    float *at = gradient_memory;
    auto take = [&](int per_gaussian) {
        float *const here = at;
        at += per_gaussian * kBlock;
        return here;
    };
    MutableGaussians gradients = {end - begin, rest, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
    gradients.means = take(3);
    gradients.quaternions = take(4);
    gradients.log_scales = take(3);
    gradients.opacity_logits = take(1);
    gradients.sh_dc = take(3);
    gradients.sh_rest = take(3 * rest);
    float *grad_means2d = take(2);
    kernels_.project_backward(readonly(step.parameters), frame_, begin, end, gradients, grad_means2d);

    const float half_width = 0.5f * frame_.camera.width, half_height = 0.5f * frame_.camera.height;
    for (int64_t n = begin; n < end; ++n) {
        const Splat &s = frame_.splats[n];
        if (!(s.radius > 0)) continue;
        const float *d = grad_means2d + 2 * (n - begin);
        step.statistics.gradient_norm_sum[n] += step.absolute ? absolute_gradient(n)
                                                              : std::hypot(d[0] * half_width, d[1] * half_height);
        step.statistics.view_count[n] += 1.0f;
    }

    auto block_of = [&](const MutableGaussians &g) {
        MutableGaussians block = from(g, begin);
        block.count = end - begin;
        return block;
    };
    adam_step(block_of(step.parameters), readonly(gradients), block_of(step.first), block_of(step.second), step.rates,
              step.step, sh_degree);
}

LossValues Renderer::training_step(const TrainingStep &step, const Camera &camera, const Background &background,
                                   int sh_degree) {
    const size_t pixels = size_t(camera.width) * camera.height;
    grow(image_, 3 * pixels);
    grow(grad_image_, 3 * pixels);
    render(readonly(step.parameters), camera, background, sh_degree, image_.data(), step.dropout);
    float *shown = image_.data();
    if (step.exposure) {
        grow(exposed_, 3 * pixels);
        shown = exposed_.data();
        expose(step.exposure, image_.data(), int64_t(pixels), shown, threads_);
    }
    if (step.ignored) leave_out(step.ignored, int64_t(pixels), 1, shown, threads_);
    LossValues values = loss(shown, step.photo, camera.width, camera.height, step.loss_terms, grad_image_.data());
    if (step.ignored) {
        leave_out(step.ignored, int64_t(pixels), step.weight, grad_image_.data(), threads_);
        values = {step.weight * values.l1, 1 - step.weight * (1 - values.ssim)};
    }
    if (step.exposure) {
        grow(exposure_partial_, size_t(kExposed) * camera.height);
        expose_backward(step.exposure, image_.data(), camera.width, camera.height, grad_image_.data(),
                        exposure_partial_.data(), step.exposure_gradient, threads_);
    }
    grow(pair_gradients_, lists_.pair_begin.back());
    frame_.pair_gradients = pair_gradients_.data();
    frame_.absolute = step.absolute;
    kernels_.blend_backward(frame_, grad_image_.data(), threads_);

    const int64_t count = step.parameters.count, blocks = (count + kBlock - 1) / kBlock;
#pragma omp parallel num_threads(threads_)
    {
        std::vector<float> gradient_memory(size_t(16 + 3 * step.parameters.rest) * kBlock);
#pragma omp for schedule(dynamic, 4)
        for (int64_t block = 0; block < blocks; ++block)
            update_block(step, block * kBlock, std::min((block + 1) * kBlock, count), sh_degree,
                         gradient_memory.data());
    }
    return values;
}

}  // namespace splat
