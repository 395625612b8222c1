"""Which renderer serves which device, and whose arrays it draws. torch is loaded where its tensors are wanted.

On a GPU a splat is trained and drawn on arrays of our own (`gpu_array`), or on torch's tensors where several processes
train together and where `SPLATWORKER_ARRAYS` says "torch".
"""

from __future__ import annotations

import functools
import os
from importlib.util import find_spec

from splatworker.errors import MachineError, SplatError
from splatworker.machine.gpu import find_gpus, unusable
from splatworker.machine.limits import available_cpus
from splatworker.render.arrays import Device
from splatworker.render.gpu_array import OwnGpu
from splatworker.render.interface import Renderer
from splatworker.render.opening import ARRAYS


def renderer_for(device: str = "auto", *, deterministic: bool = False, tensors: bool = False) -> Renderer:
    """The renderer for "cpu", "cuda", or "auto": the GPU where one can be used, else the CPU.

    With `deterministic`, training on the GPU repeats to the bit; on the CPU it does so in any case, and then from one
    processor to another too.

    Args:
        device: which.
        deterministic: see above.
        tensors: the trainer shall work with torch's tensors, on the CPU, too: several processes exchange them.

    Raises:
        MachineError: a GPU was asked for, and cannot be used; the code and the sentence say why.
    """
    device = chosen(device, tensors=tensors)
    if device == "cuda":
        _demand_gpu("train", tensors=tensors)
        if not tensors and arrays_on_gpu() == "own":
            from splatworker.render.own_cuda import OwnCudaRenderer  # noqa: PLC0415 - loads the GPU's driver

            return OwnCudaRenderer(OwnGpu(0), deterministic)
        _keep_torch_to_our_processors()
        from splatworker.render.cuda import CudaRenderer  # noqa: PLC0415 - loads the GPU's driver

        return CudaRenderer(deterministic)
    from splatworker.render.cpu import CpuRenderer  # noqa: PLC0415 - loads native code

    if not tensors:
        return CpuRenderer(deterministic=deterministic)
    if find_spec("torch") is None:
        raise _torch_missing()
    _keep_torch_to_our_processors()
    import torch  # noqa: PLC0415 - seconds, and most do without

    renderer = CpuRenderer(deterministic=deterministic, device=torch.device("cpu"))
    if deterministic:
        _keep_torch_to(renderer.instruction_set)
    return renderer


def _torch_missing() -> MachineError:
    return unusable("torch_missing", "torch is not installed, by which several processes train together", "train")


def arrays_on_gpu() -> str:
    """Whose arrays are used on a GPU in this process: "torch" or "own"."""
    asked = os.environ.get(ARRAYS, "")
    if asked in ("torch", "own"):
        return asked
    if asked:
        raise SplatError(f'{ARRAYS} is "{asked}".', hint='It is "own", "torch", or not set.')
    return "own"


@functools.cache
def torch_refusal() -> str:
    """Why torch's tensors cannot be on the GPU here, or "" where they can."""
    if find_spec("torch") is None:
        return f"torch is not installed, by which several processes train together, and which {ARRAYS} may ask for"
    import torch  # noqa: PLC0415 - seconds, and most do without

    if torch.cuda.is_available():
        return ""
    kind = "cannot use the GPU with this driver" if torch.version.cuda else "is the one without CUDA"
    return f"torch {torch.__version__} {kind}"


def _keep_torch_to_our_processors() -> None:
    """Those that this process may use, which torch does not ask for."""
    import torch  # noqa: PLC0415

    torch.set_num_threads(available_cpus())


def device_for(device: str, stage: str) -> Device:
    """Where the arrays of "cpu", "cuda", "cuda:0", or "auto" are, for who computes with them and draws nothing.

    Raises:
        MachineError: as `renderer_for`.
    """
    device = chosen(device)
    if device == "cpu":
        return "cpu"
    _demand_gpu(stage)
    if arrays_on_gpu() == "own":
        return OwnGpu(int(device.partition(":")[2] or 0))
    import torch  # noqa: PLC0415

    return torch.device(device)


def _demand_gpu(stage: str, *, tensors: bool = False) -> None:
    code, reason = cuda_refusal(tensors=tensors)
    if code:
        raise unusable(code, reason, stage)


def chosen(device: str, *, tensors: bool = False) -> str:
    """The device that "auto" means here: the GPU where one can be used; any other as it is."""
    if device == "auto":
        return "cuda" if cuda_is_usable(tensors=tensors) else "cpu"
    return device


def _keep_torch_to(instruction_set: str) -> None:
    """The same for torch's own kernels: their exponential, for one, has other last bits with AVX-512.

    They choose when the first of them is called; whoever has called one before must set these variables beforehand.
    """
    if instruction_set == "avx2":
        os.environ["ATEN_CPU_CAPABILITY"] = "avx2"
        os.environ["MKL_CBWR"] = "COMPATIBLE"  # the one choice of Intel's library that is the same on AMD's processors


def cuda_is_usable(*, tensors: bool = False) -> bool:
    """Whether there are a GPU and kernels for it in this installation, and where asked for, torch's `tensors` on it."""
    return not cuda_refusal(tensors=tensors)[0]


def cuda_refusal(*, tensors: bool = False) -> tuple[str, str]:
    """Why the GPU cannot be used here, or not with torch's `tensors`: a code of `errors` and a reason, or "" and ""."""
    found = find_gpus()  # first, since torch takes seconds to load
    if found["code"]:
        return found["code"], found["reason"]
    tensors = tensors or arrays_on_gpu() == "torch"
    if tensors and (reason := torch_refusal()):
        return "torch_missing" if find_spec("torch") is None else "gpu_unsupported", reason
    try:
        from splatworker import _cuda  # noqa: PLC0415 - loads the GPU's driver
    except ImportError:
        return "gpu_unsupported", "this installation has no CUDA kernels"
    if not tensors:
        return _cuda.obstacle(0)
    from splatworker.render.cuda import refusal  # noqa: PLC0415 - loads torch

    return refusal()
