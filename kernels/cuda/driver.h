// The NVIDIA driver: libcuda.so.1 is opened when it is first needed, and nothing of CUDA is linked, so this module
// loads on every machine. Functions go by the names that they had in CUDA 12.0, which every driver from 525 on knows;
// newer headers rename some of them to what an old driver lacks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

// The driver's own names, as in cuda.h.
struct CUctx_st;
struct CUevent_st;
struct CUfunc_st;
struct CUmod_st;
struct CUstream_st;

namespace splat {

using Context = CUctx_st *;
using Event = CUevent_st *;
using Function = CUfunc_st *;
using Module = CUmod_st *;
using Stream = CUstream_st *;
using DeviceAddress = unsigned long long;

constexpr int kLeastCuda = 12000;  // that the driver must speak: 12.0, driver 525.60.13

// Why the GPU cannot be used at all, with the code of splatworker/errors.py: no_driver, driver_too_old, no_gpu,
// gpu_too_old, gpu_unsupported, out_of_memory or gpu_failed.
class Unusable : public std::runtime_error {
public:
    Unusable(const char *code, const std::string &sentence) : std::runtime_error(sentence), code(code) {}
    const char *code;
};

// The functions that we call; each gives a CUresult, which is 0 for success.
struct Driver {
    int (*init)(unsigned flags);
    int (*version)(int *version);
    int (*error_name)(int error, const char **name);
    int (*error_text)(int error, const char **text);
    int (*device_count)(int *count);
    int (*device)(int *device, int ordinal);
    int (*device_name)(char *name, int length, int device);
    int (*device_attribute)(int *value, int attribute, int device);
    int (*retain_primary_context)(Context *context, int device);
    int (*current_context)(Context *context);
    int (*push_context)(Context context);
    int (*pop_context)(Context *context);
    int (*load_module)(Module *module, const void *image);
    int (*module_function)(Function *function, Module module, const char *name);
    int (*launch)(Function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                  unsigned block_y, unsigned block_z, unsigned shared_bytes, Stream stream, void **arguments,
                  void **extra);
    int (*fill_bytes)(DeviceAddress target, unsigned char value, size_t bytes, Stream stream);
    int (*allocate)(DeviceAddress *address, size_t bytes);
    int (*free)(DeviceAddress address);
    int (*memory_info)(size_t *free, size_t *total);
    int (*to_device)(DeviceAddress target, const void *source, size_t bytes, Stream stream);
    int (*to_host)(void *target, DeviceAddress source, size_t bytes, Stream stream);
    int (*wait_for_stream)(Stream stream);
    int (*copy)(DeviceAddress target, DeviceAddress source, size_t bytes, Stream stream);
    int (*allocate_host)(void **address, size_t bytes, unsigned flags);
    int (*free_host)(void *address);
    int (*device_address)(DeviceAddress *address, void *host_address, unsigned flags);
    int (*create_event)(Event *event, unsigned flags);
    int (*destroy_event)(Event event);
    int (*record_event)(Event event, Stream stream);
    int (*wait_for_event)(Event event);
    int (*milliseconds_between)(float *milliseconds, Event start, Event end);
};

// The driver, ready to be asked. Throws Unusable where there is none, or one that is too old or shows no GPU; and looks
// again at the next call.
const Driver &driver();

// A driver's error as people read it, with the name that cuda.h has for it.
std::string error_text(const Driver &driver, int error);

// Throws std::runtime_error where `error` is one.
inline void check(int error) {
    if (error) throw std::runtime_error("CUDA: " + error_text(driver(), error));
}

// Sets memory of the GPU to zeros.
inline void clear(void *target, size_t bytes, Stream stream) {
    if (bytes) check(driver().fill_bytes(reinterpret_cast<uintptr_t>(target), 0, bytes, stream));
}

// Copies within the GPU's memory.
inline void copy(void *target, const void *source, size_t bytes, Stream stream) {
    if (!bytes) return;
    check(driver().copy(reinterpret_cast<uintptr_t>(target), reinterpret_cast<uintptr_t>(source), bytes, stream));
}

}  // namespace splat
