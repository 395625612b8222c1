"""Files that are there whole or not at all: written beside their place, flushed to the disk, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO, cast

from splatworker.errors import from_os_error

LONGEST_NAME = 255
"""Bytes of a file's name, on the usual file systems."""

_unfinished: set[Path] = set()


@contextmanager
def atomic_file(path: Path, stage: str) -> Iterator[BinaryIO]:
    """A binary file to write `path` through; `path` changes only when the block ends without an exception.

    The data lies in `<name>.part` in the same folder until it is on the disk; where that is somebody's file already,
    under a name like it. Whatever interrupts the block, the part is removed and an older `path` stays as it was.

    Raises:
        DiskFull: no space is left.
        SplatError: the system refused for another reason; `stage` is the one it is reported for.
    """
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = part_of(path)
        with part.open("wb") as file:
            _unfinished.add(part)
            yield cast(BinaryIO, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _flush_folder(path.parent)
    except BaseException as error:
        if part is not None:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise from_os_error(error, stage) from error
        raise
    finally:
        if part is not None:
            _unfinished.discard(part)


def part_of(path: Path) -> Path:
    """Where what will be `path` is written until it is whole: beside it, and no file that is there."""
    for number in count(1):
        ending = ".part" if number == 1 else f".{number}.part"
        # A name of the longest kind has no room for the ending.
        name = os.fsdecode(os.fsencode(path.name)[: LONGEST_NAME - len(ending)]) + ending
        part = path.with_name(name)
        if not part.is_file() and part not in _unfinished:
            return part
    raise AssertionError  # never reached: the numbers do not end


def remove_unfinished() -> None:
    """Remove what is being written at this moment: for a process that ends on the spot."""
    for part in list(_unfinished):
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_text(path: Path, text: str, stage: str) -> None:
    """Write a text file, in UTF-8, whole or not at all; errors as `atomic_file`.

    What is not UTF-8 in it, as a file's name may hold, is written as an escape.
    """
    with atomic_file(path, stage) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def _flush_folder(folder: Path) -> None:
    """Make the rename itself last through a power cut, where the file system can (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
