// Which Gaussians a training step leaves out, for both backends; splatworker/render/reference.py (left_out) is the
// specification. Whoever includes this has the integer types.
#pragma once

#ifdef __CUDACC__
#define SPLAT_ANYWHERE __host__ __device__
#else
#define SPLAT_ANYWHERE
#endif

namespace splat {

// The finaliser of MurmurHash3 (Appleby, public domain).
SPLAT_ANYWHERE constexpr uint32_t mixed(uint32_t h) {
    h = (h ^ (h >> 16)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    return h ^ (h >> 16);
}

struct Dropout {
    uint32_t below;  // share 2^32: a Gaussian whose hash is smaller is left out
    uint32_t key;    // the seed's hash
    float boost;     // 1 / (1 - share): the others are the more opaque
    SPLAT_ANYWHERE bool leaves_out(uint32_t gaussian) const { return mixed(gaussian ^ key) < below; }
};
constexpr Dropout kNoDropout = {0, 0, 1.0f};

inline Dropout dropout_of(double share, uint32_t seed) {
    return {uint32_t(share * 4294967296.0), mixed(seed), float(1.0 / (1.0 - share))};
}

}  // namespace splat

#undef SPLAT_ANYWHERE
