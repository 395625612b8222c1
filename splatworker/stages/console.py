"""Progress for people at a terminal: one bar for the whole way, or plain lines where there is no terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TextIO, cast

from splatworker.stages.printable import printable
from splatworker.stages.progress import Overall, StageOfOverall

_PLAIN_STEP = 10
"""Percent between two plain lines of one stage."""


class Console:
    """A sink of `Overall` progress that draws on standard error."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._bar: Any = None
        self._drawn = True
        self._last: tuple[str, int] = ("", -1)

    def __enter__(self) -> Console:
        if not self._silent and sys.stderr.isatty():
            from tqdm import tqdm  # noqa: PLC0415 - loads much, and most stages have no terminal

            layout = "{desc:<32.32} {percentage:3.0f}% |{bar}| {elapsed}<{remaining}"
            columns, lines = _size_not_told()
            self._bar = tqdm(total=100.0, bar_format=layout, file=sys.stderr, leave=False, ncols=columns, nrows=lines)
            self._streams = sys.stdout, sys.stderr
            sys.stdout, sys.stderr = (
                cast(TextIO, _BesideABar(stream, self._take_away)) for stream in (sys.stdout, sys.stderr)
            )
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()
            sys.stdout, sys.stderr = self._streams

    def _take_away(self) -> None:
        """Until the next update, so that whoever prints has the line to themselves."""
        if self._drawn:
            self._drawn = False
            self._bar.clear()
            self._bar.fp.flush()

    def stage(self, name: str) -> StageOfOverall:
        """A reporter for a stage that runs alone."""
        return Overall([self], {name: 1.0}).stage(name)

    def update(self, percent: float, stage: str, step: str) -> None:
        """The whole is `percent` through, now at `step` of `stage`."""
        if self._silent:
            return
        stage, step = printable(stage), printable(step)
        if self._bar is not None:
            self._bar.set_description_str(printable(f"{stage}: {step}" if step else stage), refresh=False)
            self._bar.update(percent - self._bar.n)
            self._drawn = True
            return
        what, tenth = printable(f"{stage}: {step}"), int(percent) // _PLAIN_STEP
        if (what, tenth) != self._last:
            self._last = (what, tenth)
            sys.stderr.write(f"{percent:3.0f}% {what}\n")
            sys.stderr.flush()

    def warning(self, message: str) -> None:
        """Show a warning, above the bar where there is one."""
        if self._silent:
            return
        sys.stderr.write(f"Warning: {printable(message)}\n")
        sys.stderr.flush()


class _BesideABar:
    """A stream that is printed to while a bar stands, which goes first: else the text began at the bar's end."""

    def __init__(self, stream: TextIO, take_away: Callable[[], None]) -> None:
        self._stream, self._take_away = stream, take_away

    def write(self, text: str) -> int:
        """As a file's."""
        self._take_away()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _size_not_told() -> tuple[int | None, int | None]:
    """Columns and lines for a terminal that tells none (docker run -t, ssh -tt): on one of no lines no bar is drawn."""
    try:
        size = os.get_terminal_size(sys.stderr.fileno())
    except OSError:  # what says that it is a terminal, and is none of the system's
        return None, None
    return (None, None) if size.columns and size.lines else (size.columns or 80, size.lines or 24)
