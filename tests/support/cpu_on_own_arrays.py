"""A renderer that draws on the processor what lies in the memory of a stand-in GPU (`support.one_thread`), whose memory
is the host's: all but the drawing of a training on our own arrays runs then as on a true one."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from typing import Any

import numpy as np

from splatworker.render.arrays import to_device
from splatworker.render.cpu import CpuRenderer
from splatworker.render.gpu_array import GpuArray, OwnGpu
from splatworker.render.interface import View


class CpuOnOwnArrays:
    """A renderer of the CPU; a `GpuArray` goes in as numpy's on its memory, and numpy's come out as `GpuArray`s."""

    device = OwnGpu(0)

    def __init__(self, *, deterministic: bool = False) -> None:
        self._renderer = CpuRenderer(deterministic=deterministic)

    @property
    def antialiasing(self) -> bool:
        """The renderer's own."""
        return self._renderer.antialiasing

    @antialiasing.setter
    def antialiasing(self, wanted: bool) -> None:
        self._renderer.antialiasing = wanted

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._renderer, name)
        if not callable(member):
            return member
        return lambda *args, **kwargs: own(member(*map(seen, args), **{k: seen(v) for k, v in kwargs.items()}))


def seen(value: Any) -> Any:
    """A value with numpy's arrays in the place of every one of ours within it, on the same memory."""
    match value:
        case GpuArray():
            memory = memoryview((ctypes.c_uint8 * value.nbytes).from_address(value.address))
            return np.frombuffer(memory, value.dtype).reshape(value.shape)
        case View():
            return replace(value, photo=seen(value.photo), ignored=seen(value.ignored))
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*map(seen, value))
        case _:
            return value


def own(value: Any) -> Any:
    """A value with one of our arrays in the place of every one of numpy's within it."""
    match value:
        case np.ndarray() | np.generic():
            return to_device(np.asarray(value), CpuOnOwnArrays.device)
        case tuple():
            parts = map(own, value)
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        case _:
            return value
