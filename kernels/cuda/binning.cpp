// Starts step 2; see binning.cu.
#include "gpu.h"
#include "kernels.h"
#include "steps.h"

namespace splat {
namespace {

const Kernel<decltype(count_kernel)> count{"binning", "count_kernel"};
const Kernel<decltype(starts_kernel)> starts{"binning", "starts_kernel"};
const Kernel<decltype(list_kernel)> list{"binning", "list_kernel"};
const Kernel<decltype(sort_1024_kernel)> sort_1024{"binning", "sort_1024_kernel"};
const Kernel<decltype(sort_2048_kernel)> sort_2048{"binning", "sort_2048_kernel"};

constexpr int kShortList = 256;  // items of a tile on average: fewer are sorted with less shared memory, in more blocks

}  // namespace

void bin(const Binning &b, const Splat *splats, const WideSplats &wide, const Camera &camera, Stream stream) {
    const int tiles = int(tiles_of(camera));
    const unsigned blocks = kWideBlocks + blocks_for(b.count, kTouchBlock);
    clear(b.tile_cursors, size_t(tiles) * kCursorPitch * sizeof(*b.tile_cursors), stream);
    count(blocks, kTouchBlock, stream, b.count, splats, wide, camera.width, camera.height, b.tile_cursors);
    starts(1, kScanBlock, stream, tiles, b.tile_cursors, b.tile_starts, b.total, b.host_total);
    check(driver().record_event(b.counted, stream));
    const Instances instances = {b.total, b.room};
    list(1 + blocks, kTouchBlock, stream, instances, b.count, splats, wide, camera.width, camera.height, b.tile_cursors,
         b.items, tiles, b.tile_starts, b.tile_order);
    const auto &sort = b.last_total < uint64_t(tiles) * kShortList ? sort_1024 : sort_2048;
    sort(unsigned(tiles), kSortBlock, stream, instances, b.tile_order, b.tile_starts, b.items, b.spare_items,
         b.tile_splats);
}

}  // namespace splat
