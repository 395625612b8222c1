// Memory of the GPU in use, for as long as it is of use.
#pragma once
#include <algorithm>
#include <cstddef>

#include "driver.h"

namespace splat {

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

}  // namespace splat
