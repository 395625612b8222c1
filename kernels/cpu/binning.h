// Which splats touch which tiles, nearest first.
#pragma once
#include <cstdint>
#include <vector>

#include "types.h"

namespace splat {

// The lists of all tiles, and room for the gradients that tiles will have for their splats. Buffers grow and stay.
class TileLists {
public:
    // Reads splats; afterwards pair_begin, tile_begin and entries are those of this frame.
    void build(const Splat *splats, int64_t count, int tiles_x, int tiles_y, int threads);

    std::vector<uint32_t> pair_begin;  // [count + 1]
    std::vector<uint32_t> tile_begin;  // [tiles + 1]
    std::vector<Entry> entries;        // [pairs]

private:
    void find_spans(const Splat *splats, int64_t count, int tiles_x, int threads);
    void sort_by_depth(const Splat *splats, int64_t count);
    void fill(const Splat *splats, int tiles_x, int tiles_y, int threads);

    std::vector<uint32_t> span_begin_;  // [count + 1] a Gaussian's spans, one for each tile row it meets
    std::vector<Span> spans_;
    std::vector<uint32_t> order_, order_scratch_, key_, key_scratch_;  // Gaussians that are drawn, by depth
};

}  // namespace splat
