// The kernels for one instruction set: compiled several times, each with its own flags and SPLAT_ISA, the name of the
// set. No standard library templates in here: the linker might let a baseline caller use a copy built for AVX-512.
#include "types.h"
#include "simd.h"

#include "harmonics.inl"

#include "adam.inl"
#include "backdrop.inl"
#include "blend.inl"
#include "loss.inl"
#include "nearest.inl"
#include "project.inl"
#include "rounding.inl"

#define SPLAT_JOIN_(a, b) a##b
#define SPLAT_JOIN(a, b) SPLAT_JOIN_(a, b)
#define SPLAT_STRING_(a) #a
#define SPLAT_STRING(a) SPLAT_STRING_(a)

namespace splat {
namespace SPLAT_ISA {
SweepKernel plane_sweep;  // plane_sweep.cpp, with flags of its own
}

const Kernels &SPLAT_JOIN(SPLAT_ISA, _kernels)() {
    using namespace SPLAT_ISA;
    static const Kernels kernels = {SPLAT_STRING(SPLAT_ISA),
                                    project,
                                    blend,
                                    blend_backward,
                                    project_backward,
                                    loss,
                                    adam,
                                    round_colors,
                                    nearest,
                                    plane_sweep};
    return kernels;
}

}  // namespace splat
