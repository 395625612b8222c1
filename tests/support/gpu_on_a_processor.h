// What the stand-ins for a GPU share: CUDA's words for a processor's compiler, and how a kernel gets its arguments.
#pragma once
#include <cstddef>
#include <utility>

#define __shared__ static
#define __launch_bounds__(...)

struct Index {
    unsigned x, y, z;
};

template <typename... Parameters, size_t... Numbers>
void call(void (*kernel)(Parameters...), void **arguments, std::index_sequence<Numbers...>) {
    kernel(*static_cast<Parameters *>(arguments[Numbers])...);
}
