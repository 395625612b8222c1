"""A folder that files still arrive in: what is there can be worked on before the last one has come.

Only whole files may stand in such a folder, brought there by a rename; hidden ones are none of the stage's business.
The stage is told that all are there by the end of its standard input.
"""

from __future__ import annotations

import os
import re
import select
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

POLL_S = 0.05
"""Seconds between two looks at a folder in which nothing new was found."""

AllArrived = Callable[[], bool]
"""Whether all files are there; once true, always true."""


def at_once() -> bool:
    """Nobody is waited for: what is there is all."""
    return True


class EndOfInput:
    """Told by the end of a stream of which nothing else is wanted."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor
        self._ended = False

    def __call__(self) -> bool:
        """Whether the stream has ended; does not wait for it."""
        while not self._ended and select.select([self._descriptor], [], [], 0.0)[0]:
            self._ended = not os.read(self._descriptor, 65_536)
        return self._ended


def arriving(
    folder: Path, all_arrived: AllArrived, look: Callable[[Path], list[Path]] | None = None
) -> Iterator[tuple[list[Path], bool]]:
    """The files that are new in a folder, each once, in natural order, and whether these are the last.

    Does not wait: there may be none. With `at_once` the first look finds all. `look` lists the files of a folder; by
    default `sorted_files`.
    """
    look = look or sorted_files
    seen: set[Path] = set()
    last = False
    while not last:
        last = all_arrived()  # asked before looking: what comes in between is found by the next look
        new = [path for path in look(folder) if path not in seen] if folder.is_dir() else []
        seen.update(new)
        yield new, last


def sorted_files(folder: Path) -> list[Path]:
    """The files of a folder: regular, not hidden, "2" before "10"."""
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    return sorted(files, key=lambda path: natural(path.name))


def natural(name: str) -> list[int | str]:
    """A sort key under which "2" comes before "10": texts, the first perhaps empty, and numbers by turns."""
    parts = re.split(r"([0-9]+)", name.lower())
    return [int(part) if number % 2 else part for number, part in enumerate(parts)]
