"""Which GPUs there are, asked of the NVIDIA driver itself: without torch, and in a process that may hang.

`splatworker probe --json` prints what `find_gpus` finds. It runs as a child process, because a broken driver can hang
whoever calls it. What the kernels need of driver and GPU is checked again where they are loaded, in the same words
(kernels/cuda/driver.cpp and gpu.cpp).
"""

from __future__ import annotations

import ctypes
import os
from importlib.util import find_spec
from typing import Any

from splatworker.errors import (
    DriverTooOld,
    GpuFailed,
    GpuTooOld,
    GpuUnsupported,
    MachineError,
    NoDriver,
    NoGpu,
    OutOfMemory,
    TorchMissing,
)

LEAST_CUDA = (12, 0)
"""The CUDA version that the driver must support, that of driver 525.60.13: our machine code is of CUDA 12, and opens
with every driver from there on."""

LEAST_CAPABILITY = (7, 5)
"""Compute capability of the oldest GPUs that there are kernels for: Turing."""

LIBRARIES = ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1")
"""The driver's own library; the second is where Windows puts it into a Linux of its own (WSL)."""

_NAME_BYTES = 256
_ATTRIBUTE_MAJOR, _ATTRIBUTE_MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of the CUDA driver API."""

_OUT_OF_MEMORY, _NEWER_THAN_DRIVER, _NO_DEVICE, _DRIVER_DOES_NOT_FIT = 2, 35, 100, 803
"""Its error codes."""

_HINTS: dict[type[MachineError], str] = {
    NoDriver: "Install NVIDIA's driver 525.60.13 or newer; in a container, start it with docker run --gpus all.",
    DriverTooOld: "Install NVIDIA's driver 525.60.13 or newer (570 for GPUs of 2025), or choose machines that have it.",
    NoGpu: "Check nvidia-smi and CUDA_VISIBLE_DEVICES; in a container, start it with docker run --gpus all.",
    GpuTooOld: "Choose a GPU of the RTX 20 series, a T4, or anything newer.",
    GpuUnsupported: "Install splatworker with kernels for this GPU (docs/cuda.md), or torch with CUDA, if asked for.",
    TorchMissing: "Install it with pip install 'torch>=2.8', or train on the CPU with --device cpu.",
    OutOfMemory: "End what else uses the GPU, or choose another one with CUDA_VISIBLE_DEVICES.",
    GpuFailed: "Restart the machine, or choose another one.",
}


def find_gpus() -> dict[str, Any]:
    """The CUDA devices, and whether our trainer can use them.

    Returns:
        gpus: [{"name", "memory_bytes", "compute_capability"}], the one that a job would use first; none where that one
            cannot be used.
        cuda: the version that the driver supports, such as "13.0", or "".
        reason: why there is no device to use, or "".
        code: the same as a code of `errors`, or "".
        kernels: this installation has CUDA kernels.
    """
    found: dict[str, Any] = {"gpus": [], "cuda": "", "reason": "", "code": "", "kernels": has_kernels()}
    try:
        cuda = _open_driver()
        supported = ctypes.c_int()
        cuda.cuDriverGetVersion(ctypes.byref(supported))
        found["cuda"] = f"{supported.value // 1000}.{supported.value % 1000 // 10}"
        found["gpus"] = _usable_gpus(cuda, found["cuda"])
    except MachineError as error:
        found |= {"reason": error.message, "code": error.code}
    return found


def has_driver() -> bool:
    """Whether an NVIDIA driver is installed, be there a GPU or not: told at once, where `find_gpus` waits for it."""
    try:
        _open_driver()
    except NoDriver:
        return False
    return True


def has_kernels() -> bool:
    """Whether the native trainer was installed for GPUs; nothing is loaded to find out."""
    return find_spec("splatworker._cuda") is not None


def unusable(code: str, reason: str, stage: str | None = None) -> MachineError:
    """The error for a GPU that cannot be used, as `find_gpus` and the kernels tell it, with what to do about it."""
    kind = next((kind for kind in _HINTS if kind.code == code), GpuFailed)
    return kind(f"{reason[:1].upper()}{reason[1:]}.", hint=_HINTS[kind], stage=stage)


def _open_driver() -> ctypes.CDLL:
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise NoDriver("no NVIDIA driver is installed (libcuda.so.1 is not found)")


def _usable_gpus(cuda: ctypes.CDLL, supported: str) -> list[dict[str, Any]]:
    if tuple(int(part) for part in supported.split(".")) < LEAST_CUDA:
        raise DriverTooOld(
            f"the NVIDIA driver supports CUDA {supported}, and 12.0 is needed (driver 525.60.13 or newer)"
        )
    count = ctypes.c_int()
    status = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count))
    if status == _NO_DEVICE or (status == 0 and count.value == 0):
        raise NoGpu(_why_no_gpu())
    if status in (_NEWER_THAN_DRIVER, _DRIVER_DOES_NOT_FIT):
        raise DriverTooOld(f"the NVIDIA driver does not fit this system: it reports error {status}")
    if status == _OUT_OF_MEMORY:
        raise OutOfMemory("no memory is left to open the GPU with")
    if status:
        raise GpuFailed(f"the NVIDIA driver reports error {status}")
    gpus = [_describe(cuda, index) for index in range(count.value)]
    capability = gpus[0]["compute_capability"]
    if tuple(int(part) for part in capability.split(".")) < LEAST_CAPABILITY:
        raise GpuTooOld(
            f"the GPU {gpus[0]['name']} (compute capability {capability}) is too old: 7.5 is needed "
            "(Turing: RTX 20 series, T4, and newer)"
        )
    return gpus


def _why_no_gpu() -> str:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return "the NVIDIA driver shows no GPU"
    if not visible:
        return "CUDA_VISIBLE_DEVICES is empty, which hides every GPU"
    return f'the NVIDIA driver shows no GPU: CUDA_VISIBLE_DEVICES is "{visible}", which names none of this machine\'s'


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
