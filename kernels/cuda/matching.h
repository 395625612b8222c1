// Matches between photos' descriptors on a GPU, for host code.
#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "allocation.h"
#include "gpu.h"

namespace splat {

struct DescriptorsOf {
    const uint8_t *data;  // [count][128]
    int count;
};

// The descriptors of all photos, on one GPU.
class Matcher {
public:
    // Throws Unusable, or std::runtime_error where the GPU's memory is too small: 128 bytes a descriptor.
    Matcher(int device, const std::vector<DescriptorsOf> &photos, double max_ratio, double max_distance);
    ~Matcher();

    // Of each pair of photos, by their places, the rows that match: the same as kernels/matching finds. One caller at a
    // time. Throws std::runtime_error.
    using Matches = std::vector<std::pair<uint32_t, uint32_t>>;
    std::vector<Matches> match(const std::vector<std::pair<int, int>> &pairs) const;

private:
    struct Buffers;
    void match_some(const std::pair<int, int> *pairs, size_t count, Matches *found) const;

    const Gpu &gpu_;
    std::vector<int> counts_;
    std::vector<int64_t> starts_;
    std::unique_ptr<Allocation<uint8_t>> descriptors_;
    std::unique_ptr<Allocation<uint32_t>> unclear_from_;
};

}  // namespace splat
