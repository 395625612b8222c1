// A GPU whose threads of a block are there, one after the other, for the kernels of matching, of two-view geometry, of bundle
// adjustment, of exposures and of plane sweeps, linked with fake_libcuda.cpp: their own source, compiled for the processor. A
// thread runs until it waits for its block, then another one. The tensor cores' tile is what PTX says of it: which lane has
// which entries.
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "gpu_on_a_processor.h"

namespace {

Index blockIdx, threadIdx, gridDim, blockDim;

constexpr unsigned kMost = 1024;
struct Thread {
    ucontext_t place;
    bool is_done;
};
Thread threads[kMost];
char stacks[kMost][1 << 16];
ucontext_t scheduler;
void (*work)();

void wait_for_block() {
    const unsigned mine = threadIdx.x;
    swapcontext(&threads[mine].place, &scheduler);
    threadIdx.x = mine;
}

void __syncthreads() { wait_for_block(); }

int atomicMin(int *least, int value) {
    const int before = *least;
    *least = value < before ? value : before;
    return before;
}

void run_thread() {
    const unsigned mine = threadIdx.x;
    work();
    threads[mine].is_done = true;
}

// Between two meetings of a block its threads come in another order each time: who reads what another has not written
// yet is found out.
void run_block() {
    static unsigned order = 1;
    for (unsigned i = 0; i < blockDim.x; ++i) {
        getcontext(&threads[i].place);
        threads[i].place.uc_stack.ss_sp = stacks[i];
        threads[i].place.uc_stack.ss_size = sizeof(stacks[i]);
        threads[i].place.uc_link = &scheduler;
        threads[i].is_done = false;
        makecontext(&threads[i].place, run_thread, 0);
    }
    for (bool is_left = true; is_left;) {
        is_left = false;
        order = order * 1664525u + 1013904223u;
        const unsigned first = order >> 8, step = order >> 20 | 1;  // odd: each comes once
        for (unsigned k = 0; k < kMost; ++k) {
            const unsigned i = (first + k * step) % kMost;
            if (i >= blockDim.x || threads[i].is_done) continue;
            threadIdx = {i, 0, 0};
            swapcontext(&scheduler, &threads[i].place);
            is_left = is_left || !threads[i].is_done;
        }
    }
}

// mma.m16n8k32 of bytes (PTX ISA, "Matrix Fragments for mma.m16n8k32"), by all lanes of a warp.
struct Fragments {
    uint32_t rows[4], columns[2];
};
Fragments given[2][kMost];  // twice: a lane may be at its next tile while another still reads
unsigned turn[kMost];

void multiply_add(int *sums, const uint32_t *rows, const uint32_t *columns) {
    const unsigned mine = threadIdx.x, warp = mine / 32 * 32, lane = mine % 32;
    Fragments(&now)[kMost] = given[turn[mine]++ % 2];
    std::memcpy(now[mine].rows, rows, sizeof(now[mine].rows));
    std::memcpy(now[mine].columns, columns, sizeof(now[mine].columns));
    wait_for_block();
    const auto entry = [](const uint32_t *words, int word, int byte) {
        return int(int8_t(words[word] >> (8 * byte) & 0xff));
    };
    for (int k = 0; k < 4; ++k) {
        const int row = lane / 4 + 8 * (k / 2), column = lane % 4 * 2 + k % 2;
        for (int dimension = 0; dimension < 32; ++dimension) {
            const int member = dimension % 16 / 4, half = dimension / 16, byte = dimension % 4;
            const Fragments &of_row = now[warp + row % 8 * 4 + member], &of_column = now[warp + column * 4 + member];
            sums[k] += entry(of_row.rows, row / 8 + 2 * half, byte) * entry(of_column.columns, half, byte);
        }
    }
}

}  // namespace

#include "../../kernels/cuda/adjustment.cu"
#include "../../kernels/cuda/cholesky.cu"
#include "../../kernels/cuda/exposure.cu"
#include "../../kernels/cuda/matching.cu"
#include "../../kernels/cuda/plane_sweep.cu"
#include "../../kernels/cuda/two_view.cu"
#include "../../kernels/cuda/reduction.cu"

namespace {

template <auto kernel, typename... Parameters>
void start(void (*)(Parameters...), unsigned blocks, void **arguments) {
    static void **its_arguments;
    its_arguments = arguments;
    work = [] { call(kernel, its_arguments, std::index_sequence_for<Parameters...>()); };
    gridDim = {blocks, 1, 1};
    for (blockIdx = {0, 0, 0}; blockIdx.x < blocks; ++blockIdx.x) run_block();
}

bool is_of_adjustment(const std::string &name, unsigned blocks, void **arguments) {
    using namespace splat;
#define TRY(kernel) (name == #kernel && (start<kernel>(kernel, blocks, arguments), true))
    return TRY(partners_kernel) || TRY(add_partials_kernel) || TRY(count_products_kernel) ||
           TRY(list_products_kernel) || TRY(linearize_kernel) || TRY(eliminate_kernel) || TRY(blocks_kernel) ||
           TRY(slots_kernel) || TRY(photo_sums_kernel) || TRY(lens_sums_kernel) || TRY(products_kernel) ||
           TRY(padding_kernel) || TRY(move_cameras_kernel) || TRY(move_points_kernel) || TRY(cost_kernel) ||
           TRY(trial_sums_kernel) || TRY(factor_diagonal_kernel) || TRY(solve_panel_kernel) ||
           TRY(subtract_panel_kernel) || TRY(substitute_back_kernel);
#undef TRY
}

}  // namespace

void run_kernel(const std::string &name, unsigned blocks, unsigned block, void **arguments) {
    using namespace splat;
    blockDim = {block, 1, 1};
    if (is_of_adjustment(name, blocks, arguments)) return;
    if (name == "seven_bits_kernel") start<seven_bits_kernel>(seven_bits_kernel, blocks, arguments);
    if (name == "nearest_kernel") start<nearest_kernel>(nearest_kernel, blocks, arguments);
    if (name == "mutual_kernel") start<mutual_kernel>(mutual_kernel, blocks, arguments);
    if (name == "expose_kernel") start<expose_kernel>(expose_kernel, blocks, arguments);
    if (name == "expose_backward_kernel") start<expose_backward_kernel>(expose_backward_kernel, blocks, arguments);
    if (name == "exposure_gradient_kernel")
        start<exposure_gradient_kernel>(exposure_gradient_kernel, blocks, arguments);
    if (name == "to_floats_kernel") start<to_floats_kernel>(to_floats_kernel, blocks, arguments);
    if (name == "essentials_kernel") start<essentials_kernel>(essentials_kernel, blocks, arguments);
    if (name == "fundamentals_kernel") start<fundamentals_kernel>(fundamentals_kernel, blocks, arguments);
    if (name == "homographies_kernel") start<homographies_kernel>(homographies_kernel, blocks, arguments);
    if (name == "plane_sweep_kernel") start<plane_sweep_kernel>(plane_sweep_kernel, blocks, arguments);
}
