"""The supervisor itself: a stage's exit status and cost; what it leaves is in tests/attacks/test_processes.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from splatworker.stages import restrict, supervise


def supervised(*command: str, parent: int | None = None) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and events of a command under a supervisor."""
    ended = subprocess.run(
        [sys.executable, "-I", "-S", supervise.__file__, str(parent or os.getpid()), "0", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]


@pytest.mark.parametrize(
    ("script", "returncode", "status", "signal"),
    [("exit 0", 0, 0, 0), ("exit 7", 7, 7, 0), ("kill -11 $$", 139, 0, 11)],
)
def test_how_a_command_ended_and_what_it_cost(script: str, returncode: int, status: int, signal: int) -> None:
    code, (event,) = supervised("sh", "-c", script)
    assert (code, event["status"], event["signal"]) == (returncode, status, signal)
    assert event["peak_rss_bytes"] > 100_000
    assert event["over_memory"] is False


def test_a_command_that_is_not_there() -> None:
    code, (event,) = supervised("no-such-program-anywhere")
    assert (code, event["status"]) == (127, 127)


def test_a_command_that_cannot_be_restricted_is_not_run() -> None:
    code, (event,) = supervised(restrict.__file__, "no number", "sh", "-c", "echo '{}'")
    assert (code, event["status"]) == (127, 127)


def test_what_a_restricted_command_ends_with_is_told() -> None:
    code, events = supervised(restrict.__file__, "none", "sh", "-c", "exit 7")
    assert (code, events[-1]["status"]) == (7, 7)


@pytest.mark.skipif(not supervise.LINUX, reason="only Linux tells a process that its parent has died")
def test_nothing_is_started_for_a_worker_that_has_died() -> None:
    assert supervised("sh", "-c", "echo '{}'", parent=2**22) == (1, [])
