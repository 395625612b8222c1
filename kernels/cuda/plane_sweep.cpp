// Starts the kernels of dense start points; see plane_sweep.cu and dense_points.cu.
#include "plane_sweep.h"

#include <algorithm>

namespace splat {
namespace {

const Kernel<decltype(mean_grey_kernel)> start_mean_grey{"plane_sweep", "mean_grey_kernel"};
const Kernel<decltype(plane_sweep_kernel)> start_plane_sweep{"plane_sweep", "plane_sweep_kernel"};
const Kernel<decltype(confirm_kernel)> start_confirm{"dense_points", "confirm_kernel"};
const Kernel<decltype(fresh_kernel)> start_fresh{"dense_points", "fresh_kernel"};

constexpr unsigned kMostPlaceBlocks = 1 << 14;
constexpr unsigned kMostSweepBlocks = 1 << 12;  // at once, about: no launch lasts long, also on a small GPU

Grid grid_of(int64_t pixels) { return Grid(std::min(kMostPlaceBlocks, blocks_for(pixels, kPlaceBlock))); }

// Numbers of the host, in the GPU's memory for as long as this lives: what is queued meanwhile may use them.
template <typename T>
class Uploaded {
public:
    Uploaded(Memory &memory, const std::vector<T> &numbers)
        : block_(memory, std::max<size_t>(numbers.size(), 1) * sizeof(T)) {
        const auto address = reinterpret_cast<DeviceAddress>(block_.address());
        if (!numbers.empty())
            check(driver().to_device(address, numbers.data(), numbers.size() * sizeof(T), kArrayStream));
    }
    const T *data() const { return static_cast<const T *>(block_.address()); }

private:
    Block block_;
};

}  // namespace

void mean_grey(Memory &memory, const uint8_t *photo, int64_t pixels, float *grey) {
    const Gpu::Use use(memory.gpu());
    start_mean_grey(grid_of(pixels), kPlaceBlock, kArrayStream, photo, pixels, grey);
}

void plane_sweep(Memory &memory, std::vector<SweepOf> sweeps, const std::vector<LaidOver> &others,
                 const std::vector<float> &depths) {
    const Gpu::Use use(memory.gpu());
    const Uploaded<float> all_depths(memory, depths);
    const Uploaded<LaidOver> all_others(memory, others);
    std::vector<size_t> begins;  // of what is started at once, and how many blocks that takes
    std::vector<unsigned> blocks;
    for (size_t k = 0; k < sweeps.size(); ++k) {
        SweepOf &sweep = sweeps[k];
        if (blocks.empty() || blocks.back() >= kMostSweepBlocks) {
            begins.push_back(k);
            blocks.push_back(0);
        }
        sweep.first_block = int(blocks.back());
        blocks.back() += blocks_for(sweep.columns - kSweptSide + 1, kSweepAcross) *
                         blocks_for(sweep.rows - kSweptSide + 1, kSweepDown);
    }
    begins.push_back(sweeps.size());
    const Uploaded<SweepOf> all(memory, sweeps);
    for (size_t k = 0; k < blocks.size(); ++k)
        start_plane_sweep(blocks[k], kSweepBlock, kArrayStream, all.data() + begins[k], int(begins[k + 1] - begins[k]),
                          all_others.data(), all_depths.data());
}

void confirm(Memory &memory, const std::vector<DepthsOf> &photos, const std::vector<int> &witnesses, const Asked &asked,
             uint8_t *believed, uint8_t *fresh) {
    if (photos.empty()) return;
    const Gpu::Use use(memory.gpu());
    const Uploaded<DepthsOf> all(memory, photos);
    const Uploaded<int> all_witnesses(memory, witnesses);
    const int count = int(photos.size());
    const int64_t pixels = photos.back().first + int64_t(photos.back().rows) * photos.back().columns;
    start_confirm(grid_of(pixels), kPlaceBlock, kArrayStream, all.data(), count, pixels, all_witnesses.data(), asked,
                  believed);
    start_fresh(grid_of(pixels), kPlaceBlock, kArrayStream, all.data(), count, pixels, all_witnesses.data(), asked,
                believed, fresh);
}

}  // namespace splat
