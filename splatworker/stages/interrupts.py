"""Ctrl-C, at any time: one sentence and exit status 130, as every shell expects of a program that was interrupted.

While a command loads its libraries there is nothing to clean up, and it ends at once. While it works the interrupt is
an exception, so that files half-written are removed; work that cannot be interrupted, such as a thread of a library,
gets some seconds, and a second Ctrl-C none.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from splatworker.errors import Cancelled
from splatworker.formats.atomic import remove_unfinished

INTERRUPTED = 130
"""The exit status of an interrupted program: 128 and the number of SIGINT."""

GRACE_S = 5.0
"""Seconds that work has to end after an interrupt."""

_WORK = {
    "photos": "decoding", "sfm": "reconstruction", "train": "training", "convert": "conversion",
    "render": "rendering", "eval": "evaluation",
}  # fmt: skip

_asked = threading.Event()


def asked() -> bool:
    """Whether somebody has pressed Ctrl-C during the work under way, or the last."""
    return _asked.is_set()


def forget() -> None:
    """New work begins, which nobody has interrupted yet."""
    _asked.clear()


def note() -> None:
    """Somebody has: for those that receive SIGINT in a way of their own."""
    _asked.set()


def ignore() -> None:
    """From now on nothing is interrupted: all is done, and the exit status stands."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end(stage: str, *, as_json: bool) -> int:
    """Tell of an interrupt that nothing else has met; the exit status."""
    _tell(stage, as_json=as_json)
    return INTERRUPTED


def cancelled(stage: str) -> Cancelled:
    """The error of work that was interrupted."""
    work = _WORK.get(stage, stage if stage in ("run", "export") else "command")
    return Cancelled(f"The {work} was stopped.", stage=stage)


@contextmanager
def ending_at_once(stage: str, *, as_json: bool) -> Iterator[None]:
    """Within the block an interrupt ends the process on the spot, with its sentence: nothing has been begun yet."""
    process = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() == process:
            _tell(stage, as_json=as_json)
        os._exit(INTERRUPTED)

    with _handled(stop):
        yield


@contextmanager
def interrupting(stage: str, *, as_json: bool, ask: Callable[[], None] | None = None) -> Iterator[None]:
    """Within the block an interrupt raises KeyboardInterrupt, or calls `ask` where the work knows a way to end.

    Whatever it does, it has `GRACE_S` seconds.
    """
    process = os.getpid()
    last: list[threading.Timer] = []

    def give_up() -> None:
        remove_unfinished()
        os._exit(end(stage, as_json=as_json))

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a fork of it, that the terminal interrupts too
            os._exit(INTERRUPTED)
        if _asked.is_set():
            give_up()
        _asked.set()
        last.append(threading.Timer(GRACE_S, give_up))
        last[0].daemon = True
        last[0].start()
        if ask is None:
            raise KeyboardInterrupt
        ask()

    _asked.clear()
    with _handled(stop):
        try:
            yield
        finally:
            for timer in last:
                timer.cancel()


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """SIGINT goes to `handler` within the block; not in another thread than the first, nor where it is ignored."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _tell(stage: str, *, as_json: bool) -> None:
    """The sentence, or its event, past all buffers."""
    error = cancelled(stage)
    with suppress(Exception):
        sys.stdout.flush()
    with suppress(OSError):
        if as_json:
            os.write(1, f"{json.dumps(error.to_event())}\n".encode())
        else:
            os.write(2, f"\nError: {error.message} [{error.code}]\n".encode())
