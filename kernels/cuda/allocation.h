// Memory of the GPU in use, for as long as it is of use.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "driver.h"

namespace splat {

// A stream that each thread of the process has of its own (CU_STREAM_PER_THREAD).
inline Stream stream_of_thread() { return reinterpret_cast<Stream>(uintptr_t(2)); }

template <typename T>
class Allocation {
public:
    // Throws std::runtime_error where the GPU has not so much.
    explicit Allocation(size_t count) { check(driver().allocate(&address_, std::max<size_t>(count, 1) * sizeof(T))); }
    ~Allocation() { driver().free(address_); }
    Allocation(const Allocation &) = delete;
    Allocation &operator=(const Allocation &) = delete;
    T *data() const { return reinterpret_cast<T *>(address_); }
    void fill(const T *from, size_t count, Stream stream) {
        if (count) check(driver().to_device(address_, from, count * sizeof(T), stream));
    }
    // Waits for all that was started before.
    void read(T *to, size_t count, Stream stream) const {
        if (count) check(driver().to_host(to, address_, count * sizeof(T), stream));
        check(driver().wait_for_stream(stream));
    }

private:
    DeviceAddress address_ = 0;
};

// The same, kept from one use to the next, and replaced where more is needed, by so much with some to spare: what was in it is
// lost then.
template <typename T>
class Growing {
public:
    Allocation<T> &of(size_t count, size_t spare = 0) {
        if (!memory_ || count > count_) {
            memory_.reset();
            memory_ = std::make_unique<Allocation<T>>(count + spare);
            count_ = count + spare;
        }
        return *memory_;
    }

private:
    std::unique_ptr<Allocation<T>> memory_;
    size_t count_ = 0;
};

}  // namespace splat
