"""A stage as a child process: what it says is news or noise, and how it ended is told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

import pytest
from support.stage_runs import run, start

from splatworker.errors import OutOfMemory, StageCrashed
from splatworker.machine import video_decoder
from splatworker.machine.limits import total_memory
from splatworker.stages import process, supervise

SOCKETS = """
import json, socket
opened = []
for family in (socket.AF_UNIX, socket.AF_INET):
    try:
        socket.socket(family).close()
        opened.append(family.name)
    except PermissionError:
        pass
print(json.dumps({"event": "result", "result": {"opened": opened}}))
"""

TAKES = """
import json, os, time
for _ in range(3):  # three processes of 100 MiB each
    if os.fork() == 0:
        kept = bytearray(os.urandom(1)) * (100 << 20)
        time.sleep(1000)
time.sleep(1000)
"""


@pytest.mark.parametrize(
    ("stage", "decoder", "opened"),
    [
        ("photos", "", []),
        ("photos", "cuda", []),
        ("frames", "", []),
        ("frames", "cuda", ["AF_UNIX"]),
        ("train", "", ["AF_UNIX"]),
    ],
)
def test_what_opens_strangers_files_has_no_sockets_unless_a_gpu_decodes(
    stage: str, decoder: str, opened: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(video_decoder.VARIABLE, decoder)
    assert run(tmp_path, SOCKETS, stage)["opened"] == opened


def test_a_stages_processes_share_one_bound_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLATWORKER_STAGE_MIB", "200")
    with pytest.raises(OutOfMemory, match="more than the 200 MiB"):
        run(tmp_path, TAKES)


def test_the_bound_is_the_machines_where_nobody_says_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPLATWORKER_STAGE_MIB", raising=False)
    machine = total_memory()
    assert machine is not None
    assert process._most_memory() == int(process.MEMORY_SHARE * machine)
    monkeypatch.setenv("SPLATWORKER_STAGE_MIB", "1e9")
    assert process._most_memory() == int(process.MEMORY_SHARE * machine)


@pytest.mark.parametrize(
    ("code", "status"),
    [("raise SystemExit(3)", "exit status 3"), ("import os; os.abort()", "signal 6"), ("1 / 0", "1")],
)
def test_how_a_stage_ended_is_told(code: str, status: str, tmp_path: Path) -> None:
    with pytest.raises(StageCrashed, match=status):
        run(tmp_path, code)


@pytest.mark.skipif(not supervise.LINUX, reason="only Linux lists the children of a process")
def test_two_cancels_while_it_starts_leave_nobody_behind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nor somebody for whom asyncio waits, and whose end it would not get to know."""

    async def cancelled_twice(steps: int) -> None:
        before = set(supervise.children())
        task = await start(tmp_path, "import time; time.sleep(1000)")
        for _ in range(steps):
            await asyncio.sleep(0)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0)
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert set(supervise.children()) <= before

    with caplog.at_level(logging.WARNING, "asyncio"):
        for steps in range(12):
            asyncio.run(cancelled_twice(steps))
    assert caplog.records == []
