"""Which renderer serves which device, and what is said where there is none."""

from __future__ import annotations

import pytest
import torch

from splatworker.errors import GpuFailed, from_event
from splatworker.render import backend
from splatworker.render.cpu import CpuRenderer

WITHOUT = pytest.mark.skipif(torch.cuda.is_available(), reason="there is an NVIDIA GPU here")


@WITHOUT
def test_without_a_gpu_auto_is_the_cpu() -> None:
    assert not backend.cuda_is_usable()
    assert isinstance(backend.renderer_for("auto"), CpuRenderer)


@WITHOUT
def test_asking_for_a_gpu_where_there_is_none_says_why() -> None:
    code, reason = backend.cuda_refusal()
    assert reason
    assert isinstance(from_event({"code": code}), GpuFailed)
    with pytest.raises(GpuFailed) as refused:
        backend.renderer_for("cuda")
    assert refused.value.code == code


def test_torch_gets_the_processors_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(backend, "available_cpus", lambda: 1)
    try:
        backend.renderer_for("cpu")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
