// Random numbers by their number: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// 2011). A draw depends on nothing but its counter and its key, so whoever computes it, and in what order, gets the same.
#pragma once
#include "both.h"

namespace two_view {

using Block = Array<uint32_t, 4>;

TWO_VIEW_BOTH inline Block philox(Block counter, uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; ++round) {
        const uint64_t a = uint64_t(0xD2511F53u) * counter[0], b = uint64_t(0xCD9E8D57u) * counter[2];
        counter = {uint32_t(b >> 32) ^ counter[1] ^ key0, uint32_t(b), uint32_t(a >> 32) ^ counter[3] ^ key1,
                   uint32_t(a)};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return counter;
}

// What draws belong to: a pair of photos, and what is looked for in it.
struct Key {
    uint64_t seed;
    uint32_t first, second;
    uint32_t purpose;
};

// `Count` different numbers below `below` (at least `Count`): the sample of a trial.
template <int Count>
TWO_VIEW_BOTH Array<int, Count> sample(const Key &key, uint32_t trial, uint32_t below) {
    Array<int, Count> drawn;
    Block block{};
    uint32_t used = 4, blocks = 0;
    for (int k = 0; k < Count;) {
        if (used == 4) {
            block = philox({trial, key.purpose << 24 | blocks++, key.first, key.second}, uint32_t(key.seed),
                           uint32_t(key.seed >> 32));
            used = 0;
        }
        const int number = int(uint64_t(block[used++]) * below >> 32);
        bool is_new = true;
        for (int other = 0; other < k; ++other) is_new &= drawn[other] != number;
        if (is_new) drawn[k++] = number;
    }
    return drawn;
}

}  // namespace two_view
