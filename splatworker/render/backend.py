"""Which renderer serves which device."""

from __future__ import annotations

import torch

from splatworker.errors import SplatError
from splatworker.machine import available_cpus
from splatworker.render.interface import Renderer


def renderer_for(device: str = "auto", *, deterministic: bool = False) -> Renderer:
    """The renderer for "cpu", "cuda", or "auto": the GPU where one can be used, else the CPU.

    Also sets torch's threads to the processors that this process may use. With `deterministic`, training on the GPU
    repeats to the bit; on the CPU it does so in any case, and then from one processor to another too.

    Raises:
        SplatError: a GPU was asked for, and there is none.
    """
    torch.set_num_threads(available_cpus())
    if device == "auto":
        device = "cuda" if cuda_is_usable() else "cpu"
    if device == "cuda":
        if not cuda_is_usable():
            raise SplatError(
                "There is no NVIDIA GPU that this process can use.", hint="Use --device cpu.", stage="train"
            )
        from splatworker.render.cuda import CudaRenderer  # noqa: PLC0415 - loads the GPU's driver

        return CudaRenderer(deterministic)
    from splatworker.render.cpu import CpuRenderer  # noqa: PLC0415 - loads native code

    return CpuRenderer(deterministic=deterministic)


def cuda_is_usable() -> bool:
    """Whether there are a GPU, a torch that speaks to it, and kernels for it in this installation."""
    if not torch.cuda.is_available():
        return False
    try:
        from splatworker.render.cuda import obstacle  # noqa: PLC0415 - loads the GPU's driver
    except ImportError:
        return False
    return not obstacle()
