"""What every stage's command line has in common: how it reports, fails and exits."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import Any

from splatworker.errors import Cancelled, OutOfMemory, SplatError, from_os_error
from splatworker.stages import interrupts
from splatworker.stages.console import Console
from splatworker.stages.printable import printable
from splatworker.stages.progress import JsonLines, Reporter


def run_as_command(
    stage: str,
    work: Callable[[Reporter], dict[str, Any]],
    *,
    as_json: bool,
    silent: bool = False,
    on_interrupt: Callable[[], None] | None = None,
) -> int:
    """Do a stage's work and report it: as JSON lines, or as a bar and one sentence for people.

    With `silent` nothing is reported but an error, and that to people: another process reports the same work.

    Args:
        on_interrupt: how to end the work upon Ctrl-C, where it must not be by an exception in its middle.

    Returns:
        The exit status: 0; 1 for a `SplatError`, which has been reported; `interrupts.INTERRUPTED` after Ctrl+C, or 1
        where nobody reads the output any more.
    """
    lines = JsonLines(stage)
    as_json = as_json and not silent
    with Console(silent=as_json or silent) as console:
        report: Reporter = lines if as_json else console.stage(stage)
        try:
            with interrupts.interrupting(stage, as_json=as_json, ask=on_interrupt):
                result = work(report)
        except KeyboardInterrupt:
            interrupts.note()
            error: SplatError = interrupts.cancelled(stage)
        except SplatError as caught:
            error = caught
        except BrokenPipeError:
            return reader_has_gone()
        except (OSError, MemoryError, ImportError, RuntimeError) as caught:
            if (fault := fault_of(caught, stage)) is None:
                raise
            error = fault
        else:
            return _tell(lines.result if as_json else None, result, 0)
    error.__traceback__ = None  # it holds what was worked with, beyond the end at which kernels complain of it
    status = interrupts.INTERRUPTED if interrupts.asked() and isinstance(error, Cancelled) else 1
    if as_json:
        return _tell(lines.error, error.to_event(), status)
    tell_people(error)
    return status


def fault_of(error: Exception, stage: str) -> SplatError | None:
    """What the system did not give, of whatever a library makes of it: memory, threads, a file; None for other faults.

    Where memory ends while a program is being loaded, that is an ImportError to Python; threads that the system
    does not give are a RuntimeError.
    """
    words = str(error)
    lacks_memory = isinstance(error, ImportError) and ("failed to map" in words or "allocate memory" in words)
    if isinstance(error, MemoryError) or lacks_memory:
        return OutOfMemory("The machine has too little memory.", hint="Use a larger machine.", stage=stage)
    if isinstance(error, RuntimeError) and "start new thread" in words:
        return OutOfMemory(
            "The system gives this process no more threads, or no memory for them.",
            hint="Raise its limits (ulimit -u, ulimit -v, the container's pids), or use a larger machine.",
            stage=stage,
        )
    return from_os_error(error, stage) if isinstance(error, OSError) else None


def tell_people(error: SplatError) -> int:
    """Say an error on standard error; the exit status. Output that could not be written is not tried again."""
    with contextlib.suppress(OSError):
        sys.stderr.write(sentence(error) + "\n")
    try:
        sys.stdout.flush()
    except OSError:
        reader_has_gone()
    return 1


def _tell(tell: Callable[[dict[str, Any]], None] | None, what: dict[str, Any], status: int) -> int:
    """Say the last word; the exit status."""
    try:
        if tell is not None:
            tell(what)
        sys.stdout.flush()
    except BrokenPipeError:
        return reader_has_gone()
    except OSError as error:  # a full disk, say
        return tell_people(from_os_error(error, "pipeline"))
    return status


def reader_has_gone() -> int:
    """Nobody reads the standard output any more: end without a word. What is buffered for it must not be tried again
    when the interpreter ends.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 1


def sentence(error: SplatError) -> str:
    """An error for a person at a terminal: what is wrong, what to do, and the code to look up; on one line."""
    return printable(" ".join(part for part in (f"Error: {error.message}", error.hint, f"[{error.code}]") if part))
