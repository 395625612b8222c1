"""What a stage says while it runs: news as JSON lines, and noise, which goes to a log with a bound."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from splatworker.errors import SplatError, from_event
from splatworker.network.redact import redact
from splatworker.stages.progress import Reporter
from splatworker.stages.structured_log import structlog

LOG_LIMIT = 8 * 2**20
"""Bytes of a stage's log: the first half of it as it comes, then only the last."""

LINE_LIMIT = 1 * 2**20
"""Bytes of a JSON line; a longer line is noise."""

MESSAGE_LIMIT = 4000
"""Letters of a sentence that a stage says."""

TAIL_LINES = 20


class Follower:
    """Takes a stage's JSON lines apart."""

    def __init__(self, stage: str, report: Reporter) -> None:
        self.stage = stage
        self.report = report
        self.result: dict[str, Any] | None = None
        self.error: SplatError | None = None
        self.exit: dict[str, Any] = {}

    def line(self, line: bytes) -> bool:
        """Take one line; whether it was an event."""
        if not line.startswith(b"{"):
            return False
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return False
        match event:
            case {"event": "progress", "fraction": float() | int() as fraction} if 0 <= fraction <= 1:
                self.report.progress(_sentence(event.get("step", ""))[:100], float(fraction))
            case {"event": "warning", "message": str(message)}:
                self.report.warning(_sentence(message))
            case {"event": "result", "result": dict(result)}:
                self.result = result
            case {"event": "error"}:
                fields = {name: _sentence(event.get(name, "")) for name in ("code", "stage", "message", "hint")}
                self.error = from_event(fields)
            case {
                "event": "exit",
                "signal": int(),
                "peak_rss_bytes": int(),
                "cpu_seconds": int() | float(),
                "over_memory": bool(),
            }:
                self.exit = event
            case {"event": "unrestricted", "reason": str(reason)}:
                _warn_once(redact(reason[:200]))
            case _:
                return False
        return True


def _sentence(said: object) -> str:
    """What a stage says, fit to be handed on: without keys, and no longer than a sentence may be."""
    return redact(str(said)[:MESSAGE_LIMIT])


@functools.cache
def _warn_once(reason: str) -> None:
    """Log that stages may use the network here."""
    structlog.get_logger().warning("stages are not kept from the network", reason=reason)


class CappedLog:
    """A log file of at most `LOG_LIMIT` bytes: the beginning as it comes, and the end when it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._room = LOG_LIMIT // 2
        self._end = bytearray()

    def __enter__(self) -> CappedLog:
        self._file = self._path.open("wb", buffering=0)
        return self

    def __exit__(self, *exception: object) -> None:
        self._trim()
        with self._file, contextlib.suppress(OSError):  # a full disk must not hide why the stage failed
            if self._room == 0 and self._end:
                self._file.write(b"\n[...]\n" + self._end)

    def write(self, data: bytes) -> None:
        """Take more of what was printed; a disk that is full is no news."""
        head = data[: self._room]
        with contextlib.suppress(OSError):
            self._file.write(head)
        self._room -= len(head)
        self._end += data
        if len(self._end) > LOG_LIMIT:
            self._trim()

    def _trim(self) -> None:
        del self._end[: -(LOG_LIMIT // 2)]

    def tail(self) -> str:
        """The last lines, fit to be shown."""
        lines = bytes(self._end[-16_384:]).decode("utf-8", "replace").splitlines()
        return redact("\n".join(line[:500] for line in lines[-TAIL_LINES:]))


async def read_chunks(stream: asyncio.StreamReader, sinks: Sequence[Callable[[bytes], None]]) -> None:
    """Give every sink what comes, as it comes, to the stream's end."""
    while chunk := await stream.read(65_536):
        for sink in sinks:
            sink(chunk)


async def read_lines(
    stream: asyncio.StreamReader, take: Callable[[bytes], bool], noise: Callable[[bytes], None]
) -> None:
    """Offer every line to `take`; what it does not want, and lines without end, go to `noise`."""
    pending = bytearray()
    while chunk := await stream.read(65_536):
        pending += chunk
        *lines, rest = pending.split(b"\n")
        pending = bytearray(rest)
        for line in lines:
            if not take(bytes(line)):
                noise(bytes(line) + b"\n")
        if len(pending) > LINE_LIMIT:
            noise(bytes(pending))
            pending.clear()
    if pending and not take(bytes(pending)):
        noise(bytes(pending))
