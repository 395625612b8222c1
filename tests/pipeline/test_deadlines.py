"""A job's deadline among its stages."""

from __future__ import annotations

import itertools
import time

import pytest

from splatworker.pipeline.deadlines import SHARES, stage_deadline


def test_every_stage_leaves_time_for_those_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    deadline = now + 1000
    ends = [
        now,
        *(stage_deadline(stage, deadline) or 0.0 for stage in SHARES),
        deadline,
    ]  # all told when the job starts
    assert all(later - sooner >= 90 for sooner, later in itertools.pairwise(ends))
    assert stage_deadline("sfm", None) is None
    assert stage_deadline("sfm", now - 1) == now
