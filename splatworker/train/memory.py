"""How many Gaussians memory holds, so that density control stops before the machine does."""

from __future__ import annotations

import math
import sys

from splatworker.machine.limits import available_memory
from splatworker.render.arrays import Device, device_of
from splatworker.render.device import free_memory, is_gpu
from splatworker.train.model import Model

_WORKING_COPIES = 5
"""A Gaussian's parameters, their gradients, two moments, and about as much again of a renderer's scratch memory."""

_COPIES_WHILE_CHANGING = 3
"""Parameters and moments exist twice while Gaussians are added."""


def gaussian_capacity(model: Model, more_copies: int = 0) -> int:
    """About how many Gaussians the device's memory can hold, those that are there included.

    `more_copies` of every Gaussian's parameters are needed beside those that any training needs.
    """
    available = free_bytes(device_of(model.parameters.means))
    if available is None:
        return 2**62
    per_copy: int = sum(math.prod(array.shape[1:]) * array.itemsize for array in model.parameters)
    spare = available - len(model) * per_copy * _COPIES_WHILE_CHANGING
    return len(model) + max(0, spare) // (per_copy * (_WORKING_COPIES + more_copies + _COPIES_WHILE_CHANGING))


def free_bytes(device: Device) -> int | None:
    """Bytes that can still be allocated on a device; None if unknown."""
    return free_memory(device) if is_gpu(device) else available_memory()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out, on the GPU or on the machine."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")  # who has not loaded it cannot have raised its error
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)  # torch's CPU allocator
