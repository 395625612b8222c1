#include "memory.h"

#include <algorithm>
#include <memory>

namespace splat {
namespace {

constexpr int kOutOfMemory = 2;  // CUresult

constexpr size_t kMiB = size_t(1) << 20;
constexpr size_t kSmall = kMiB;              // what is not larger comes out of segments of its own kind
constexpr size_t kSmallSegment = 2 * kMiB;   // the driver's own granularity
constexpr size_t kLargeSegment = 20 * kMiB;  // at least, where there is so much

size_t rounded_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

OutOfMemory::OutOfMemory(size_t bytes)
    : std::runtime_error("the GPU has no " + std::to_string(bytes) + " bytes of memory left") {}

Memory &Memory::of(int device) {
    static std::mutex one_at_a_time;
    static auto &opened = *new std::map<int, std::unique_ptr<Memory>>;  // arrays may outlive everything else
    const std::lock_guard<std::mutex> locked(one_at_a_time);
    std::unique_ptr<Memory> &memory = opened[device];
    if (!memory) memory.reset(new Memory(device));
    return *memory;
}

Memory::Memory(int device) : gpu_(Gpu::of(device)) {}

void *Memory::allocate(size_t bytes) {
    if (bytes > SIZE_MAX / 2) throw OutOfMemory(bytes);
    const size_t size = rounded_up(std::max<size_t>(bytes, 1), kAlignment);
    const bool small = size <= kSmall;
    const std::lock_guard<std::mutex> locked(one_at_a_time_);
    Sizes &sizes = free_[small];
    const auto smallest = sizes.lower_bound({size, 0});
    Pieces::iterator piece;
    if (smallest == sizes.end()) {
        piece = new_segment(size, small);
    } else {
        piece = pieces_.find(smallest->second);
        sizes.erase(smallest);
    }
    const size_t rest = piece->second.bytes - size;
    if (rest >= (small ? kAlignment : kSmall)) {  // a smaller rest of a large piece would serve nobody
        const Piece &whole = piece->second;
        const auto cut = pieces_.emplace(piece->first + size, Piece{rest, whole.segment, small, true}).first;
        sizes.emplace(rest, cut->first);
        piece->second.bytes = size;
    }
    piece->second.free = false;
    used_ += piece->second.bytes;
    peak_ = std::max(peak_, used_);
    return reinterpret_cast<void *>(piece->first);
}

void Memory::release(void *address) {
    const std::lock_guard<std::mutex> locked(one_at_a_time_);
    const auto piece = pieces_.find(reinterpret_cast<uintptr_t>(address));
    used_ -= piece->second.bytes;
    piece->second.free = true;
    if (piece != pieces_.begin()) {
        const auto before = std::prev(piece);
        if (before->second.free && before->second.segment == piece->second.segment) {
            free_[before->second.small].erase({before->second.bytes, before->first});
            merge_with_next(before);
            keep(before);
            return;
        }
    }
    keep(piece);
}

// A free piece that is in no set of sizes takes in the one behind it, and joins the others.
void Memory::keep(Pieces::iterator piece) {
    const auto next = std::next(piece);
    if (next != pieces_.end() && next->second.free && next->second.segment == piece->second.segment) {
        free_[next->second.small].erase({next->second.bytes, next->first});
        merge_with_next(piece);
    }
    free_[piece->second.small].emplace(piece->second.bytes, piece->first);
}

void Memory::merge_with_next(Pieces::iterator piece) {
    const auto next = std::next(piece);
    piece->second.bytes += next->second.bytes;
    pieces_.erase(next);
}

Memory::Pieces::iterator Memory::new_segment(size_t bytes, bool small) {
    const Gpu::Use use(gpu_);
    const size_t least = rounded_up(bytes, kSmallSegment);
    size_t size = small ? kSmallSegment : std::max(least, kLargeSegment);
    DeviceAddress address = from_driver(size);
    if (!address && size > least) address = from_driver(size = least);
    if (!address) {
        give_back_locked();
        address = from_driver(size);
    }
    if (!address) throw OutOfMemory(bytes);
    held_ += size;
    return pieces_.emplace(address, Piece{size, address, small, true}).first;
}

// 0 where there is not so much.
DeviceAddress Memory::from_driver(size_t bytes) {
    DeviceAddress address = 0;
    const int error = driver().allocate(&address, bytes);
    if (error == kOutOfMemory) return 0;
    check(error);
    return address;
}

void Memory::give_back() {
    const Gpu::Use use(gpu_);
    const std::lock_guard<std::mutex> locked(one_at_a_time_);
    give_back_locked();
}

void Memory::give_back_locked() {
    for (auto piece = pieces_.begin(); piece != pieces_.end();) {
        const auto next = std::next(piece);
        const bool ends = next == pieces_.end() || next->second.segment != piece->second.segment;
        if (piece->second.free && piece->first == piece->second.segment && ends) {
            free_[piece->second.small].erase({piece->second.bytes, piece->first});
            check(driver().free(piece->first));  // waits for whatever still uses it
            held_ -= piece->second.bytes;
            pieces_.erase(piece);
        }
        piece = next;
    }
}

size_t Memory::used() const {
    const std::lock_guard<std::mutex> locked(one_at_a_time_);
    return used_;
}

size_t Memory::peak() const {
    const std::lock_guard<std::mutex> locked(one_at_a_time_);
    return peak_;
}

size_t Memory::free_bytes() const {
    const Gpu::Use use(gpu_);
    size_t free = 0, total = 0;
    check(driver().memory_info(&free, &total));
    const std::lock_guard<std::mutex> locked(one_at_a_time_);
    return free + (held_ - used_);
}

Pinned::Pinned(Memory &memory, size_t bytes) : memory_(memory) {
    const Gpu::Use use(memory.gpu());
    const int error = driver().allocate_host(&address_, std::max<size_t>(bytes, 1), 0);
    if (error == kOutOfMemory) throw OutOfMemory(bytes);
    check(error);
}

Pinned::~Pinned() {
    try {
        const Gpu::Use use(memory_.gpu());
        driver().wait_for_stream(kArrayStream);  // the GPU may still be fetching from it
        driver().free_host(address_);
    } catch (const std::exception &) {  // the GPU is gone, and all that it had
    }
}

}  // namespace splat
