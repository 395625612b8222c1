"""Run one command so that no process of its tree outlives it.

Called as `python supervise.py PARENT_PID MOST_MEMORY [RESTRICT FAMILIES] COMMAND...`. The worker starts every stage
through this little process. It becomes the "subreaper" (prctl(2)) of the stage: whatever the stage starts, even in a
session of its own, ends up here when its parent dies, and is killed when the stage ends, when SIGTERM arrives, when the
worker itself is gone, or when all of it together takes more than MOST_MEMORY bytes (0: no bound). RESTRICT is the path
of `restrict.py`, for a command that may do less than its user. The last line on standard output tells how it ended:

    {"event": "exit", "status": 0, "signal": 0, "peak_rss_bytes": 123456789, "cpu_seconds": 1.5, "over_memory": false}

A supervisor that is killed itself, by the system's out-of-memory killer, say, tells nothing: then the stage goes with
it, and what the stage had started comes to the worker (`process`), which is a subreaper, too.

Every stage waits for it to start, so it imports next to nothing: with `python -I -S` it is there in some 15 ms. With
json, pathlib, contextlib and signal, which loads enum, it took twice as long.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found] # what `signal` is made of: that makes enums of its numbers
import ctypes
import os
import sys

TYPE_CHECKING = False  # `typing` takes long to load
if TYPE_CHECKING:
    from types import FrameType

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36

LOOK_S = 0.5
"""Seconds between two looks at how much memory the tree takes."""

LINUX = sys.platform == "linux"


class Stopped(Exception):
    """SIGTERM has arrived, or the worker is gone."""


class TooMuchMemory(Exception):
    """The tree takes more than it may."""


def main(argv: list[str]) -> int:
    """Run the command; its exit status, or 128 + the signal that ended it."""
    parent, most_memory, command = int(argv[0]), int(argv[1]), argv[2:]
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    become_subreaper()
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if LINUX and os.getppid() != parent:  # the worker died before it could be watched
        return 1
    # Outside of the try below SIGTERM only waits: nothing may end this process before it has killed the tree.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = _start(command)
    peak_kib, cpu_seconds, over_memory = 0, 0.0, False
    status: int = -signal.SIGTERM
    try:
        if LINUX and most_memory:
            _watch_memory(most_memory)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        while True:
            pid, waited, usage = os.wait4(-1, 0)
            peak_kib = max(peak_kib, usage.ru_maxrss)
            cpu_seconds += usage.ru_utime + usage.ru_stime
            if pid == child:
                status = os.waitstatus_to_exitcode(waited)
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})
                break
    except Stopped:
        pass
    except TooMuchMemory:
        over_memory, status = True, -signal.SIGKILL
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _kill_tree(child)
    event = (
        f'{{"event": "exit", "status": {max(status, 0)}, "signal": {max(-status, 0)}, '
        f'"peak_rss_bytes": {peak_kib * (1024 if LINUX else 1)}, "cpu_seconds": {cpu_seconds:.2f}, '
        f'"over_memory": {"true" if over_memory else "false"}}}'
    )
    # The worker may be gone: nobody to tell.
    try:
        os.write(1, f"\n{event}\n".encode())
    except OSError:
        return 1
    return status if status >= 0 else 128 - status


def _start(command: list[str]) -> int:
    """Fork and execute `command` in a session of its own; its process id.

    What `restrict.py` has to do is done in the forked process: an interpreter of its own takes 12 ms to start, only to
    become another program.
    """
    supervisor = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == supervisor:
            if command[0].endswith("/restrict.py"):
                sys.path.append(command[0].removesuffix("/restrict.py"))
                os._exit(__import__("restrict").main(command[1:]))  # by path: isolated, this process has no package
            os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    except BaseException as error:  # nothing of it may go on as a second supervisor
        os.write(2, f"{command[0]}: {error!r}\n".encode())
    os._exit(127)


def _kill_tree(child: int) -> None:
    """Kill and reap everything below, generation by generation: orphans come to the subreaper."""
    if not LINUX:
        try:  # noqa: SIM105 - contextlib is not loaded
            os.killpg(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        return
    while True:
        for pid in children():
            try:  # noqa: SIM105 - contextlib is not loaded
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """Process ids of this process's direct children, those that came to it as a subreaper among them."""
    return _children_of("self")


def _children_of(process: int | str) -> list[int]:
    found: list[int] = []
    try:
        # A process's children are kept by thread.
        threads = os.listdir(f"/proc/{process}/task")  # noqa: PTH208 - pathlib is not loaded
    except OSError:  # it has just ended
        return found
    for thread in threads:
        try:
            with open(f"/proc/{process}/task/{thread}/children", "rb") as told:  # noqa: PTH123
                found += map(int, told.read().split())
        except OSError:  # a thread that has just ended
            pass
    return found


def _watch_memory(most: int) -> None:
    """Look at the tree's memory from time to time, and raise TooMuchMemory in the main thread."""

    def look(signum: int, frame: FrameType | None) -> None:
        if _memory_of_tree() > most:
            raise TooMuchMemory

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_S, LOOK_S)


def _memory_of_tree() -> int:
    """Bytes of main memory, files' pages left out, that everything below this process takes; what two processes share
    after a fork counts twice.
    """
    total, waiting = 0, children()
    while waiting:
        process = waiting.pop()
        try:
            with open(f"/proc/{process}/status", "rb") as told:  # noqa: PTH123
                for line in told:
                    if line.startswith((b"RssAnon:", b"RssShmem:")):
                        total += int(line.split()[1]) * 1024
            waiting += _children_of(process)
        except OSError:  # it has just ended
            continue
    return total


def become_subreaper() -> None:
    """Whatever is orphaned below this process becomes its child, rather than the system's."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def hide_memory_and_environment() -> None:
    """Let no process of the same user look into this one (/proc/PID/environ, /proc/PID/mem, ptrace), and no core dump
    tell of it. What it starts is as open as ever, once it runs another program.
    """
    prctl(PR_SET_DUMPABLE, 0)


def prctl(option: int, value: int) -> None:
    """Set an option of this process, where the system knows such."""
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _stop(signum: int, frame: FrameType | None) -> None:
    raise Stopped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
