// A GPU of one thread a block for the kernels of SIFT, of arrays, of small files, of a backdrop, of exposures, of dense
// start points and of two-view geometry, linked with fake_libcuda.cpp: their own source, compiled for the processor. What takes several threads at once, it cannot tell;
// sums and their order it can.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "gpu_on_a_processor.h"

namespace {

Index blockIdx, threadIdx, gridDim, blockDim = {1, 1, 1};

void __syncthreads() {}
[[maybe_unused]] void __syncwarp() {}
struct float3 {
    float x, y, z;
};
float3 make_float3(float x, float y, float z) { return {x, y, z}; }
int atomicAdd(int *sum, int value) {
    const int before = *sum;
    *sum += value;
    return before;
}
int atomicMin(int *least, int value) {
    const int before = *least;
    *least = value < before ? value : before;
    return before;
}
unsigned long long atomicAdd(unsigned long long *sum, unsigned long long value) {
    const unsigned long long before = *sum;
    *sum += value;
    return before;
}

}  // namespace

#include "../../kernels/cuda/arrays.cu"
#include "../../kernels/cuda/backdrop.cu"
#include "../../kernels/cuda/dense_points.cu"
#include "../../kernels/cuda/exposure.cu"
#include "../../kernels/cuda/plane_sweep.cu"
#include "../../kernels/cuda/sift.cu"
#include "../../kernels/cuda/small_files.cu"
#include "../../kernels/cuda/two_view.cu"

namespace {

// Its windows are a thread's own, and here one thread has them all.
void plane_sweep_of_one_thread(const splat::SweepOf *sweeps, int count, const splat::LaidOver *others,
                               const float *depths) {
    static splat::Tile tile;
    splat::sweep_tile<1>(sweeps, count, others, depths, tile);
}

template <typename... Parameters>
bool called(const std::string &name, const char *mine, void (*kernel)(Parameters...), void **arguments) {
    if (name != mine) return false;
    call(kernel, arguments, std::index_sequence_for<Parameters...>());
    return true;
}

bool called_of_arrays(const std::string &name, void **arguments) {
    using namespace splat;
#define TRY(kernel) called(name, #kernel, kernel, arguments)
    return TRY(fill_kernel) || TRY(rows_kernel) || TRY(density_facts_kernel) || TRY(clip_kernel) ||
           TRY(free_space_kernel) || TRY(outside_kernel) || TRY(halve_photo_kernel) || TRY(halve_mask_kernel) ||
           TRY(lay_over_kernel) || TRY(scale_photo_kernel) || TRY(area_means_kernel) || TRY(without_ignored_kernel) ||
           TRY(hides_kernel) || TRY(put_back_kernel) || TRY(weigh_loss_kernel) || TRY(square_errors_kernel) ||
           TRY(square_differences_kernel) || TRY(to_picture_kernel) || TRY(nearest_kernel) ||
           TRY(sums_of_labels_kernel) || TRY(mean_error_kernel) || TRY(backdrop_kernel) || TRY(expose_kernel) ||
           TRY(expose_backward_kernel) || TRY(exposure_gradient_kernel) || TRY(mean_grey_kernel) ||
           TRY(confirm_kernel) || TRY(fresh_kernel) || TRY(to_floats_kernel) || TRY(essentials_kernel) ||
           TRY(fundamentals_kernel) || TRY(homographies_kernel) ||
           called(name, "plane_sweep_kernel", plane_sweep_of_one_thread, arguments);
#undef TRY
}

}  // namespace

void run_kernel(const std::string &name, unsigned blocks, unsigned, void **arguments) {
    using namespace splat;
    gridDim = {blocks, 1, 1};
    for (blockIdx = {0, 0, 0}; blockIdx.x < blocks; ++blockIdx.x)
        called(name, "grey_kernel", grey_kernel, arguments) || called(name, "blur_kernel", blur_kernel, arguments) ||
            called(name, "halve_kernel", halve_kernel, arguments) ||
            called(name, "extrema_kernel", extrema_kernel, arguments) ||
            called(name, "gradients_kernel", gradients_kernel, arguments) ||
            called(name, "orientations_kernel", orientations_kernel, arguments) ||
            called(name, "describe_kernel", describe_kernel, arguments) || called_of_arrays(name, arguments);
}
