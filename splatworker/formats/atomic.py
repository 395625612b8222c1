"""Files that are there whole or not at all: written beside their place, flushed to the disk, then renamed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from splatworker.errors import from_os_error


@contextmanager
def atomic_file(path: Path, stage: str) -> Iterator[BinaryIO]:
    """A binary file to write `path` through; `path` changes only when the block ends without an exception.

    The data lies in `<name>.part` in the same folder until it is on the disk. Whatever interrupts the block, the
    part is removed and an older `path` stays as it was.

    Raises:
        DiskFull: no space is left.
        SplatError: the system refused for another reason; `stage` is the one it is reported for.
    """
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield cast(BinaryIO, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _flush_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise from_os_error(error, stage) from error
        raise


def write_text(path: Path, text: str, stage: str) -> None:
    """Write a text file, in UTF-8, whole or not at all; errors as `atomic_file`."""
    with atomic_file(path, stage) as file:
        file.write(text.encode())


def _flush_folder(folder: Path) -> None:
    """Make the rename itself last through a power cut, where the file system can (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
