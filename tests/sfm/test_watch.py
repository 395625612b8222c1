"""A call of COLMAP that is watched: polled, ended, left behind."""

from __future__ import annotations

import threading

import pytest
from support.waiting import PATIENCE_S

from splatworker.errors import Cancelled
from splatworker.sfm.watch import Cancellation, watch


def test_a_watched_call_returns_raises_and_is_polled() -> None:
    polled = threading.Event()

    def seven() -> int:
        assert polled.wait(PATIENCE_S)
        return 7

    assert watch(seven, polled.set, Cancellation()) == 7
    with pytest.raises(ZeroDivisionError):
        watch(lambda: 1 // 0, lambda: None, Cancellation())


def test_a_watched_call_that_knows_no_cancellation_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("splatworker.sfm.watch._GRACE_S", 0.1)
    cancellation, release = Cancellation(), threading.Event()
    with pytest.raises(Cancelled):
        watch(release.wait, cancellation.request, cancellation)
    assert cancellation.requested
    release.set()
    with pytest.raises(Cancelled):
        watch(lambda: pytest.fail("not started"), lambda: None, cancellation)
