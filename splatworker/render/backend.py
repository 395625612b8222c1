"""Which renderer serves which device."""

from __future__ import annotations

import os

import torch

from splatworker.machine.gpu import find_gpus, unusable
from splatworker.machine.limits import available_cpus
from splatworker.render.interface import Renderer


def renderer_for(device: str = "auto", *, deterministic: bool = False) -> Renderer:
    """The renderer for "cpu", "cuda", or "auto": the GPU where one can be used, else the CPU.

    Also sets torch's threads to the processors that this process may use. With `deterministic`, training on the GPU
    repeats to the bit; on the CPU it does so in any case, and then from one processor to another too.

    Raises:
        MachineError: a GPU was asked for, and cannot be used; the code and the sentence say why.
    """
    torch.set_num_threads(available_cpus())
    device = chosen(device)
    if device == "cuda":
        code, reason = cuda_refusal()
        if code:
            raise unusable(code, reason, "train")
        from splatworker.render.cuda import CudaRenderer  # noqa: PLC0415 - loads the GPU's driver

        return CudaRenderer(deterministic)
    from splatworker.render.cpu import CpuRenderer  # noqa: PLC0415 - loads native code

    renderer = CpuRenderer(deterministic=deterministic)
    if deterministic:
        _keep_torch_to(renderer.instruction_set)
    return renderer


def chosen(device: str) -> str:
    """The device that "auto" means here: the GPU where one can be used; any other as it is."""
    if device == "auto":
        return "cuda" if cuda_is_usable() else "cpu"
    return device


def _keep_torch_to(instruction_set: str) -> None:
    """The same for torch's own kernels: their exponential, for one, has other last bits with AVX-512.

    They choose when the first of them is called; whoever has called one before must set these variables beforehand.
    """
    if instruction_set == "avx2":
        os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
        os.environ["MKL_CBWR"] = "COMPATIBLE"  # the one choice of Intel's library that is the same on AMD's processors


def cuda_is_usable() -> bool:
    """Whether there are a GPU, a torch that can use it, and kernels for it in this installation."""
    return not cuda_refusal()[0]


def cuda_refusal() -> tuple[str, str]:
    """Why the GPU cannot be used here: a code of `errors` and a reason; "" and "" where it can."""
    if not torch.cuda.is_available():
        found = find_gpus()
        if found["code"]:
            return found["code"], found["reason"]
        kind = "cannot use the GPU with this driver" if torch.version.cuda else "is the one without CUDA"
        return "gpu_unsupported", f"torch {torch.__version__} {kind}"
    try:
        from splatworker.render.cuda import refusal  # noqa: PLC0415 - loads the GPU's driver
    except ImportError:
        return "gpu_unsupported", "this installation has no CUDA kernels"
    return refusal()
