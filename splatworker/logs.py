"""The worker's log: one JSON object a line on the platform, readable in a terminal, and no secret in either."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from splatworker.printable import printable
from splatworker.redact import redact


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
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING if quiet else logging.INFO),
        cache_logger_on_first_use=False,
    )


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
