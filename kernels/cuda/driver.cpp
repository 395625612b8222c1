#include "driver.h"

#include <dlfcn.h>

#include <cstdlib>

namespace splat {
namespace {

// The second is where Windows puts its driver into a Linux of its own (WSL), which is not always searched.
constexpr const char *kLibraries[] = {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"};

constexpr int kOutOfMemory = 2, kNoDevice = 100, kNewerThanDriver = 35, kInsufficientDriver = 803;  // CUresult

std::string cuda_version(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

void *open_library() {
    for (const char *name : kLibraries)
        if (void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
    throw Unusable("no_driver", "no NVIDIA driver is installed (libcuda.so.1 is not found)");
}

template <typename Pointer>
void find(void *library, const char *name, Pointer *function) {
    *function = reinterpret_cast<Pointer>(dlsym(library, name));
    if (!*function)
        throw Unusable("driver_too_old", std::string("the NVIDIA driver lacks ") + name +
                                             ": driver 525.60.13 or newer is needed (CUDA 12.0)");
}

Driver functions_of(void *library) {
    Driver d = {};
    find(library, "cuInit", &d.init);
    find(library, "cuDriverGetVersion", &d.version);
    find(library, "cuGetErrorName", &d.error_name);
    find(library, "cuGetErrorString", &d.error_text);
    find(library, "cuDeviceGetCount", &d.device_count);
    find(library, "cuDeviceGet", &d.device);
    find(library, "cuDeviceGetName", &d.device_name);
    find(library, "cuDeviceGetAttribute", &d.device_attribute);
    find(library, "cuDevicePrimaryCtxRetain", &d.retain_primary_context);
    find(library, "cuCtxGetCurrent", &d.current_context);
    find(library, "cuCtxPushCurrent_v2", &d.push_context);
    find(library, "cuCtxPopCurrent_v2", &d.pop_context);
    find(library, "cuModuleLoadData", &d.load_module);
    find(library, "cuModuleGetFunction", &d.module_function);
    find(library, "cuLaunchKernel", &d.launch);
    find(library, "cuMemsetD8Async", &d.fill_bytes);
    find(library, "cuMemAlloc_v2", &d.allocate);
    find(library, "cuMemFree_v2", &d.free);
    find(library, "cuMemGetInfo_v2", &d.memory_info);
    find(library, "cuMemcpyHtoDAsync_v2", &d.to_device);
    find(library, "cuMemcpyDtoHAsync_v2", &d.to_host);
    find(library, "cuStreamSynchronize", &d.wait_for_stream);
    find(library, "cuMemcpyDtoDAsync_v2", &d.copy);
    find(library, "cuMemHostAlloc", &d.allocate_host);
    find(library, "cuMemFreeHost", &d.free_host);
    find(library, "cuMemHostGetDevicePointer_v2", &d.device_address);
    find(library, "cuEventCreate", &d.create_event);
    find(library, "cuEventDestroy_v2", &d.destroy_event);
    find(library, "cuEventRecord", &d.record_event);
    find(library, "cuEventSynchronize", &d.wait_for_event);
    find(library, "cuEventElapsedTime", &d.milliseconds_between);
    return d;
}

std::string no_gpu() {
    const char *visible = std::getenv("CUDA_VISIBLE_DEVICES");
    if (!visible) return "the NVIDIA driver shows no GPU";
    const std::string value = visible;
    if (value.empty()) return "CUDA_VISIBLE_DEVICES is empty, which hides every GPU";
    return "the NVIDIA driver shows no GPU: CUDA_VISIBLE_DEVICES is \"" + value +
           "\", which names none of this machine's";
}

// The version first: a driver too old may refuse the rest in ways of its own.
Driver start() {
    Driver d = functions_of(open_library());
    int version = 0, count = 0;
    if (d.version(&version) == 0 && version < kLeastCuda)
        throw Unusable("driver_too_old", "the NVIDIA driver supports CUDA " + cuda_version(version) + ", and " +
                                             cuda_version(kLeastCuda) + " is needed (driver 525.60.13 or newer)");
    int error = d.init(0);
    if (error == 0) error = d.device_count(&count);
    if (error == kNoDevice || (error == 0 && count == 0)) throw Unusable("no_gpu", no_gpu());
    if (error == kNewerThanDriver || error == kInsufficientDriver)
        throw Unusable("driver_too_old", "the NVIDIA driver does not fit this system: " + error_text(d, error));
    if (error == kOutOfMemory)
        throw Unusable("out_of_memory", "no memory is left to open the GPU with: " + error_text(d, error));
    if (error) throw Unusable("gpu_failed", "the NVIDIA driver cannot be used: " + error_text(d, error));
    return d;
}

}  // namespace

const Driver &driver() {
    static const Driver opened = start();
    return opened;
}

std::string error_text(const Driver &driver, int error) {
    const char *text = nullptr, *name = nullptr;
    driver.error_text(error, &text);
    driver.error_name(error, &name);
    return std::string(text ? text : "unknown error") + " (" + (name ? name : std::to_string(error)) + ")";
}

}  // namespace splat
