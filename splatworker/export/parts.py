"""The parts of an export, some of them side by side: how far all are together, and when each began and ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from splatworker.stages.progress import Reporter


class Parts:
    """Times and progress; any thread may tell of its part.

    Args:
        report: hears of one thing at a time, and its progress never falls.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._started = time.monotonic()
        self._lock = Lock()
        self._weights: Mapping[str, float] = {}
        self._done: dict[str, float] = {}
        self._reach = (0.0, 0.0)
        self.times: dict[str, tuple[float, float]] = {}
        """Part -> seconds from the beginning of the export to its own beginning and end."""

    @property
    def seconds(self) -> float:
        """Since the export began."""
        return time.monotonic() - self._started

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Note when the block begins and ends."""
        began = self.seconds
        try:
            yield
        finally:
            self.times[part] = round(began, 2), round(self.seconds, 2)

    def side_by_side(self, weights: Mapping[str, float], start: float, end: float) -> None:
        """From now on parts of these weights take the progress from `start` to `end`."""
        self._weights, self._reach, self._done = weights, (start, end), dict.fromkeys(weights, 0.0)

    def advance(self, part: str, words: str, share: float) -> None:
        """One of them is `share` in [0, 1] through; `words` are for people."""
        start, end = self._reach
        with self._lock:
            self._done[part] = max(self._done[part], share)
            done = sum(weight * self._done[name] for name, weight in self._weights.items())
            self._report.progress(words, start + (end - start) * done / sum(self._weights.values()))

    def progress(self, step: str, fraction: float) -> None:
        """The whole export is `fraction` through: between parts of which there is only one."""
        with self._lock:
            self._report.progress(step, fraction)

    def warning(self, message: str) -> None:
        """As the reporter's own."""
        with self._lock:
            self._report.warning(message)
