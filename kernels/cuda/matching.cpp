// Starts the kernels of matching; see matching.cu.
#include "matching.h"

#include <algorithm>
#include <stdexcept>

#include "../matching/clear.h"
#include "matching_kernels.h"

namespace splat {
namespace {

const Kernel<decltype(seven_bits_kernel)> start_seven_bits{"matching", "seven_bits_kernel"};
const Kernel<decltype(nearest_kernel)> start_nearest{"matching", "nearest_kernel"};
const Kernel<decltype(mutual_kernel)> start_mutual{"matching", "mutual_kernel"};

constexpr int64_t kMostRows = 4 << 20;  // whose neighbours are looked for at a time: 40 MB

SevenBits seven_bits_of_all() {
    SevenBits table = {};
    for (int value = 0; value < 256; ++value) table.of[value] = matching::seven_bits(uint8_t(value));
    return table;
}

}  // namespace

Matcher::Matcher(int device, const std::vector<DescriptorsOf> &photos, double max_ratio, double max_distance)
    : gpu_(Gpu::of(device)) {
    int64_t total = 0;
    for (const DescriptorsOf &photo : photos) {
        if (photo.count > matching::kMost) throw std::invalid_argument("a photo has more than 65504 descriptors");
        counts_.push_back(photo.count);
        starts_.push_back(total);
        total += photo.count;
    }
    const Gpu::Use use(gpu_);
    const std::vector<uint32_t> limits = matching::unclear_from(max_ratio, max_distance);
    unclear_from_ = std::make_unique<Allocation<uint32_t>>(limits.size());
    unclear_from_->fill(limits.data(), limits.size(), stream_of_thread());
    descriptors_ = std::make_unique<Allocation<uint8_t>>(size_t(total) * matching::kDimensions);
    for (size_t i = 0; i < photos.size(); ++i) {
        uint8_t *to = descriptors_->data() + starts_[i] * matching::kDimensions;
        const size_t bytes = size_t(counts_[i]) * matching::kDimensions;
        if (bytes)
            check(driver().to_device(reinterpret_cast<uintptr_t>(to), photos[i].data, bytes, stream_of_thread()));
    }
    const int64_t bytes = total * matching::kDimensions;
    const unsigned blocks = std::min<unsigned>(blocks_for(bytes, kSevenBitsBlock), 1 << 16);
    start_seven_bits(blocks, kSevenBitsBlock, stream_of_thread(), descriptors_->data(), bytes, seven_bits_of_all(),
                     descriptors_->data());
    check(driver().wait_for_stream(stream_of_thread()));
}

Matcher::~Matcher() {
    try {
        const Gpu::Use use(gpu_);
        descriptors_.reset();
        unclear_from_.reset();
    } catch (const std::runtime_error &) {  // a GPU that has failed has lost its memory with it
    }
}

std::vector<Matcher::Matches> Matcher::match(const std::vector<std::pair<int, int>> &pairs) const {
    for (const auto &[first, second] : pairs)
        if (std::min(first, second) < 0 || std::max(first, second) >= int(counts_.size()))
            throw std::invalid_argument("a pair names a photo that is not there");
    const Gpu::Use use(gpu_);
    std::vector<Matches> found(pairs.size());
    for (size_t first = 0, end; first < pairs.size(); first = end) {
        int64_t rows = 0;
        for (end = first; end < pairs.size(); ++end) {
            rows += counts_[pairs[end].first] + counts_[pairs[end].second];
            if (rows > kMostRows && end > first) break;
        }
        match_some(pairs.data() + first, end - first, found.data() + first);
    }
    return found;
}

void Matcher::match_some(const std::pair<int, int> *pairs, size_t count, Matches *found) const {
    // First the neighbours of all first photos' rows, pair after pair, then those of all second ones'.
    std::vector<int64_t> forth(count + 1), back(count + 1);
    for (size_t i = 0; i < count; ++i) forth[i + 1] = forth[i] + counts_[pairs[i].first];
    back[0] = forth[count];
    for (size_t i = 0; i < count; ++i) back[i + 1] = back[i] + counts_[pairs[i].second];
    std::vector<RowTile> tiles;
    const auto add_tiles = [&](int of, int among, int64_t place, int64_t other) {
        if (!counts_[among]) return;
        for (int row = 0; row < counts_[of]; row += kMatchRows)
            tiles.push_back({starts_[of] + row, starts_[among], place + row, other, row,
                             std::min(kMatchRows, counts_[of] - row), counts_[among], 0});
    };
    for (size_t i = 0; i < count; ++i) add_tiles(pairs[i].first, pairs[i].second, forth[i], back[i]);
    const size_t of_first = tiles.size();
    for (size_t i = 0; i < count; ++i) add_tiles(pairs[i].second, pairs[i].first, back[i], forth[i]);

    Allocation<RowTile> to_do(tiles.size());
    to_do.fill(tiles.data(), tiles.size(), stream_of_thread());
    Allocation<Neighbours> neighbours(back[count]);
    Allocation<uint16_t> matched(forth[count]);
    start_nearest(unsigned(tiles.size()), kMatchBlock, stream_of_thread(),
                  reinterpret_cast<const uint32_t *>(descriptors_->data()), to_do.data(), neighbours.data());
    start_mutual(unsigned(of_first), kMatchBlock, stream_of_thread(), to_do.data(), neighbours.data(),
                 unclear_from_->data(), matched.data());
    std::vector<uint16_t> partners(forth[count]);
    matched.read(partners.data(), partners.size(), stream_of_thread());
    for (size_t i = 0; i < count; ++i) {
        if (!counts_[pairs[i].second]) continue;
        for (int64_t row = forth[i]; row < forth[i + 1]; ++row)
            if (partners[row] != kNoMatch) found[i].emplace_back(uint32_t(row - forth[i]), partners[row]);
    }
}

}  // namespace splat
