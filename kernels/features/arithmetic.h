// Functions of our own in place of the C library's, whose last bits differ from system to system. All are plain sums and
// products in a fixed order, without fused multiply-adds, so that every processor and every vector width gets the same
// bits. splatworker/sfm/sift_reference.py has the same formulas.
#pragma once
#ifndef __CUDACC_RTC__
#include <cstdint>
#include <cstring>
#endif

#include "method.h"

namespace features {

// e^x for |x| <= 16, relative error under 1e-10: the series for x / 1024, squared ten times.
static inline FEATURES_BOTH double exponential(double x) {
    const double y = x / 1024;
    double p = 1 + y * (1 + y * (1.0 / 2 + y * (1.0 / 6 + y * (1.0 / 24 + y * (1.0 / 120)))));
    for (int i = 0; i < 10; ++i) p *= p;
    return p;
}

// Sine and cosine of an angle in turns, in [0, 1]: reduced to an eighth of a turn around the next quarter, then their
// series up to the 15th and 14th power, whose remainders are below 1e-15 there.
static inline FEATURES_BOTH void sine_and_cosine(double turns, double &sine, double &cosine) {
    const int quarter = int(turns * 4 + 0.5);
    const double a = (turns - quarter * 0.25) * 6.283185307179586, q = a * a;
    const double s =
        a * (1 - q / 6 * (1 - q / 20 * (1 - q / 42 * (1 - q / 72 * (1 - q / 110 * (1 - q / 156 * (1 - q / 210)))))));
    const double c = 1 -
                     q / 2 * (1 - q / 12 * (1 - q / 30 * (1 - q / 56 * (1 - q / 90 * (1 - q / 132 * (1 - q / 182))))));
    switch (quarter & 3) {
        case 0:
            sine = s, cosine = c;
            break;
        case 1:
            sine = c, cosine = -s;
            break;
        case 2:
            sine = -s, cosine = -c;
            break;
        default:
            sine = -c, cosine = s;
    }
}

// The direction of (x, y) in turns, in [0, 1), for a float or a vector of them: atan(z) / 2 pi by an odd polynomial that
// was fitted to z in [0, 1] for the least maximal error, 3e-8 of a turn with rounding; 0 where both are 0.
template <class F>
static inline FEATURES_BOTH __attribute__((always_inline)) F turns_of(F y, F x) {
    const F zero = x - x;
    const F ax = x < zero ? -x : x, ay = y < zero ? -y : y;
    const auto steep = ay > ax;
    const F longer = steep ? ay : ax, shorter = steep ? ax : ay;
    const F z = shorter / (longer > zero ? longer : zero + 1.0f), q = z * z;
    F p = zero - 0.0006453039823099971f;
    p = p * q + 0.00347959715873003f;
    p = p * q - 0.008898723870515823f;
    p = p * q + 0.015346036292612553f;
    p = p * q - 0.022136272862553596f;
    p = p * q + 0.031745944172143936f;
    p = p * q - 0.05304612219333649f;
    p = p * q + 0.15915483236312866f;
    p = p * z;
    p = steep ? 0.25f - p : p;
    p = x < zero ? 0.5f - p : p;
    p = y < zero ? 1.0f - p : p;
    return p >= zero + 1.0f ? p - 1.0f : p;
}

// e^-x for x in [0, 80], relative error under 3e-7: 2^n times a polynomial on [-ln2 / 2, ln2 / 2] (Taylor to the sixth
// power). I is the integers of F's width.
template <class F, class I>
static inline FEATURES_BOTH __attribute__((always_inline)) F decay(F x) {
    const float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer in the low bits
    const F shifted = x * -1.44269504088896f + magic;
    const F n = shifted - magic;
    const F r = (n * -0.693145751953125f - x) - n * 1.428606765330187e-6f;  // ln 2 in two parts (Cody & Waite)
    F p = r * (1.0f / 720) + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    I bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4B400000 + 127) << 23;
    F scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

}  // namespace features
