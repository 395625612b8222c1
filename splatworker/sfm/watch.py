"""A COLMAP call, watched: progress while it runs, and an end when somebody asks for one.

COLMAP's calls block for minutes without a word. They let go of Python's lock, so each runs in a thread while the
caller's thread looks at the database, reports, and receives signals.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from splatworker.errors import Cancelled
from splatworker.sfm.colmap import pycolmap, quiet
from splatworker.stages.progress import Reporter

T = TypeVar("T")

_POLL_S = 0.2
_GRACE_S = 3.0
"""How long a cancelled call may take to return before it is left behind (global mapping knows no cancellation).

Shorter than what Ctrl-C leaves a stage (`interrupts.GRACE_S`): what was half made must be removed within that, too.
"""


@dataclass(frozen=True)
class Cancellation:
    """A request to stop, on its way into COLMAP."""

    token: pycolmap.CancellationToken = field(default_factory=pycolmap.CancellationToken)

    def request(self) -> None:
        """Ask for the end; safe in a signal handler and from any thread."""
        self.token.cancel()

    @property
    def requested(self) -> bool:
        """The end was asked for."""
        return bool(self.token.is_cancelled)

    def check(self) -> None:
        """Raise Cancelled if the end was asked for."""
        if self.requested:
            raise Cancelled("The reconstruction was stopped.", stage="sfm")


@dataclass(frozen=True)
class Span:
    """A part of the stage's progress bar: `step` runs from `start` to `end`, both in [0, 1]."""

    reporter: Reporter
    step: str
    start: float
    end: float

    def report(self, done: float, total: float) -> None:
        """`done` of `total` are finished."""
        share = min(1.0, done / total) if total > 0 else 1.0
        self.reporter.progress(self.step, self.start + (self.end - self.start) * share)


def watch(call: Callable[[], T], poll: Callable[[], None], cancellation: Cancellation) -> T:
    """Run `call` in a thread and `poll` every now and then in this one; return or raise what `call` does.

    Raises:
        Cancelled: the end was asked for.
    """
    cancellation.check()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            quiet()
            results.append(call())
        except BaseException as error:  # handed to the caller's thread, whatever it is
            errors.append(error)

    thread = threading.Thread(target=run, name="colmap", daemon=True)
    thread.start()
    while thread.is_alive() and not cancellation.requested:
        thread.join(_POLL_S)
        poll()
    thread.join(_GRACE_S if cancellation.requested else None)
    cancellation.check()
    if errors:
        raise errors[0]
    return results[0]
