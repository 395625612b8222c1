"""What is asked of a device that only a GPU has: work to wait for, memory of its own, a place among several.

Whoever trains, exports or stores splats asks here, and need not know what kind of GPU there is. On a CPU every verb is
nothing, or None.
"""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

import torch


def is_gpu(device: torch.device) -> bool:
    """Whether a device is a GPU: work on it goes on while the host does, and has memory of its own."""
    return device.type == "cuda"


def has_gpu() -> bool:
    """Whether torch can use a GPU here; `backend.cuda_is_usable` asks for kernels of ours as well."""
    return torch.cuda.is_available()


def gpu_count() -> int:
    """How many GPUs torch can use."""
    return torch.cuda.device_count()


def make_current(number: int) -> None:
    """Let a GPU, by its number from 0, be the one that is meant where none is named."""
    torch.cuda.set_device(number)


def current(device: torch.device) -> AbstractContextManager[object]:
    """Within the block a GPU is the one that is meant where none is named."""
    return torch.cuda.device(device) if is_gpu(device) else contextlib.nullcontext()


def synchronise(device: torch.device) -> None:
    """Wait for what was queued on a device."""
    if is_gpu(device):
        torch.cuda.synchronize(device)


def free_memory(device: torch.device) -> int | None:
    """Bytes that can still be allocated on a GPU, those that torch holds and does not use included; None on a CPU."""
    if not is_gpu(device):
        return None
    free, _ = torch.cuda.mem_get_info(device)
    reserved_unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return free + reserved_unused


def peak_memory(device: torch.device) -> int | None:
    """The most bytes that this process has had allocated on a GPU, kernels' scratch memory included; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) if is_gpu(device) else None


def give_back_memory() -> None:
    """Give memory of GPUs that torch holds and does not use back to the system."""
    if has_gpu():
        torch.cuda.empty_cache()


def event(device: torch.device) -> torch.cuda.Event | None:
    """A mark that can be set among what is queued on a GPU, and waited for; None on a CPU, where nothing is queued."""
    return torch.cuda.Event() if is_gpu(device) else None  # type: ignore[no-untyped-call]
