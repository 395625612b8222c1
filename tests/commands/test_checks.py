"""Whether this machine can do a job at all: the kernels and COLMAP are really asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from splatworker import cli
from splatworker.commands import checks
from splatworker.errors import GpuFailed, from_event
from splatworker.render.cpu import CpuRenderer
from splatworker.stages.progress import Silent


def test_a_gaussian_is_drawn_where_a_job_would_be_done() -> None:
    told = checks.draw_something(Silent())
    if torch.cuda.is_available():
        return
    assert told["device"] == "cpu"
    assert told["reason"]
    assert isinstance(from_event({"code": told["code"]}), GpuFailed)


def test_kernels_that_draw_nothing_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("splatworker.render.backend.cuda_is_usable", lambda **_: False)
    monkeypatch.setattr(CpuRenderer, "render", lambda *_: np.zeros((3, 32, 32), np.float32))
    with pytest.raises(GpuFailed, match="draw nothing"):
        checks.draw_something(Silent())


def test_kernels_that_do_not_run_are_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("illegal instruction\nand a stack of calls")

    monkeypatch.setattr("splatworker.render.backend.cuda_is_usable", lambda **_: False)
    monkeypatch.setattr(CpuRenderer, "render", fail)
    with pytest.raises(GpuFailed, match=r"machine: illegal instruction$"):
        checks.draw_something(Silent())


def test_the_checks_are_commands() -> None:
    assert {"check-colmap", "check-kernels"} <= checks.CHECKS.keys() <= set(cli._WORKERS_OWN)
