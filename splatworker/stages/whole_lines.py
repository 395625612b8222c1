"""Lines that arrive whole, however many threads and processes write to one stream.

A pipe does not mix a write of at most PIPE_BUF bytes with another's (POSIX, "write", pipes and FIFOs), and a file that
is opened for appending takes each write as one. So every line here is one write, and never longer: what is, is
shortened, and stays the JSON object that it was. Nothing waits in a buffer, so nothing is lost with a process that is
killed.
"""

from __future__ import annotations

import io
import json
import os
import select
import threading
from collections.abc import Callable

LONGEST = select.PIPE_BUF
"""Bytes of a line with its end: 4096 on Linux."""

CUT = " ... "
"""Stands for what was left out."""

SHORTEST_VALUE = 40
"""Characters that every value of an object may have, however many there are."""


def write_line(descriptor: int, line: str) -> None:
    """Write one line, whole; one longer than a pipe takes at once is shortened in its middle."""
    data = fitted(line).encode("utf-8", "backslashreplace") + b"\n"
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # somebody else has made the stream non-blocking, and it is full
            select.select([], [descriptor], [])


def fitted(line: str) -> str:
    """A line of less than `LONGEST` bytes: of a JSON object the longest values are shortened, of others the middle."""
    if _fits(line):
        return line
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        return _longest_that_fits(lambda characters: _shortened(line, characters))
    short = _longest_that_fits(lambda characters: json.dumps(_with_short_values(event, characters)))
    return short or _longest_that_fits(lambda characters: json.dumps({"cut": _shortened(line, characters)}))


def _fits(line: str) -> bool:
    return len(line.encode("utf-8", "backslashreplace")) < LONGEST


def _longest_that_fits(shortened_to: Callable[[int], str]) -> str:
    """`shortened_to` as many characters as there is room for; nothing, where the fewest are too many."""
    fewest, too_many = SHORTEST_VALUE, LONGEST
    while too_many - fewest > 1:
        middle = (fewest + too_many) // 2
        fewest, too_many = (middle, too_many) if _fits(shortened_to(middle)) else (fewest, middle)
    found = shortened_to(fewest)
    return found if _fits(found) else ""


def _with_short_values(event: dict[str, object], characters: int) -> dict[str, object]:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in event.items()}
    return {name: event[name] if len(text) <= characters else _shortened(text, characters)
            for name, text in texts.items()}  # fmt: skip


def _shortened(text: str, characters: int) -> str:
    """Its beginning and its end."""
    half = (characters - len(CUT)) // 2
    return text[:half] + CUT + text[-half:]


class WholeLines(io.TextIOBase):
    """A text stream that writes whole lines: each thread's own, when it ends.

    `print` writes a text and its line's end one after the other, and another thread's may come between. What has no end
    yet waits for it, whatever `flush` says, until `finish`.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._begun: dict[int, str] = {}  # by thread: each touches its own entry only

    def write(self, text: str) -> int:
        """Write the lines that `text` ends."""
        thread = threading.get_ident()
        *lines, begun = (self._begun.pop(thread, "") + text).split("\n")
        if begun:
            self._begun[thread] = begun
        for line in lines:
            write_line(self._descriptor, line)
        return len(text)

    def finish(self) -> None:
        """Write what no thread has ended: for the end of the process."""
        while self._begun:
            write_line(self._descriptor, self._begun.popitem()[1])

    def writable(self) -> bool:
        """It is for writing."""
        return True

    def fileno(self) -> int:
        """The descriptor that lines go to."""
        return self._descriptor
