"""Ctrl-C, at any time: one sentence and exit status 130, as every shell expects of a program that was interrupted.

While a command loads its libraries there is nothing to clean up, and it ends at once. While it works the interrupt is
an exception, so that files half-written are removed; work that cannot be interrupted, such as a thread of a library,
gets some seconds, and a second Ctrl-C none.

SIGTERM, where a stage heeds it (`stoppable`), is the same with exit status 1.

An exception that a signal raises can be lost: it comes up wherever the interpreter stands, and where that is a
destructor, an import or a method that compiled code calls and whose failure it takes for an answer (`__dlpack__`, which
a kernel's arguments are asked for), nobody passes it on. A long loop therefore asks `raise_if_stopped` once a round.
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
from typing import TYPE_CHECKING, Any

from splatworker.errors import Cancelled
from splatworker.formats.atomic import remove_unfinished

if TYPE_CHECKING:
    import asyncio

INTERRUPTED = 130
"""The exit status of an interrupted program: 128 and the number of SIGINT."""

GRACE_S = 5.0
"""Seconds that work has to end after an interrupt."""

_WORK = {
    "photos": "decoding", "sfm": "reconstruction", "train": "training", "convert": "conversion",
    "render": "rendering", "eval": "evaluation",
}  # fmt: skip

_asked = threading.Event()
_told_to_end = threading.Event()
_heeded = list[threading.Event]()
"""Those of the two that the work under way heeds."""


def asked() -> bool:
    """Whether somebody has pressed Ctrl-C during the work under way, or the last."""
    return _asked.is_set()


def raise_if_stopped(stage: str) -> None:
    """End the work with `Cancelled` if a signal has asked for that and its own exception was lost."""
    if any(event.is_set() for event in _heeded):
        raise cancelled(stage)


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


def cancelling(task: asyncio.Task[Any]) -> None:
    """From now on Ctrl-C and SIGTERM cancel the task of a running loop, and what it has begun is cleaned up in seconds,
    however often they come.
    """

    def interrupted() -> None:
        note()
        task.cancel()

    loop = task.get_loop()
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGINT, interrupted)


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

    def interrupt() -> None:
        if ask is None:
            raise KeyboardInterrupt
        ask()

    with _bounded(signal.SIGINT, _asked, interrupt, lambda: end(stage, as_json=as_json), INTERRUPTED):
        yield


@contextmanager
def stoppable(stage: str, *, as_json: bool) -> Iterator[None]:
    """Within the block SIGTERM raises `Cancelled`, as Ctrl-C interrupts: files half-written are removed on the way out.

    It, too, has `GRACE_S` seconds.
    """

    def stop() -> None:
        raise cancelled(stage)

    def told() -> int:
        _tell(stage, as_json=as_json)
        return 1

    with _bounded(signal.SIGTERM, _told_to_end, stop, told, 128 + signal.SIGTERM):
        yield


@contextmanager
def _bounded(
    number: signal.Signals,
    asked: threading.Event,
    stop_work: Callable[[], None],
    tell: Callable[[], int],
    status_of_forks: int,
) -> Iterator[None]:
    """Within the block the signal calls `stop_work`; `GRACE_S` later, or at the second one, the process ends.

    Args:
        asked: is set at the first one.
        tell: says how it ended, and gives the exit status.
        status_of_forks: the exit status of a process forked within the block, which has nothing to say.
    """
    process = os.getpid()
    last: list[threading.Timer] = []
    last_word = threading.RLock()
    ended = False

    def give_up() -> None:
        with last_word:
            if not ended:
                remove_unfinished()
                os._exit(tell())

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:  # a fork of it, that the terminal interrupts too
            os._exit(status_of_forks)
        if asked.is_set():
            give_up()
        asked.set()
        last.append(threading.Timer(GRACE_S, give_up))
        last[0].daemon = True
        last[0].start()
        stop_work()

    asked.clear()
    with _handled(stop, number):
        _heeded.append(asked)
        try:
            yield
        finally:
            _heeded.remove(asked)
            for timer in last:
                timer.cancel()
            with last_word:  # a timer that has begun to tell how it ended is the only one that does
                ended = True


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], Any], number: signal.Signals = signal.SIGINT) -> Iterator[None]:
    """The signal goes to `handler` within the block; not in another thread than the first, nor where it is ignored."""
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(number) in (signal.SIG_IGN, None):
        yield
        return
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


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
