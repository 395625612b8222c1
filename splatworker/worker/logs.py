"""The worker's log: one JSON object a line on the platform, readable in a terminal, and no secret in either.

Several threads and processes write to the platform's one stream: the worker, RunPod's SDK, its ping process. What the
worker and the SDK write there arrives line by line (`whole_lines.py`).
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

from splatworker.network.redact import redact
from splatworker.stages.printable import printable
from splatworker.stages.structured_log import structlog
from splatworker.stages.whole_lines import WholeLines, write_line


def configure(*, quiet: bool = False) -> None:
    """Set the log up, on standard error; `quiet` leaves warnings and errors only."""
    for_people = sys.stderr.isatty() and not on_platform()
    renderer: Any = structlog.dev.ConsoleRenderer() if for_people else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact_all,
            *([_printable] if for_people else []),
            renderer,
        ],
        logger_factory=_line_logger if not for_people else structlog.WriteLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if quiet else logging.INFO),
        cache_logger_on_first_use=False,
    )


class _LineLogger:
    """What structlog gives its finished lines to: each is written at once, and whole."""

    def msg(self, line: str) -> None:
        try:
            descriptor = sys.stderr.fileno()
        except (OSError, AttributeError):  # a stream of Python's own, as in a notebook
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        else:
            write_line(descriptor, line)

    debug = info = warning = error = critical = msg


def _line_logger(*arguments: object) -> _LineLogger:
    return _LineLogger()


def print_whole_lines() -> None:
    """Make what this process prints, whoever prints it, arrive in whole lines: for a worker on the platform."""
    sys.stdout, sys.stderr = (_whole_lines(stream) for stream in (sys.stdout, sys.stderr))


def _whole_lines(stream: Any) -> Any:
    if isinstance(stream, WholeLines):
        return stream
    try:
        descriptor = stream.fileno()
    except (OSError, AttributeError):
        return stream
    stream.flush()
    lines = WholeLines(descriptor)
    atexit.register(lines.finish)
    return lines


def on_platform() -> bool:
    """Whether the worker takes its jobs from RunPod's queue."""
    return "RUNPOD_WEBHOOK_GET_JOB" in os.environ


def _redact_all(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: redacted(value) for name, value in event.items()}


def _printable(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Texts fit for a terminal; JSON escapes what a terminal would obey anyway."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


def redacted(value: Any) -> Any:
    """`value` with every text in it redacted, however deep."""
    match value:
        case str():
            return redact(value)
        case dict():
            return {name: redacted(entry) for name, entry in value.items()}
        case list() | tuple():
            return [redacted(entry) for entry in value]
    return value
