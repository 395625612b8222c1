"""The renderer on an NVIDIA GPU, `kernel_renderer`, on arrays of our own (`gpu_array`): torch is not needed."""

from __future__ import annotations

import numpy as np

from splatworker import _cuda
from splatworker.render import gpu_kernels
from splatworker.render.gpu_array import GpuArray, OwnGpu
from splatworker.render.interface import CONTRIBUTION_HEADER, Loss
from splatworker.render.kernel_renderer import KernelRenderer

_DTYPES = {name: np.dtype(name) for name in ("float32", "uint8")}

_LOSSES_AT_ONCE = 64
"""Losses that lie one behind the other, so that those of several steps are fetched at once."""

_LEGACY_STREAM = 0
"""As the driver counts: where all work on our own arrays is queued (kernels/cuda/memory.h)."""


class _Scratch:
    """The renderer's memory: one array, replaced where it turned out too small."""

    def __init__(self, device: OwnGpu) -> None:
        self._device = device
        self._memory: GpuArray | None = None

    def allocate(self, size: int) -> int:
        """The address of `size` bytes."""
        self._memory = None  # what it held is not needed any more: let it go first
        self._memory = GpuArray(self._device, (size,), "uint8")
        return self._memory.address


class OwnCudaRenderer(KernelRenderer):
    """The `Renderer` on a CUDA device, for `GpuArray`s.

    Args:
        device: the GPU.
        deterministic: as for `cuda.CudaRenderer`.
    """

    device: OwnGpu

    def __init__(self, device: OwnGpu, deterministic: bool = False) -> None:
        self.device = device
        super().__init__(_cuda.Renderer(device.index, deterministic, _Scratch(device).allocate))
        self._losses: GpuArray | None = None
        self._losses_begun = 0

    def _empty(self, *shape: int) -> GpuArray:
        return GpuArray(self.device, shape, "float32")

    def _zeros(self, *shape: int) -> GpuArray:
        zeros = self._empty(*shape)
        zeros[...] = 0
        return zeros

    def _loss_values(self) -> GpuArray:
        if self._losses is None or self._losses_begun == _LOSSES_AT_ONCE:
            self._losses, self._losses_begun = self._empty(_LOSSES_AT_ONCE, 3), 0
        self._losses_begun += 1
        return self._losses[self._losses_begun - 1]

    def _loss(self, values: GpuArray, weight: float) -> Loss:
        if weight != 1:
            gpu_kernels.weigh_loss(values, weight)
        return Loss(*(values[k] for k in range(3)))

    def _weigh(self, contribution: GpuArray, weight: float) -> None:
        gpu_kernels.weigh_loss(contribution[1:CONTRIBUTION_HEADER], weight)

    def _at(self, array: GpuArray) -> int:
        return array.address

    def _stream(self) -> int:
        return _LEGACY_STREAM

    def _address(self, array: GpuArray, dtype: str, numel: int, name: str) -> int:
        if not isinstance(array, GpuArray) or array.dtype != _DTYPES[dtype] or array.size != numel:
            raise ValueError(f"{name} is {array!r}, not {numel} numbers of {dtype} on {self.device}")
        if array.device is not self.device and array.device != self.device:
            raise ValueError(f"{name} is on {array.device}, not on {self.device}")
        return array.address
