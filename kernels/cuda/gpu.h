// One GPU with our kernels in it, and how they are started.
#pragma once
#include <string>
#include <vector>

#include "driver.h"

namespace splat {

// Machine code or PTX of one .cu file, as CMakeLists.txt has embedded it.
struct Image {
    const char *file;
    int architecture;  // 86 for compute capability 8.6
    bool ptx;
    const unsigned char *begin;
};
extern const Image kImages[];
extern const size_t kImageCount;

class Gpu {
public:
    // The device of this number among those that the process sees, opened and with all kernels loaded; the same at
    // every call. Its context is the one that torch uses too. Throws Unusable.
    static const Gpu &of(int device);

    // Makes the GPU the thread's own for as long as this lives, and then leaves the thread as it was.
    class Use {
    public:
        explicit Use(const Gpu &gpu);
        ~Use();
        Use(const Use &) = delete;
        Use &operator=(const Use &) = delete;

    private:
        const Gpu *former_;
        bool pushed_ = false;
    };

    int architecture() const { return architecture_; }  // 86 for compute capability 8.6

    // The GPU in use has kernel `number` here.
    static Function function(int number) { return in_use_->functions_[number]; }

    // Announces a kernel, before any GPU is opened; its number.
    static int announce(const char *file, const char *name);

private:
    explicit Gpu(int device);
    void load();
    std::string describe() const;  // name and compute capability
    const Image &image_of(const char *file) const;

    static thread_local const Gpu *in_use_;
    std::string name_;
    int architecture_;
    Context context_ = nullptr;
    std::vector<Function> functions_;
};

struct Grid {
    unsigned x, y = 1, z = 1;
    Grid(unsigned x, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

// A kernel of kernels.h, with the arguments that it has there:
//     const Kernel<decltype(adam_kernel)> start_adam{"adam", "adam_kernel"};
//     start_adam(grid, block, stream, ...);
template <typename Signature>
class Kernel;
template <typename... Parameters>
class Kernel<void(Parameters...)> {
public:
    Kernel(const char *file, const char *name) : number_(Gpu::announce(file, name)) {}

    // Queues it on the stream, on the GPU in use; an empty grid is no error.
    void operator()(Grid grid, unsigned block, Stream stream, Parameters... arguments) const {
        if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
        void *addresses[] = {const_cast<void *>(static_cast<const volatile void *>(&arguments))...};
        check(driver().launch(Gpu::function(number_), grid.x, grid.y, grid.z, block, 1, 1, 0, stream, addresses,
                              nullptr));
    }

private:
    int number_;
};

inline unsigned blocks_for(int64_t items, int per_block) { return unsigned((items + per_block - 1) / per_block); }

}  // namespace splat
