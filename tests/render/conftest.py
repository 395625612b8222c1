"""The backends under test, each held to the reference by the same tests."""

from __future__ import annotations

import pytest
import torch


def _cpu(monkeypatch, instruction_set):
    from splatworker.render.cpu import CpuRenderer

    monkeypatch.setenv("SPLATWORKER_ISA", instruction_set)
    renderer = CpuRenderer()
    if renderer.instruction_set != instruction_set:
        pytest.skip(f"this processor has no {instruction_set}")
    return renderer


@pytest.fixture(
    params=["cpu-baseline", "cpu-avx2", "cpu-avx512", pytest.param("cuda", marks=pytest.mark.gpu)],
)
def renderer(request, monkeypatch):
    """A backend: the CPU's with each instruction set this processor has, and CUDA where there is a GPU."""
    if request.param == "cuda":
        if not torch.cuda.is_available():
            pytest.skip("no NVIDIA GPU here")
        from splatworker.render.cuda import CudaRenderer

        return CudaRenderer()
    return _cpu(monkeypatch, request.param.removeprefix("cpu-"))
