"""Which GPUs there are, asked of the NVIDIA driver itself: without torch, and in a process that may hang.

`splatworker probe --json` prints what `find_gpus` finds. It runs as a child process, because a broken driver can hang
whoever calls it.
"""

from __future__ import annotations

import ctypes
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from splatworker.progress import Reporter

_NAME_BYTES = 256
_ATTRIBUTE_MAJOR, _ATTRIBUTE_MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of the CUDA driver API."""


def find_gpus(report: Reporter | None = None) -> dict[str, Any]:
    """The CUDA devices, and whether our trainer can use them.

    Returns:
        gpus: [{"name", "memory_bytes", "compute_capability"}].
        cuda: the version that the driver speaks, such as "13.0", or "".
        reason: why there is no device, or "".
        kernels: this installation has CUDA kernels, and a torch that knows CUDA.
    """
    nothing = {"gpus": [], "cuda": "", "kernels": has_kernels()}
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return nothing | {"reason": "no NVIDIA driver is installed"}
    if status := cuda.cuInit(0):
        return nothing | {"reason": f"the NVIDIA driver reports error {status}"}
    version, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    cuda.cuDeviceGetCount(ctypes.byref(count))
    return {
        "gpus": [_describe(cuda, index) for index in range(count.value)],
        "cuda": f"{version.value // 1000}.{version.value % 1000 // 10}",
        "reason": "" if count.value else "the NVIDIA driver shows no device",
        "kernels": has_kernels(),
    }


def has_kernels() -> bool:
    """Whether the native trainer was installed for GPUs; nothing is loaded to find out."""
    try:
        torch_knows_cuda = not version("torch").endswith("+cpu")
    except PackageNotFoundError:
        return False
    return torch_knows_cuda and find_spec("splatworker._cuda") is not None


def _describe(cuda: ctypes.CDLL, index: int) -> dict[str, Any]:
    device, major, minor, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    name = ctypes.create_string_buffer(_NAME_BYTES)
    cuda.cuDeviceGet(ctypes.byref(device), index)
    cuda.cuDeviceGetName(name, _NAME_BYTES, device)
    cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    cuda.cuDeviceGetAttribute(ctypes.byref(major), _ATTRIBUTE_MAJOR, device)
    cuda.cuDeviceGetAttribute(ctypes.byref(minor), _ATTRIBUTE_MINOR, device)
    return {
        "name": name.value.decode(errors="replace"),
        "memory_bytes": memory.value,
        "compute_capability": f"{major.value}.{minor.value}",
    }
