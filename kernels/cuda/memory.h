// Memory of a GPU for arrays that live between frames: parameters, moments, photos. What is freed is kept, and handed
// out again without asking the driver, which would wait for the GPU.
//
// All work on arrays is queued on one stream (kArrayStream). So memory may be freed, and handed out anew, as soon as its
// last use is queued: whatever the next owner does with it is queued behind that.
#pragma once
#include <map>
#include <mutex>
#include <set>

#include "gpu.h"

namespace splat {

// The legacy default stream: torch's own, and one that every library may be told of by a number (1).
constexpr Stream kArrayStream = nullptr;

// Says how many bytes were asked for.
class OutOfMemory : public std::runtime_error {
public:
    explicit OutOfMemory(size_t bytes);
};

// Any thread may call any of it.
class Memory {
public:
    // That of a device, the same at every call; it lives as long as the process. Throws Unusable.
    static Memory &of(int device);

    // Aligned to kAlignment. Throws OutOfMemory.
    void *allocate(size_t bytes);
    void release(void *address);

    size_t used() const;        // bytes handed out
    size_t peak() const;        // the most that it ever was
    size_t free_bytes() const;  // that could be handed out: the driver's, and what is kept
    void give_back();           // what is kept and not handed out, as far as it is whole, to the driver

    const Gpu &gpu() const { return gpu_; }

    static constexpr size_t kAlignment = 512;

private:
    // The driver's memory comes in segments, cut into pieces; free neighbours of one segment become one piece again.
    struct Piece {
        size_t bytes;
        DeviceAddress segment;
        bool small, free;
    };
    using Pieces = std::map<DeviceAddress, Piece>;
    using Sizes = std::set<std::pair<size_t, DeviceAddress>>;

    explicit Memory(int device);
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;
    Pieces::iterator new_segment(size_t bytes, bool small);
    DeviceAddress from_driver(size_t bytes);
    void give_back_locked();
    void keep(Pieces::iterator piece);
    void merge_with_next(Pieces::iterator piece);

    const Gpu &gpu_;
    mutable std::mutex one_at_a_time_;
    Pieces pieces_;
    Sizes free_[2];  // of large and of small pieces
    size_t used_ = 0, peak_ = 0, held_ = 0;
};

// A piece of a GPU's memory, for as long as this lives.
class Block {
public:
    Block(Memory &memory, size_t bytes) : memory_(memory), address_(memory.allocate(bytes)) {}
    ~Block() { memory_.release(address_); }
    Block(const Block &) = delete;
    Block &operator=(const Block &) = delete;
    void *address() const { return address_; }

private:
    Memory &memory_;
    void *address_;
};

// Memory of the host that the system cannot move, for as long as this lives: the GPU fetches from it by itself.
class Pinned {
public:
    Pinned(Memory &memory, size_t bytes);
    ~Pinned();
    Pinned(const Pinned &) = delete;
    Pinned &operator=(const Pinned &) = delete;
    void *address() const { return address_; }

private:
    Memory &memory_;
    void *address_ = nullptr;
};

}  // namespace splat
