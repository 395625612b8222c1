// One frame's way through the kernels, and the memory it needs.
#pragma once
#include <vector>

#include "binning.h"
#include "types.h"

namespace splat {

struct TrainingStep {
    MutableGaussians parameters, first, second;  // updated in place
    Statistics statistics;                       // added to in place
    const uint8_t *photo;                        // [3][height][width]
    LossTerms loss_terms;
    AdamRates rates;
    int64_t step;  // counts from 1
    Dropout dropout;
    const uint8_t *ignored;    // [height][width], not 0 where the photo says nothing; null where all of it counts
    float weight;              // of the pixels that count; 1 where all do
    const float *exposure;     // [3][4] matrix and offset of the picture's colours before the loss; null: as they are
    float *exposure_gradient;  // [3][4] d loss / d exposure, where there is one
    bool absolute;             // statistics: norms are summed over an image's blocks, and not the norm of their sum
};

struct LossValues {
    double l1, ssim;
};

// Scratch memory grows with the largest frame and stays. Not safe for threads: it uses several itself.
class Renderer {
public:
    // wish: an instruction set (best_kernels); null for the best that there is.
    explicit Renderer(int threads, const char *wish = nullptr) : kernels_(best_kernels(wish)), threads_(threads) {}

    // image: [3][height][width]; it must stay where it is until backward().
    void render(const Gaussians &gaussians, const Camera &camera, const Background &background, int sh_degree,
                float *image, const Dropout &dropout = kNoDropout);

    // Gradients of the last render, whose Gaussians must not have changed since. grad_means2d: [count][2], pixels.
    void backward(const Gaussians &gaussians, const float *grad_image, const MutableGaussians &gradients,
                  float *grad_means2d);

    LossValues loss(const float *image, const uint8_t *photo, int width, int height, const LossTerms &terms,
                    float *grad_image);

    void adam_step(const MutableGaussians &parameters, const Gaussians &gradients, const MutableGaussians &first,
                   const MutableGaussians &second, const AdamRates &rates, int64_t step, int sh_degree) const;

    LossValues training_step(const TrainingStep &step, const Camera &camera, const Background &background,
                             int sh_degree);

    const char *instruction_set() const { return kernels_.name; }

private:
    // Of Gaussian n: Statistics::gradient_norm_sum where norms are summed over blocks.
    float absolute_gradient(int64_t n) const;
    void update_block(const TrainingStep &step, int64_t begin, int64_t end, int sh_degree,
                      float *gradient_memory) const;

    const Kernels &kernels_;
    const int threads_;
    Frame frame_ = {};
    TileLists lists_;
    std::vector<Splat> splats_;
    std::vector<uint32_t> last_;
    std::vector<PairGradient> pair_gradients_;
    std::vector<float> image_, exposed_, grad_image_, loss_scratch_;
    std::vector<double> loss_partial_, exposure_partial_;
};

}  // namespace splat
