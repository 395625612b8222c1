"""A process has ended when it has, whoever holds its pipes; and one that does not obey is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

import pytest
from support.waiting import PATIENCE_S

from splatworker.stages import ending, supervise

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(1000)"
ENDS_WHEN_TOLD = """
import signal, sys
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(3))
print(1, flush=True)
while True:
    signal.pause()
"""
LEAVES_ITS_PIPES = """
import subprocess
child = subprocess.Popen(["sleep", "1000"])
print(child.pid, flush=True)
"""


async def started(code: str) -> tuple[asyncio.subprocess.Process, int]:
    """A process in a session of its own, and the number that it says first."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    return process, int(await process.stdout.readline())


def test_a_process_that_does_not_obey_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "KILL_GRACE_S", 0.2)

    async def scene() -> int | None:
        others = supervise.children()
        process, _ = await started(DEAF)
        await ending.end(process, others)
        await process.communicate()
        return process.returncode

    assert asyncio.run(scene()) == -signal.SIGKILL


def test_its_end_is_not_that_of_whoever_has_its_pipes() -> None:
    async def scene() -> int | None:
        process, child = await started(LEAVES_ITS_PIPES)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await ending.ended(process)
        finally:
            os.kill(child, signal.SIGKILL)
            await process.communicate()  # the pipes are closed now, and asyncio has to see it
        return process.returncode

    assert asyncio.run(scene()) == 0


def test_a_machine_that_stands_still_has_read_nothing_and_given_nothing_up() -> None:
    """Longer than there is time to read what a process has left; then it goes on, and reads."""

    async def scene() -> bytes:
        process, _ = await started("print(1)")
        await process.wait()
        goes_on = asyncio.Event()

        async def what_is_left() -> bytes:
            await goes_on.wait()
            for _ in range(20):
                await asyncio.sleep(0)
            return b"the result"

        reading = asyncio.ensure_future(what_is_left())
        ended = asyncio.ensure_future(ending.output_ended(process, reading))
        for _ in range(5):
            await asyncio.sleep(0)
        time.sleep(1.5 * ending.DRAIN_S)  # the machine does
        goes_on.set()
        await ended
        return reading.result()

    assert asyncio.run(scene()) == b"the result"


def test_how_a_process_ended_is_known_also_where_it_is_told_to_just_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It has ended, and asyncio has not looked yet: its exit status is asyncio's to read, and nobody else's."""
    if sys.version_info < (3, 12):  # which looks in a thread, at any time; later ones in the loop's own turn
        watcher = asyncio.PidfdChildWatcher()
        monkeypatch.setattr(asyncio.events, "get_child_watcher", lambda: watcher)

    async def scene() -> int | None:
        if sys.version_info < (3, 12):
            watcher.attach_loop(asyncio.get_running_loop())
        process, _ = await started(ENDS_WHEN_TOLD)
        os.kill(process.pid, signal.SIGUSR1)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        await ending.end(process, ())
        await process.communicate()
        return process.returncode

    assert asyncio.run(scene()) == 3
    assert not caplog.records
