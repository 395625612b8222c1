"""Run one command so that no process of its tree outlives it.

Called as `python supervise.py PARENT_PID COMMAND...`. The worker starts every stage through this little process. It
becomes the "subreaper" (prctl(2)) of the stage: whatever the stage starts, even in a session of its own, ends up here
when its parent dies, and is killed when the stage ends, when SIGTERM arrives, or when the worker itself is gone. The
last line on standard output tells how it ended:

    {"event": "exit", "status": 0, "signal": 0, "peak_rss_bytes": 123456789, "cpu_seconds": 1.5}

Only the standard library is imported, so that it starts in some 15 ms with `python -I -S`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

LINUX = sys.platform == "linux"


class Stopped(Exception):
    """SIGTERM has arrived, or the worker is gone."""


def main(argv: list[str]) -> int:
    """Run the command; its exit status, or 128 + the signal that ended it."""
    parent, command = int(argv[0]), argv[1:]
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if LINUX and os.getppid() != parent:  # the worker died before it could be watched
        return 1
    child = _start(command)
    peak_kib, cpu_seconds, status = 0, 0.0, -signal.SIGTERM
    try:
        while True:
            pid, waited, usage = os.wait4(-1, 0)
            peak_kib = max(peak_kib, usage.ru_maxrss)
            cpu_seconds += usage.ru_utime + usage.ru_stime
            if pid == child:
                status = os.waitstatus_to_exitcode(waited)
                break
    except Stopped:
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _kill_tree(child)
    event = {
        "event": "exit",
        "status": max(status, 0),
        "signal": max(-status, 0),
        "peak_rss_bytes": peak_kib * (1024 if LINUX else 1),
        "cpu_seconds": round(cpu_seconds, 2),
    }
    # The worker may be gone: nobody to tell.
    try:
        os.write(1, f"\n{json.dumps(event)}\n".encode())
    except OSError:
        return 1
    return status if status >= 0 else 128 - status


def _start(command: list[str]) -> int:
    """Fork and execute `command` in a session of its own; its process id."""
    supervisor = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == supervisor:
            os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(127)


def _kill_tree(child: int) -> None:
    """Kill and reap everything below, generation by generation: orphans come to the subreaper."""
    if not LINUX:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        return
    while True:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    """Process ids of the direct children."""
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _prctl(option: int, value: int) -> None:
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _stop(signum: int, frame: FrameType | None) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
