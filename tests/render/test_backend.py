"""Which renderer serves which device, and what is said where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support.one_thread import one_thread_gpu
from support.without_torch import without_torch

from splatworker.errors import GpuFailed, SplatError, TorchMissing, from_event
from splatworker.render import backend, opening
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
    monkeypatch.setattr(backend, "torch_refusal", lambda: "torch is not installed")
    monkeypatch.setattr(backend, "find_spec", lambda name: None)
    monkeypatch.setenv(opening.ARRAYS, "torch")
    assert isinstance(backend.renderer_for("auto"), CpuRenderer)
    with pytest.raises(TorchMissing) as refused:
        backend.renderer_for("cuda")
    assert refused.value.code == "torch_missing"
    assert "pip install 'torch>=2.8'" in str(refused.value.hint)


OWN_WITHOUT_TORCH = """
import json
from splatworker.render import backend, opening
renderer = backend.renderer_for("cuda")
try:
    backend.renderer_for("cuda", tensors=True)
except backend.MachineError as error:
    code = error.code
print(json.dumps([backend.cuda_refusal()[0], type(renderer).__name__, str(renderer.device),
                  str(backend.device_for("cuda:0", "export")), backend.arrays_on_gpu(), code]))
"""


def test_a_gpu_without_torch_works_on_our_own_arrays(tmp_path: Path) -> None:
    environment = {**without_torch(tmp_path / "python"), **one_thread_gpu(tmp_path)}
    environment["PYTHONPATH"] = str(tmp_path / "python")
    done = subprocess.run(
        [sys.executable, "-c", OWN_WITHOUT_TORCH], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["", "OwnCudaRenderer", "cuda:0", "cuda:0", "own", "torch_missing"]


def test_whose_arrays_are_used_can_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked in ("own", "torch"):
        monkeypatch.setenv(opening.ARRAYS, asked)
        assert backend.arrays_on_gpu() == asked
    monkeypatch.setenv(opening.ARRAYS, "jax")
    with pytest.raises(SplatError, match='SPLATWORKER_ARRAYS is "jax"'):
        backend.arrays_on_gpu()
    monkeypatch.delenv(opening.ARRAYS)
    assert backend.arrays_on_gpu() == "own"
