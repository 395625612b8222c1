// A stand-in for the NVIDIA driver's libcuda.so.1, for tests of how it is loaded: devices as the environment says,
// images checked as the driver would, kernels only written down. "GPU memory" is the host's.
//
//   FAKE_CUDA_VERSION=12000             what the driver speaks
//   FAKE_CUDA_DEVICES="9.0 NVIDIA H100;8.6 NVIDIA GeForce RTX 3090"
//   FAKE_CUDA_FAILS="cuModuleLoadData=222;cuInit=999"
//   FAKE_CUDA_MEMORY=17179869184        bytes of each
//   FAKE_CUDA_LOG=path                  what was loaded and started, a line each
//   CUDA_VISIBLE_DEVICES                as the driver reads it: numbers, up to the first that is none
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr size_t kMemory = size_t(1) << 34;  // of a device

std::map<unsigned long long, size_t> allocated;
std::mutex allocating;

struct Device {
    int major, minor;
    std::string name;
};
struct Module {
    std::string text;  // the whole image
};
struct Function {
    std::string name;
};

std::string variable(const char *name, const char *otherwise = "") {
    const char *value = std::getenv(name);
    return value ? value : otherwise;
}

std::vector<std::string> split(const std::string &text, char by) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, by);) parts.push_back(part);
    return parts;
}

int failure(const char *function) {
    for (const std::string &entry : split(variable("FAKE_CUDA_FAILS"), ';'))
        if (entry.rfind(std::string(function) + "=", 0) == 0)
            return std::atoi(entry.c_str() + std::strlen(function) + 1);
    return 0;
}

void note(const std::string &line) {
    const std::string path = variable("FAKE_CUDA_LOG");
    if (path.empty()) return;
    std::FILE *file = std::fopen(path.c_str(), "a");
    std::fprintf(file, "%s\n", line.c_str());
    std::fclose(file);
}

size_t memory() {
    const std::string text = variable("FAKE_CUDA_MEMORY");
    return text.empty() ? kMemory : std::stoull(text);
}

size_t free_memory() {
    const std::lock_guard<std::mutex> locked(allocating);
    size_t used = 0;
    for (const auto &[address, bytes] : allocated) used += bytes;
    return used < memory() ? memory() - used : 0;
}

std::vector<Device> devices() {
    std::vector<Device> all;
    for (const std::string &entry : split(variable("FAKE_CUDA_DEVICES"), ';')) {
        Device device = {};
        int length = 0;
        if (std::sscanf(entry.c_str(), "%d.%d %n", &device.major, &device.minor, &length) < 2) std::abort();
        device.name = entry.substr(length);
        all.push_back(device);
    }
    const char *visible = std::getenv("CUDA_VISIBLE_DEVICES");
    if (!visible) return all;
    std::vector<Device> seen;
    for (const std::string &word : split(visible, ',')) {
        char *end = nullptr;
        const long number = std::strtol(word.c_str(), &end, 10);
        if (word.empty() || *end || number < 0 || number >= long(all.size())) break;
        seen.push_back(all[number]);
    }
    return seen;
}

thread_local std::vector<void *> contexts;  // a device's is its number and one

// The GPU that machine code is for: where ELF keeps it depends on the format's version.
int architecture_of(const unsigned char *elf) {
    uint32_t flags;
    std::memcpy(&flags, elf + 48, sizeof(flags));
    return elf[8] >= 8 ? flags >> 8 & 0xff : flags & 0xff;
}

size_t size_of(const unsigned char *elf) {
    uint64_t sections, segments;
    uint16_t section_size, section_count, segment_size, segment_count;
    std::memcpy(&segments, elf + 32, 8);
    std::memcpy(&sections, elf + 40, 8);
    std::memcpy(&segment_size, elf + 54, 2);
    std::memcpy(&segment_count, elf + 56, 2);
    std::memcpy(&section_size, elf + 58, 2);
    std::memcpy(&section_count, elf + 60, 2);
    const size_t after_sections = sections + size_t(section_size) * section_count;
    const size_t after_segments = segments + size_t(segment_size) * segment_count;
    return after_sections > after_segments ? after_sections : after_segments;
}

}  // namespace

// What a kernel does, where this is linked with somebody who knows (one_thread_gpu.cpp, many_threads_gpu.cpp).
__attribute__((weak)) void run_kernel(const std::string &name, unsigned blocks, unsigned block, void **arguments);

#define FAILS(function) \
    if (int error = failure(#function)) return error

extern "C" {

int cuDriverGetVersion(int *version) {
    *version = std::atoi(variable("FAKE_CUDA_VERSION", "12000").c_str());
    return 0;
}
int cuInit(unsigned) {
    FAILS(cuInit);
    return devices().empty() ? 100 : 0;
}
int cuGetErrorName(int error, const char **name) {
    *name = error == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : error == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_OTHER";
    return 0;
}
int cuGetErrorString(int error, const char **text) {
    *text = error == 2 ? "out of memory" : error == 700 ? "an illegal memory access was encountered" : "something else";
    return 0;
}
int cuDeviceGetCount(int *count) {
    FAILS(cuDeviceGetCount);
    *count = int(devices().size());
    return 0;
}
int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal;
    return 0;
}
int cuDeviceGetName(char *name, int length, int device) {
    std::snprintf(name, length, "%s", devices()[device].name.c_str());
    return 0;
}
int cuDeviceTotalMem_v2(size_t *bytes, int) {
    *bytes = kMemory;
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? devices()[device].major : devices()[device].minor;
    return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
    FAILS(cuDevicePrimaryCtxRetain);
    *context = reinterpret_cast<void *>(uintptr_t(device) + 1);
    return 0;
}
int cuCtxGetCurrent(void **context) {
    *context = contexts.empty() ? nullptr : contexts.back();
    return 0;
}
int cuCtxPushCurrent_v2(void *context) {
    contexts.push_back(context);
    return 0;
}
int cuCtxPopCurrent_v2(void **context) {
    *context = contexts.back();
    contexts.pop_back();
    return 0;
}

int cuModuleLoadData(void **module, const void *image) {
    FAILS(cuModuleLoadData);
    if (contexts.empty()) return 201;
    const Device device = devices()[reinterpret_cast<uintptr_t>(contexts.back()) - 1];
    const auto *bytes = static_cast<const unsigned char *>(image);
    const std::string who = device.name + ": ";
    if (std::memcmp(bytes, "\177ELF", 4) == 0) {
        const int architecture = architecture_of(bytes);
        note(who + "machine code " + std::to_string(architecture));
        if (architecture / 10 != device.major || architecture % 10 > device.minor) return 209;
        *module = new Module{std::string(reinterpret_cast<const char *>(bytes), size_of(bytes))};
        return 0;
    }
    const std::string text = reinterpret_cast<const char *>(bytes);
    int architecture = 0;
    const size_t target = text.find(".target sm_");
    if (target == std::string::npos) return 200;
    architecture = std::atoi(text.c_str() + target + std::strlen(".target sm_"));
    note(who + "PTX " + std::to_string(architecture));
    if (architecture > 10 * device.major + device.minor) return 209;
    *module = new Module{text};
    return 0;
}
int cuModuleGetFunction(void **function, void *module, const char *name) {
    FAILS(cuModuleGetFunction);
    const std::string &text = static_cast<Module *>(module)->text;
    const bool elf = text.compare(0, 4, "\177ELF") == 0;
    const std::string wanted = elf ? ".text." + std::string(name) + '\0' : ".entry " + std::string(name) + "(";
    if (text.find(wanted) == std::string::npos) return 500;
    *function = new Function{name};
    return 0;
}
int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z, unsigned block_x, unsigned, unsigned, unsigned,
                   void *, void **arguments, void **) {
    FAILS(cuLaunchKernel);
    if (contexts.empty()) return 201;
    const std::string &name = static_cast<Function *>(function)->name;
    std::ostringstream line;
    line << "GPU " << reinterpret_cast<uintptr_t>(contexts.back()) - 1 << ": " << name << " " << x << " " << y << " "
         << z << " x " << block_x;
    note(line.str());
    if (run_kernel) {
        static std::mutex one_at_a_time;  // as on one stream, whoever queues them
        const std::lock_guard<std::mutex> locked(one_at_a_time);
        run_kernel(name, x, block_x, arguments);
    }
    return 0;
}

int cuMemsetD8Async(unsigned long long target, unsigned char value, size_t bytes, void *) {
    std::memset(reinterpret_cast<void *>(target), value, bytes);
    return 0;
}
int cuMemAlloc_v2(unsigned long long *address, size_t bytes) {
    FAILS(cuMemAlloc_v2);
    if (bytes > free_memory()) return 2;
    *address = reinterpret_cast<uintptr_t>(std::aligned_alloc(512, (bytes + 511) / 512 * 512));  // as the driver does
    const std::lock_guard<std::mutex> locked(allocating);
    allocated[*address] = bytes;
    return 0;
}
int cuMemFree_v2(unsigned long long address) {
    std::free(reinterpret_cast<void *>(address));
    const std::lock_guard<std::mutex> locked(allocating);
    allocated.erase(address);
    return 0;
}
int cuMemGetInfo_v2(size_t *free, size_t *total) {
    *free = free_memory();
    *total = memory();
    return 0;
}
int cuMemcpyHtoDAsync_v2(unsigned long long target, const void *source, size_t bytes, void *) {
    std::memcpy(reinterpret_cast<void *>(target), source, bytes);
    return 0;
}
int cuMemcpyDtoHAsync_v2(void *target, unsigned long long source, size_t bytes, void *) {
    std::memcpy(target, reinterpret_cast<const void *>(source), bytes);
    return 0;
}
int cuStreamSynchronize(void *) {
    FAILS(cuStreamSynchronize);
    return 0;
}
int cuMemcpyDtoDAsync_v2(unsigned long long target, unsigned long long source, size_t bytes, void *) {
    std::memcpy(reinterpret_cast<void *>(target), reinterpret_cast<const void *>(source), bytes);
    return 0;
}
int cuMemHostAlloc(void **address, size_t bytes, unsigned) {
    FAILS(cuMemHostAlloc);
    *address = std::calloc(1, bytes);
    return 0;
}
int cuMemFreeHost(void *address) {
    std::free(address);
    note("freed");
    return 0;
}
int cuMemHostGetDevicePointer_v2(unsigned long long *address, void *host, unsigned) {
    *address = reinterpret_cast<uintptr_t>(host);
    return 0;
}

int cuEventCreate(void **event, unsigned) {
    *event = std::malloc(1);
    return 0;
}
int cuEventDestroy_v2(void *event) {
    std::free(event);
    return 0;
}
int cuEventRecord(void *, void *) { return 0; }
int cuEventSynchronize(void *) {
    FAILS(cuEventSynchronize);
    return 0;
}
int cuEventElapsedTime(float *milliseconds, void *, void *) {
    *milliseconds = 0.5f;
    return 0;
}

}  // extern "C"
