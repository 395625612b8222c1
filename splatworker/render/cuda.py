"""The renderer on an NVIDIA GPU, `kernel_renderer`, on torch's tensors."""

from __future__ import annotations

import torch

from splatworker import _cuda
from splatworker.render.ignored import weighted
from splatworker.render.interface import CONTRIBUTION_HEADER, Loss
from splatworker.render.kernel_renderer import KernelRenderer

_DTYPES = {"float32": torch.float32, "uint8": torch.uint8}


def obstacle() -> str:
    """Why our kernels do not run on the current CUDA device, or "" where they do: built for other GPUs, old driver."""
    return refusal()[1]


def refusal() -> tuple[str, str]:
    """The same, after its code (`errors`), or "" and ""."""
    return _cuda.obstacle(torch.cuda.current_device())


class _Scratch:
    """The renderer's memory: one tensor, replaced where it turned out too small."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._memory: torch.Tensor | None = None

    def allocate(self, size: int) -> int:
        """The address of `size` bytes."""
        self._memory = None  # what it held is not needed any more: let the allocator have it back first
        self._memory = torch.empty(size, dtype=torch.uint8, device=self._device)
        return self._memory.data_ptr()


class CudaRenderer(KernelRenderer):
    """The `Renderer` on the current CUDA device, for torch's tensors.

    Work is queued on torch's current stream. Scratch memory comes from torch's allocator, so it counts in torch's
    statistics and running out of it raises `torch.OutOfMemoryError`; it grows with the largest frame and stays.

    Args:
        deterministic: training steps give the same to the bit every time, by sums in fixed point. Without it only
            images do; gradients are summed in whatever order the GPU's blocks happen to run.
    """

    device: torch.device

    def __init__(self, deterministic: bool = False) -> None:
        self.device = torch.device("cuda", torch.cuda.current_device())
        super().__init__(_cuda.Renderer(self.device.index, deterministic, _Scratch(self.device).allocate))

    def _empty(self, *shape: int) -> torch.Tensor:
        return torch.empty(shape, device=self.device)

    def _zeros(self, *shape: int) -> torch.Tensor:
        return torch.zeros(shape, device=self.device)

    def _loss_values(self) -> torch.Tensor:
        return torch.empty(3, device=self.device)

    def _loss(self, values: torch.Tensor, weight: float) -> Loss:
        loss = Loss(*values.unbind())
        return loss if weight == 1 else weighted(loss, weight)

    def _weigh(self, contribution: torch.Tensor, weight: float) -> None:
        of_all = Loss(*contribution[1:CONTRIBUTION_HEADER].clone().unbind())
        contribution[1:CONTRIBUTION_HEADER] = torch.stack(weighted(of_all, weight))

    def _at(self, array: torch.Tensor) -> int:
        return array.data_ptr()

    def _stream(self) -> int:
        return torch.cuda.current_stream(self.device).cuda_stream

    def _address(self, array: torch.Tensor, dtype: str, numel: int, name: str) -> int:
        if array.dtype != _DTYPES[dtype] or array.numel() != numel or array.device != self.device:
            raise ValueError(
                f"{name} is {array.dtype} with {array.numel()} values on {array.device}, "
                f"not {_DTYPES[dtype]} with {numel} on {self.device}"
            )
        if not array.is_contiguous():
            raise ValueError(f"{name} is not contiguous")
        return array.data_ptr()
