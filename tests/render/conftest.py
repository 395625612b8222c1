"""The backends under test, each held to the reference by the same tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from support.as_numpy import AsNumpy

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


@pytest.fixture(
    params=["cpu-baseline", "cpu-avx2", "cpu-avx512", "numpy", pytest.param("cuda", marks=pytest.mark.gpu)],
)
def renderer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Renderer:
    """A backend: the CPU's with each instruction set this processor has, once on numpy's arrays and else on
    torch's tensors, and CUDA where there is a GPU."""
    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("no NVIDIA GPU here")
        from splatworker.render.cuda import CudaRenderer

        return CudaRenderer()
    if request.param == "numpy":
        from splatworker.render.cpu import CpuRenderer

        return AsNumpy(CpuRenderer())
    return _cpu(monkeypatch, request.param.removeprefix("cpu-"))
