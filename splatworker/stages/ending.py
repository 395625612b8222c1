"""The end of a stage: nothing of it is left, whoever had to end it.

A supervisor that is killed itself leaves its stage's processes to this process, the next subreaper above.

Where a result or an orphan would be lost by giving up, looks are counted, not seconds: in the seconds that a machine
stands still, because it is moved to another host or has far too much to do, nobody has failed to do anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Collection, Iterator
from typing import Any

from splatworker.stages import supervise

KILL_GRACE_S = 4.0
DRAIN_S = 2.0
"""Seconds for what a supervisor that has ended may have left to be read."""

ORPHANS_S = 4.0
"""And for what a supervisor that was killed has left to be found and to die."""

POLL_S = 0.1
ORPHANS_POLL_S = 0.02
SIGTERM, SIGKILL = 15, 9

_supervisors: set[int] = set()
"""Of the stages that run now; others of this process's children in sessions of their own may be orphans."""

_starting = 0
"""Supervisors that are being started, and do not stand in `_supervisors` yet."""


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """While a supervisor is started in this block, which ends with `is_supervisor`, no child is taken for an orphan."""
    global _starting  # noqa: PLW0603
    _starting += 1
    try:
        yield
    finally:
        _starting -= 1


def is_supervisor(process: asyncio.subprocess.Process) -> None:
    """Know this child for a supervisor, until `end`."""
    _supervisors.add(process.pid)


async def output_ended(process: asyncio.subprocess.Process, reading: asyncio.Future[Any]) -> None:
    """Wait for the end of what a stage prints; when its supervisor has ended, not for who else may hold its pipes."""
    try:
        while not reading.done() and process.returncode is None:
            await asyncio.wait([reading], timeout=POLL_S)
        for _ in range(round(DRAIN_S / POLL_S)):
            if reading.done():
                break
            await asyncio.wait([reading], timeout=POLL_S)
        if reading.done():
            await reading
    finally:
        reading.add_done_callback(
            lambda read: read.cancelled() or read.exception()
        )  # or asyncio logs it as never retrieved
        reading.cancel()


async def ended(process: asyncio.subprocess.Process) -> None:
    """Wait for a process's end alone: its own `wait` waits for its pipes, too, whoever holds them."""
    pause = 0.001
    while process.returncode is None:
        await asyncio.sleep(pause)
        pause = min(2 * pause, POLL_S)


async def end(process: asyncio.subprocess.Process, others: Collection[int]) -> None:
    """Make sure that the supervisor, and with it the stage's tree, is gone; `others` are this process's children from
    before.
    """
    if process.returncode is None:
        _signal(process, SIGTERM)
        try:
            async with asyncio.timeout(KILL_GRACE_S):
                await ended(process)
        except TimeoutError:  # it cannot obey: it is stopped, or has a child that waits for a GPU that hangs
            _signal(process, SIGKILL)
            await ended(process)
    _supervisors.discard(process.pid)
    if process.returncode is not None and process.returncode < 0 and supervise.LINUX:
        await _end_orphans(others)


def _signal(process: asyncio.subprocess.Process, signal: int) -> None:
    """Send a signal to a process that is not known to have ended.

    Not by its own `terminate` and `kill`: these look first whether it has ended, and take its exit status away from
    asyncio, which then takes 255 for it (https://github.com/python/cpython/issues/87744).
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal)


async def _end_orphans(others: Collection[int]) -> None:
    """Kill what a supervisor that was killed has left: it has come to this process as the next subreaper above."""
    session = os.getsid(0)
    for _ in range(round(ORPHANS_S / ORPHANS_POLL_S)):
        if not _starting:
            orphans = [
                pid for pid in supervise.children()
                if pid not in others and pid not in _supervisors and _session_of(pid) != session
            ]  # fmt: skip
            if not orphans:
                return
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        await asyncio.sleep(ORPHANS_POLL_S)


def _session_of(pid: int) -> int:
    """A process's session; its own id where it has just ended. No stage is ever in this process's session."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return pid
