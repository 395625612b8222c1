// Starts the kernels of two-view geometry; see two_view.cu. What is little is done here: which model each pair asks for
// next, and what its answers mean.
#include "two_view.h"

#include <algorithm>

#include "allocation.h"
#include "gpu.h"
#include "pool.h"
#include "two_view_kernels.h"

namespace splat {
namespace {

using two_view::Estimate;
using two_view::Verification;

const Kernel<decltype(to_floats_kernel)> start_to_floats{"two_view", "to_floats_kernel"};
const Kernel<decltype(essentials_kernel)> start_search[] = {
    {"two_view", "essentials_kernel"}, {"two_view", "fundamentals_kernel"}, {"two_view", "homographies_kernel"}};
constexpr int kKinds = 3;

constexpr size_t kMostPairs = 2048;        // at a time
constexpr int64_t kMostMatches = 1 << 19;  // of theirs together: 38 MB
constexpr unsigned kMostBlocks = 512;

// Memory of the GPU, and an event by which a thread sleeps until the GPU is done, where the driver would have it spin.
struct Workspace {
    std::vector<double> numbers;  // of the host, on their way
    Growing<double> matches;
    Growing<float> floats;
    Growing<PairSearch> searches[kKinds];
    Growing<Estimate> found[kKinds];
    Growing<two_view::Mat3> models;
    Event done = nullptr;

    Workspace() {
        constexpr unsigned kBlockingSync = 1, kDisableTiming = 2;
        check(driver().create_event(&done, kBlockingSync | kDisableTiming));
    }
    ~Workspace() { driver().destroy_event(done); }
};

Pool<Workspace> &workspaces() {
    constexpr int kMostThreads = 16;
    static Pool<Workspace> *const all = new Pool<Workspace>(kMostThreads);
    return *all;
}

// The matches of the pairs one after the other: where each pair's begin.
std::vector<int64_t> bring(Workspace &room, const PairToVerify *pairs, size_t count) {
    std::vector<int64_t> starts(count + 1);
    for (size_t i = 0; i < count; ++i) starts[i + 1] = starts[i] + kMatchNumbers * pairs[i].points.padded;
    const size_t size = size_t(starts[count]);
    if (room.numbers.size() < size) room.numbers.resize(size);
    for (size_t i = 0; i < count; ++i) {
        const two_view::Points &p = pairs[i].points;
        const double *arrays[kMatchNumbers] = {p.x1, p.y1, p.x2, p.y2, p.s1, p.s2};
        for (int k = 0; k < kMatchNumbers; ++k)
            std::copy(arrays[k], arrays[k] + p.padded, room.numbers.begin() + starts[i] + k * p.padded);
    }
    Allocation<double> &matches = room.matches.of(size);
    Allocation<float> &floats = room.floats.of(size);
    matches.fill(room.numbers.data(), size, stream_of_thread());
    const unsigned blocks = std::min(blocks_for(int64_t(size), kToFloatsBlock), kMostBlocks);
    start_to_floats(blocks, kToFloatsBlock, stream_of_thread(), matches.data(), int64_t(size), floats.data());
    return starts;
}

void verify_some(Workspace &room, const PairToVerify *pairs, size_t count, const two_view::Rules &rules, uint64_t seed,
                 two_view::Geometry *geometries) {
    std::vector<Verification> all;
    for (size_t i = 0; i < count; ++i)
        all.emplace_back(pairs[i].points, pairs[i].calibrated, rules, seed, pairs[i].first, pairs[i].second);
    std::vector<int64_t> starts;
    for (bool has_asked = true; has_asked;) {
        has_asked = false;
        std::vector<PairSearch> searches[kKinds];
        std::vector<size_t> of_pair[kKinds];
        for (size_t i = 0; i < count; ++i) {
            PairSearch search = {};
            if (!all[i].asks(search.question)) continue;
            if (starts.empty()) starts = bring(room, pairs, count);
            search.first = starts[i];
            search.count = int32_t(pairs[i].points.count);
            search.padded = int32_t(pairs[i].points.padded);
            searches[search.question.kind].push_back(search);
            of_pair[search.question.kind].push_back(i);
            has_asked = true;
        }
        if (!has_asked) break;
        std::vector<Estimate> found[kKinds];
        for (int kind = 0; kind < kKinds; ++kind) {
            const size_t asked = searches[kind].size();
            if (!asked) continue;
            const unsigned blocks = std::min(unsigned(asked), kMostBlocks);
            Allocation<PairSearch> &to_do = room.searches[kind].of(asked);
            to_do.fill(searches[kind].data(), asked, stream_of_thread());
            start_search[kind](blocks, kSearchBlock, stream_of_thread(), to_do.data(), int(asked),
                               room.matches.of(0).data(), room.floats.of(0).data(),
                               room.models.of(size_t(blocks) * kMostModels).data(), room.found[kind].of(asked).data());
            found[kind].resize(asked);
        }
        check(driver().record_event(room.done, stream_of_thread()));
        check(driver().wait_for_event(room.done));
        for (int kind = 0; kind < kKinds; ++kind) {
            if (found[kind].empty()) continue;
            room.found[kind].of(0).read(found[kind].data(), found[kind].size(), stream_of_thread());
            for (size_t k = 0; k < found[kind].size(); ++k) all[of_pair[kind][k]].answer(found[kind][k]);
        }
    }
    for (size_t i = 0; i < count; ++i) geometries[i] = all[i].geometry();
}

}  // namespace

std::vector<two_view::Geometry> verify(const std::vector<PairToVerify> &pairs, const two_view::Rules &rules,
                                       uint64_t seed) {
    std::vector<two_view::Geometry> geometries(pairs.size());
    std::unique_ptr<Workspace> mine = workspaces().take();
    try {
        for (size_t first = 0, end; first < pairs.size(); first = end) {
            int64_t matches = 0;
            for (end = first; end < pairs.size() && end - first < kMostPairs; ++end) {
                matches += pairs[end].points.padded;
                if (matches > kMostMatches && end > first) break;
            }
            verify_some(*mine, pairs.data() + first, end - first, rules, seed, geometries.data() + first);
        }
    } catch (...) {
        mine.reset();  // what it holds may be what others lack
        workspaces().give(nullptr);
        throw;
    }
    workspaces().give(std::move(mine));
    return geometries;
}

}  // namespace splat
