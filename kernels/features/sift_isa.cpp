// The loops of SIFT, compiled once per instruction set. No standard library templates in here, or the linker might let
// another caller use a copy built for AVX2.
#include "arithmetic.h"
#include "lanes.h"
#include "kernel.h"

#define FEATURES_JOIN_(a, b) a##b
#define FEATURES_JOIN(a, b) FEATURES_JOIN_(a, b)

namespace features {
namespace FEATURES_ISA {
namespace {

#include "blur.inl"
#include "extrema.inl"
#include "gradients.inl"
#include "descriptor.inl"

}  // namespace
}  // namespace FEATURES_ISA

#define FEATURES_TEXT_(a) #a
#define FEATURES_TEXT(a) FEATURES_TEXT_(a)

const Kernel &FEATURES_JOIN(FEATURES_ISA, _kernel)() {
    using namespace FEATURES_ISA;
    static const Kernel kernel = {
        FEATURES_TEXT(FEATURES_ISA), blur_row, subtract, extrema, gradients, orientations, describe};
    return kernel;
}

}  // namespace features
