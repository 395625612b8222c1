"""Which renderer serves which device, and what is said where there is none."""

from __future__ import annotations

import pytest
import torch

from splatworker.errors import GpuFailed, TorchMissing, from_event
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
        backend.renderer_for("cpu", tensors=True)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_cpus_arrays_are_numpys_unless_tensors_are_wanted() -> None:
    assert backend.renderer_for("cpu").device == "cpu"
    assert backend.renderer_for("cpu", tensors=True).device == torch.device("cpu")


def test_a_gpu_without_torch_is_an_error_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find_gpus", lambda: {"code": "", "reason": ""})
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    assert isinstance(backend.renderer_for("auto"), CpuRenderer)
    with pytest.raises(TorchMissing) as refused:
        backend.renderer_for("cuda")
    assert refused.value.code == "torch_missing"
    assert "splatworker[torch]" in str(refused.value.hint)
