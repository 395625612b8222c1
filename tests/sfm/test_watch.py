"""A call of COLMAP that is watched: polled, ended, left behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from support.waiting import PATIENCE_S

from splatworker.errors import Cancelled
from splatworker.sfm import watch as watch_module
from splatworker.sfm.watch import Cancellation, watch
from splatworker.stages import interrupts


def test_a_watched_call_returns_raises_and_is_polled() -> None:
    polled = threading.Event()

    def seven() -> int:
        assert polled.wait(PATIENCE_S)
        return 7

    assert watch(seven, polled.set, Cancellation()) == 7
    with pytest.raises(ZeroDivisionError):
        watch(lambda: 1 // 0, lambda: None, Cancellation())


INTERRUPTED = """
import os, shutil, signal, sys, threading
from pathlib import Path
from splatworker.sfm import watch as watch_module
from splatworker.sfm.watch import Cancellation, watch
from splatworker.stages import interrupts
from splatworker.stages.command import run_as_command

watch_module._GRACE_S, interrupts.GRACE_S = 0.1, 600.0
cancellation, half_made = Cancellation(), Path(sys.argv[1])

def work(report):
    half_made.mkdir()
    try:
        threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        watch(threading.Event().wait, lambda: None, cancellation)
    finally:
        shutil.rmtree(half_made)

status = run_as_command("sfm", work, as_json=False, on_interrupt=cancellation.request)
sys.stderr.flush()
os._exit(status)
"""


def test_what_is_half_made_is_removed_where_a_call_knows_no_cancellation(tmp_path: Path) -> None:
    assert watch_module._GRACE_S <= interrupts.GRACE_S - 2.0  # seconds to remove it in, before Ctrl-C ends the process
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "half")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (130, "Error: The reconstruction was stopped. [cancelled]")
    assert list(tmp_path.iterdir()) == []


def test_a_watched_call_that_knows_no_cancellation_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("splatworker.sfm.watch._GRACE_S", 0.1)
    cancellation, release = Cancellation(), threading.Event()
    with pytest.raises(Cancelled):
        watch(release.wait, cancellation.request, cancellation)
    assert cancellation.requested
    release.set()
    with pytest.raises(Cancelled):
        watch(lambda: pytest.fail("not started"), lambda: None, cancellation)
