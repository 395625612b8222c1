"""Waiting for what other processes do, and for deadlines: by what has happened, never by how fast a machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

PATIENCE_S = 300.0
"""What ends a wait is something that hangs, not a machine that is busy."""


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


class Leap:
    """This process's clock, which leaps ahead once a condition holds: a deadline comes in the stage that it is meant
    for, however long those before it have taken.

    Args:
        monkeypatch: takes it back.
        condition: is asked when somebody looks at the clock, at most every `pause_s`.
        seconds: how far it leaps.

    Attributes:
        done: whether it has leapt.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        condition: Callable[[], object],
        seconds: float,
        *,
        pause_s: float = 0.05,
    ) -> None:
        self.done = False
        self._condition, self._seconds, self._pause_s = condition, seconds, pause_s
        self._clock, self._looks = time.monotonic, 0.0
        monkeypatch.setattr(time, "monotonic", self._now)

    def _now(self) -> float:
        now = self._clock()
        if not self.done and now >= self._looks:
            self._looks = now + self._pause_s
            self.done = bool(self._condition())
        return now + (self._seconds if self.done else 0.0)
