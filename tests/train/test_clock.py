"""The clock stands still while something happens that is no training."""

from __future__ import annotations

import pytest
import torch

from splatworker.train.clock import Clock


def test_what_happens_while_it_is_stopped_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    clock = Clock(torch.device("cpu"))
    now = 103.0
    with clock.stopped():
        now = 150.0
    now = 151.0
    assert clock.seconds() == 4.0
