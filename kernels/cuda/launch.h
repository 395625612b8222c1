// Starting kernels, and turning CUDA's error codes into exceptions.
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <stdexcept>
#include <string>

namespace splat {

inline void check(cudaError_t error) {
    if (error != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(error));
}

template <typename T>
struct AsIs {
    using Type = T;
};

// kernel<<<grid, block, 0, stream>>>(arguments...), checked; an empty grid is no error.
template <typename... Parameters>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t stream,
            typename AsIs<Parameters>::Type... arguments) {
    if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    void *addresses[] = {&arguments...};
    check(cudaLaunchKernel(reinterpret_cast<const void *>(kernel), grid, block, addresses, 0, stream));
}

inline unsigned blocks_for(int64_t items, int per_block) { return unsigned((items + per_block - 1) / per_block); }

}  // namespace splat
