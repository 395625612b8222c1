"""What doctor draws and times, on our own arrays, on a GPU of one thread a block. Not collected by itself:
`render/test_gpu_array.py` runs it."""

from __future__ import annotations

import pytest
from support.cpu_on_own_arrays import CpuOnOwnArrays

from splatworker.commands import checks
from splatworker.pipeline import expected_time
from splatworker.stages.progress import Silent


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("splatworker.render.backend.renderer_for", lambda device: CpuOnOwnArrays())


def test_a_gaussian_is_drawn() -> None:
    assert checks.draw_something(Silent())["device"] == "cuda:0"


def test_a_step_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected_time, "SIZE", (64, 48))
    monkeypatch.setattr(expected_time, "TIMED_GAUSSIANS", 100)
    told = checks.time_training(Silent())
    assert told["device"] == "cuda"
    assert told["seconds"] > 0
