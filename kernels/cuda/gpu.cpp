#include "gpu.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

namespace splat {
namespace {

constexpr int kMajor = 75, kMinor = 76;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_...
constexpr int kLeastArchitecture = 75;   // of all that we can compile for: Turing
constexpr int kOutOfMemory = 2, kBadImage = 200, kNoBinary = 209, kNewPtx = 222;  // CUresult

struct Name {
    const char *file, *kernel;
};
std::vector<Name> &names() {
    static std::vector<Name> all;
    return all;
}

std::string capability(int architecture) {
    return std::to_string(architecture / 10) + "." + std::to_string(architecture % 10);
}

}  // namespace

thread_local const Gpu *Gpu::in_use_ = nullptr;

int Gpu::announce(const char *file, const char *name) {
    names().push_back({file, name});
    return int(names().size()) - 1;
}

const Gpu &Gpu::of(int device) {
    static std::mutex one_at_a_time;
    static std::map<int, std::unique_ptr<Gpu>> opened;
    const std::lock_guard<std::mutex> locked(one_at_a_time);
    std::unique_ptr<Gpu> &gpu = opened[device];
    if (!gpu) gpu.reset(new Gpu(device));
    return *gpu;
}

Gpu::Gpu(int device) {
    const Driver &d = driver();
    int count = 0, handle = 0, major = 0, minor = 0;
    check(d.device_count(&count));
    if (device < 0 || device >= count)
        throw Unusable("no_gpu", "there is no GPU " + std::to_string(device) + ": the NVIDIA driver shows " +
                                     std::to_string(count) + ", counted from 0");
    char name[256] = "";
    check(d.device(&handle, device));
    check(d.device_name(name, sizeof(name), handle));
    check(d.device_attribute(&major, kMajor, handle));
    check(d.device_attribute(&minor, kMinor, handle));
    name_ = name;
    architecture_ = 10 * major + minor;
    image_of(names().front().file);  // before memory is spent on a GPU that cannot be used
    const int error = d.retain_primary_context(&context_, handle);
    if (error == kOutOfMemory)
        throw Unusable("out_of_memory",
                       "the GPU " + describe() + " has no memory left to start with: another program uses it");
    if (error) throw Unusable("gpu_failed", "the GPU " + describe() + " cannot be opened: " + error_text(d, error));
    const Use use(*this);
    load();
}

void Gpu::load() {
    const Driver &d = driver();
    std::map<std::string, Module> modules;
    for (const Name &wanted : names()) {
        Module &module = modules[wanted.file];
        int error = 0;
        if (!module) {
            const Image &image = image_of(wanted.file);
            error = d.load_module(&module, image.begin);
            if (error && error != kOutOfMemory && image.ptx)
                throw Unusable("driver_too_old", "the GPU " + describe() +
                                                     " is newer than these kernels, and the NVIDIA driver cannot "
                                                     "compile them for it: driver 570 or newer is needed");
        }
        Function function = nullptr;
        if (!error) error = d.module_function(&function, module, wanted.kernel);
        if (error == kOutOfMemory)
            throw Unusable("out_of_memory",
                           "the GPU " + describe() + " has no memory left for the kernels: another program uses it");
        if (error == kBadImage || error == kNoBinary || error == kNewPtx)
            throw Unusable("driver_too_old", "the NVIDIA driver does not take the kernels for the GPU " + describe() +
                                                 ": " + error_text(d, error));
        if (error)
            throw Unusable("gpu_failed",
                           "the kernels cannot be loaded into the GPU " + describe() + ": " + error_text(d, error));
        functions_.push_back(function);
    }
}

std::string Gpu::describe() const { return name_ + " (compute capability " + capability(architecture_) + ")"; }

// Machine code runs on GPUs of the same generation and no older revision; PTX on all that are not older.
const Image &Gpu::image_of(const char *file) const {
    const Image *best = nullptr;
    int oldest = 1000;
    const auto rank = [](const Image &image) { return image.architecture + (image.ptx ? 0 : 1000); };
    for (size_t k = 0; k < kImageCount; ++k) {
        const Image &image = kImages[k];
        if (std::strcmp(image.file, file) != 0) continue;
        oldest = std::min(oldest, image.architecture);
        const bool same_generation = image.architecture / 10 == architecture_ / 10;
        if (image.architecture > architecture_ || !(image.ptx || same_generation)) continue;
        if (!best || rank(image) > rank(*best)) best = &image;
    }
    if (best) return *best;
    if (architecture_ < kLeastArchitecture)
        throw Unusable("gpu_too_old", "the GPU " + describe() + " is too old: " + capability(kLeastArchitecture) +
                                          " is needed (Turing: RTX 20 series, T4, and newer)");
    throw Unusable("gpu_unsupported", "this installation's kernels were not compiled for the GPU " + describe() +
                                          ": they begin at " + capability(oldest));
}

Gpu::Use::Use(const Gpu &gpu) : former_(in_use_) {
    Context current = nullptr;
    check(driver().current_context(&current));
    if (current != gpu.context_) {
        check(driver().push_context(gpu.context_));
        pushed_ = true;
    }
    in_use_ = &gpu;
}

Gpu::Use::~Use() {
    in_use_ = former_;
    Context context = nullptr;
    if (pushed_) driver().pop_context(&context);
}

}  // namespace splat
