"""How a stage says how far it is: one small interface, and its form as JSON lines between processes.

A stage reports to a `Reporter`. Run as a child process with `--json` it writes each report as one JSON object a
line on its standard output, and nothing else:

    {"event": "progress", "stage": "sfm", "step": "matching", "fraction": 0.41}
    {"event": "warning", "stage": "sfm", "message": "..."}
    {"event": "result", "stage": "sfm", "result": {...}}
    {"event": "error", "stage": "sfm", "code": "no_overlap", "message": "...", "hint": "..."}

`fraction` is of the whole stage, in [0, 1], and never falls; `step` is a word or two for people.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TextIO

MOST_WARNINGS = 1000
"""Warnings of a job that are kept: two for every photo."""


class Reporter(Protocol):
    """What a stage tells while it works."""

    def progress(self, step: str, fraction: float) -> None:
        """The stage is `fraction` in [0, 1] through, now at `step`."""

    def warning(self, message: str) -> None:
        """Something the user should know that does not stop the work: one sentence."""


class Silent:
    """A reporter for callers that do not want to know."""

    def progress(self, step: str, fraction: float) -> None:
        """Say nothing."""

    def warning(self, message: str) -> None:
        """Say nothing."""


class PartOf:
    """A reporter of a part of a stage, which takes the stage's progress from one fraction to another."""

    def __init__(self, whole: Reporter, start: float, end: float) -> None:
        self._whole, self._start, self._end = whole, start, end

    def progress(self, step: str, fraction: float) -> None:
        """Tell how far the whole stage is."""
        self._whole.progress(step, self._start + (self._end - self._start) * max(0.0, min(1.0, fraction)))

    def warning(self, message: str) -> None:
        """Pass a warning on."""
        self._whole.warning(message)


class JsonLines:
    """Reports of one stage as JSON lines on a stream; a progress line at most every `step` of the fraction."""

    def __init__(self, stage: str, stream: TextIO | None = None, resolution: float = 0.002) -> None:
        self.stage = stage
        self._stream = stream or sys.stdout
        self._resolution = resolution
        self._last = ("", -1.0)

    def progress(self, step: str, fraction: float) -> None:
        """Write the progress, unless it says nearly the same as the line before."""
        last_step, last_fraction = self._last
        fraction = max(last_fraction, min(1.0, fraction))
        if step == last_step and fraction < 1.0 and fraction - last_fraction < self._resolution:
            return
        self._last = (step, fraction)
        self._write({"event": "progress", "stage": self.stage, "step": step, "fraction": round(fraction, 4)})

    def warning(self, message: str) -> None:
        """Write a warning."""
        self._write({"event": "warning", "stage": self.stage, "message": message})

    def result(self, result: dict[str, Any]) -> None:
        """Write the stage's result: the last line of a stage that succeeded."""
        self._write({"event": "result", "stage": self.stage, "result": result})

    def error(self, event: dict[str, str]) -> None:
        """Write `SplatError.to_event()`: the last line of a stage that failed."""
        self._write(event)

    def _write(self, event: dict[str, Any]) -> None:
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()


class Sink(Protocol):
    """Where the progress of a whole job goes: a terminal, the platform, a webhook."""

    def update(self, percent: float, stage: str, step: str) -> None:
        """The job is `percent` in [0, 100] through; called often, must not block."""

    def warning(self, message: str) -> None:
        """Something the user should know."""


class Overall:
    """The progress of a whole job from that of its stages; never falls, whatever order reports come in.

    Args:
        sinks: who wants to know.
        weights: the stages in their order, each with its usual share of the time.
    """

    def __init__(self, sinks: Sequence[Sink], weights: Mapping[str, float]) -> None:
        self.sinks = list(sinks)
        self.weights = weights
        self._percent = 0.0
        self.warnings: list[str] = []
        """Every warning so far, each once."""

    def stage(self, name: str) -> StageOfOverall:
        """The reporter of one stage."""
        return StageOfOverall(self, name)

    def update(self, stage: str, step: str, fraction: float) -> None:
        """`stage` is `fraction` in [0, 1] through."""
        total = sum(self.weights.values())
        before = 0.0
        for name, weight in self.weights.items():
            if name == stage:
                before += weight * max(0.0, min(1.0, fraction))
                break
            before += weight
        self._percent = max(self._percent, 100.0 * before / total)
        for sink in self.sinks:
            sink.update(self._percent, stage, step)

    def warning(self, message: str) -> None:
        """Note a warning and pass it on, once; a stage that warns without end is heard no more."""
        if message not in self.warnings and len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(message)
            for sink in self.sinks:
                sink.warning(message)


class StageOfOverall:
    """A stage's `Reporter` that moves the whole job's progress."""

    def __init__(self, overall: Overall, stage: str) -> None:
        self._overall = overall
        self._stage = stage

    def progress(self, step: str, fraction: float) -> None:
        """Move the whole job's progress."""
        self._overall.update(self._stage, step, fraction)

    def warning(self, message: str) -> None:
        """Pass a warning on."""
        self._overall.warning(message)
