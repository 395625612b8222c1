// Chooses the widest instruction set that this processor has.
#include <cstdlib>
#include <cstring>

#include "types.h"

namespace splat {

const Kernels &best_kernels(const char *wish) {
    if (!wish) wish = std::getenv("SPLATWORKER_ISA");
    auto allowed = [&](const char *name) { return !wish || !std::strcmp(wish, name); };
#if defined(SPLAT_X86)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
    if (avx512 && allowed("avx512")) return avx512_kernels();
    if (avx2 && allowed("avx2")) return avx2_kernels();
    if (avx2 && wish && !std::strcmp(wish, "avx512")) return avx2_kernels();
#endif
    (void)allowed;
    return baseline_kernels();
}

}  // namespace splat
