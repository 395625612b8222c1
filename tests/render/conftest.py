"""The backends under test, each held to the reference by the same tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from support.as_numpy import AsNumpy

from splatworker.render.backend import cuda_refusal
from splatworker.render.gpu_array import OwnGpu
from splatworker.render.interface import Renderer

if TYPE_CHECKING:
    from splatworker.render.cpu import CpuRenderer


def _cpu(monkeypatch: pytest.MonkeyPatch, instruction_set: str) -> CpuRenderer:
    from splatworker.render.cpu import CpuRenderer

    monkeypatch.setenv("SPLATWORKER_ISA", instruction_set)
    renderer = CpuRenderer()
    if renderer.instruction_set != instruction_set:
        pytest.skip(f"this processor has no {instruction_set}")
    return renderer


ON_A_GPU = [pytest.param(name, marks=pytest.mark.gpu) for name in ("cuda", "own-cuda")]


@pytest.fixture(params=["cpu-baseline", "cpu-avx2", "cpu-avx512", "numpy", *ON_A_GPU])
def renderer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Renderer:
    """A backend: the CPU's with each instruction set this processor has, once on numpy's arrays and else on
    torch's tensors, and CUDA where there is a GPU: on torch's tensors, and on our own arrays."""
    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("no NVIDIA GPU here")
        from splatworker.render.cuda import CudaRenderer

        return CudaRenderer()
    if request.param == "own-cuda":
        if cuda_refusal()[0]:
            pytest.skip("no NVIDIA GPU here")
        from support.as_own import AsOwn

        from splatworker.render.own_cuda import OwnCudaRenderer

        return AsOwn(OwnCudaRenderer(OwnGpu(0)))
    if request.param == "numpy":
        from splatworker.render.cpu import CpuRenderer

        return AsNumpy(CpuRenderer())
    return _cpu(monkeypatch, request.param.removeprefix("cpu-"))
