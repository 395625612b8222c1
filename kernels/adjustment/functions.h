// What headers that a GPU's kernels include, too, take from the C library. Of these functions a square root alone has the
// same bits everywhere: problems that ask for another one are the processors'.
#pragma once
#ifndef __CUDACC_RTC__  // NVRTC has no standard library
#include <cmath>
#include <cstdint>
#endif

// Static: each translation unit, compiled for an instruction set, must keep to its own copy.
#if defined(__CUDACC__)
#define ADJUSTMENT_BOTH __host__ __device__ static inline
#else
#define ADJUSTMENT_BOTH static inline
#endif

namespace adjustment {

#if defined(__CUDACC__)
ADJUSTMENT_BOTH double root_of(double a) { return sqrt(a); }
ADJUSTMENT_BOTH double arc_tangent(double, double) { return nan(""); }  // never called
ADJUSTMENT_BOTH double log_of_one_plus(double) { return nan(""); }      // nor this
#else
ADJUSTMENT_BOTH double root_of(double a) { return std::sqrt(a); }
ADJUSTMENT_BOTH double arc_tangent(double y, double x) { return std::atan2(y, x); }
ADJUSTMENT_BOTH double log_of_one_plus(double a) { return std::log1p(a); }
#endif

}  // namespace adjustment
