// Preloaded, makes a process find the driver where Windows puts it into WSL, and nowhere else: that folder is the one
// in FAKE_LIBRARIES.
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <string>

extern "C" void *dlopen(const char *name, int flags) {
    using Open = void *(*)(const char *, int);
    static const Open open = reinterpret_cast<Open>(dlsym(RTLD_NEXT, "dlopen"));
    static const std::string folder = "/usr/lib/wsl/lib/";
    if (name && std::strcmp(name, "libcuda.so.1") == 0) return nullptr;
    if (name && folder + "libcuda.so.1" == name) {
        const std::string stand_in = std::getenv("FAKE_LIBRARIES") + std::string("/libcuda.so.1");
        return open(stand_in.c_str(), flags);
    }
    return open(name, flags);
}
