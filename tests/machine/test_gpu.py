"""What is said of GPUs without a driver; with one, tests/render/test_loading.py asks."""

from __future__ import annotations

import pytest

from splatworker.errors import GpuFailed, GpuTooOld, NoDriver, SplatError
from splatworker.machine import gpu


def test_a_machine_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "LIBRARIES", ("libno-such-driver.so.1", "libc.so.6"))
    assert gpu.has_driver()
    monkeypatch.setattr(gpu, "LIBRARIES", ("libno-such-driver.so.1",))
    assert not gpu.has_driver()
    found = gpu.find_gpus()
    assert (found["gpus"], found["cuda"], found["code"]) == ([], "", "no_driver")
    assert "libcuda.so.1 is not found" in found["reason"]


@pytest.mark.parametrize(
    ("code", "kind"), [("no_driver", NoDriver), ("gpu_too_old", GpuTooOld), ("gpu_failed", GpuFailed), ("?", GpuFailed)]
)
def test_a_gpu_that_cannot_be_used_is_an_error_with_advice(code: str, kind: type[SplatError]) -> None:
    error = gpu.unusable(code, "the driver is gone", "train")
    assert type(error) is kind
    assert (error.message, error.stage) == ("The driver is gone.", "train")
    assert error.hint


@pytest.mark.parametrize(
    ("visible", "words"), [(None, "shows no GPU"), ("", "hides every GPU"), ("7", 'is "7", which names none')]
)
def test_why_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch, visible: str | None, words: str) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert words in gpu._why_no_gpu()
