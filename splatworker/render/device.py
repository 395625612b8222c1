"""What is asked of a device that only a GPU has: work to wait for, memory of its own, a place among several.

Whoever trains, exports or stores splats asks here, and need not know what kind of GPU there is. On a CPU every verb is
nothing, or None, and torch is not loaded.
"""

from __future__ import annotations

import contextlib
import sys
from contextlib import AbstractContextManager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from splatworker.machine.gpu import find_gpus
from splatworker.render.arrays import Device
from splatworker.render.gpu_array import OwnGpu, opened

if TYPE_CHECKING:
    import torch


def is_gpu(device: Device) -> bool:
    """Whether a device is a GPU: work on it goes on while the host does, and has memory of its own."""
    return not isinstance(device, str) and device.type == "cuda"


def kind(device: Device) -> str:
    """What a device is: "cpu" or "cuda"."""
    return device if isinstance(device, str) else device.type


def has_gpu() -> bool:
    """Whether torch is there and can use a GPU; `backend.cuda_is_usable` asks for kernels of ours as well."""
    if find_spec("torch") is None or find_gpus()["code"]:  # the driver is asked first: torch takes a second to load
        return False
    import torch  # noqa: PLC0415

    return torch.cuda.is_available()


def gpu_count() -> int:
    """How many GPUs torch can use."""
    import torch  # noqa: PLC0415

    return torch.cuda.device_count()


def make_current(number: int) -> None:
    """Let a GPU, by its number from 0, be the one that is meant where none is named."""
    import torch  # noqa: PLC0415

    torch.cuda.set_device(number)


def current(device: Device) -> AbstractContextManager[object]:
    """Within the block a GPU is the one that is meant where none is named."""
    if not is_gpu(device) or isinstance(device, OwnGpu):  # our own calls name theirs
        return contextlib.nullcontext()
    import torch  # noqa: PLC0415

    return torch.cuda.device(device)


def synchronise(device: Device) -> None:
    """Wait for what was queued on a device."""
    if isinstance(device, OwnGpu):
        device.memory.wait()
        return
    if is_gpu(device):
        import torch  # noqa: PLC0415

        torch.cuda.synchronize(device)


def free_memory(device: Device) -> int | None:
    """Bytes that can still be allocated on a GPU, those that torch holds and does not use included; None on a CPU."""
    if isinstance(device, OwnGpu):
        return device.memory.free_bytes()
    if not is_gpu(device):
        return None
    import torch  # noqa: PLC0415

    free, _ = torch.cuda.mem_get_info(device)
    reserved_unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free + reserved_unused


def peak_memory(device: Device) -> int | None:
    """The most bytes that this process has had allocated on a GPU, kernels' scratch memory included; None on a CPU."""
    if isinstance(device, OwnGpu):
        most: int = device.memory.peak
        return most
    if not is_gpu(device):
        return None
    import torch  # noqa: PLC0415

    return torch.cuda.max_memory_allocated(device)


def give_back_memory() -> None:
    """Give memory of GPUs that is held and not used back to the system."""
    for memory in opened():
        memory.give_back()
    torch = sys.modules.get("torch")  # who has not loaded it holds none
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def event(device: Device) -> torch.cuda.Event | None:
    """A mark that can be set among what is queued on a GPU, and waited for; None on a CPU, where nothing is queued."""
    if not is_gpu(device):
        return None
    import torch  # noqa: PLC0415

    return torch.cuda.Event()  # type: ignore[no-untyped-call]
