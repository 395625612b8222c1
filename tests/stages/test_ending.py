"""A process has ended when it has, whoever holds its pipes; and one that does not obey is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from splatworker.stages import ending, supervise

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(1000)"
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
            async with asyncio.timeout(60):
                await ending.ended(process)
        finally:
            os.kill(child, signal.SIGKILL)
            await process.communicate()  # the pipes are closed now, and asyncio has to see it
        return process.returncode

    assert asyncio.run(scene()) == 0
