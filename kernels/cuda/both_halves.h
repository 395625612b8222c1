// What lets one header serve both halves: the kernels, which a CUDA compiler reads, and the host code around them,
// which is plain C++ and sees nothing of CUDA's headers.
#pragma once

#ifdef __CUDACC_RTC__  // NVRTC has no standard library
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#else
#include <cstddef>
#include <cstdint>
#endif

#ifndef __CUDACC__
#define __device__
#define __host__
#define __global__
#define __align__(bytes) __attribute__((aligned(bytes)))
struct float2;
#endif
