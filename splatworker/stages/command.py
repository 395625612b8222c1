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
        except MemoryError:
            error = OutOfMemory("The machine has too little memory.", hint="Use a larger machine.", stage=stage)
        except BrokenPipeError:
            return reader_has_gone()
        except OSError as caught:
            error = from_os_error(caught, stage)
        else:
            return _tell(lines.result if as_json else None, result, 0)
    status = interrupts.INTERRUPTED if interrupts.asked() and isinstance(error, Cancelled) else 1
    if as_json:
        return _tell(lines.error, error.to_event(), status)
    with contextlib.suppress(OSError):
        sys.stderr.write(sentence(error) + "\n")
    return status


def _tell(tell: Callable[[dict[str, Any]], None] | None, what: dict[str, Any], status: int) -> int:
    """Say the last word; the exit status."""
    try:
        if tell is not None:
            tell(what)
        sys.stdout.flush()
    except BrokenPipeError:
        return reader_has_gone()
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
