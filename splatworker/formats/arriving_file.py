"""How far a file has come that is still arriving: told by the process that brings it, read by one that works on it.

A few bytes in a file of their own, written over at each step: cheap enough for every piece that comes. The arriving
file itself has its full length from the start, with nothing in what is missing: whoever reads there reads zeros. So
whoever works on it looks here first, and once more when it is done, at the version.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import astuple, dataclass
from pathlib import Path

_FIELDS = struct.Struct("<QQQQ?")
_SUM = struct.Struct("<I")


def arriving_folder(folder: Path) -> Path:
    """Where files are that are on their way into a folder."""
    return folder.with_name(f"{folder.name}-arriving")


def progress_folder(folder: Path) -> Path:
    """Where it is told of each how far it has come, by the same name."""
    return folder.with_name(f"{folder.name}-progress")


@dataclass(frozen=True)
class HowFar:
    """What of a file is here.

    Attributes:
        version: changes whenever what was here before holds no longer.
        size: bytes of all of it, 0 where that is not known.
        there: bytes that are here from its beginning on.
        tail: where the end begins that is here too; `size` where none is.
        is_done: all of it is here, and stays as it is.
    """

    version: int
    size: int
    there: int
    tail: int
    is_done: bool = False

    def has(self, start: int, end: int) -> bool:
        """Whether these bytes are here."""
        return self.is_done or end <= self.there or (max(start, self.there) >= self.tail and end <= self.size)


def tell(descriptor: int, how_far: HowFar) -> None:
    """Write it over what was told before, through an open file."""
    content = _FIELDS.pack(*astuple(how_far))
    os.pwrite(descriptor, content + _SUM.pack(zlib.crc32(content)), 0)


def told(path: Path) -> HowFar | None:
    """What was told last; None where nothing was, or it is being written at this moment."""
    try:
        with path.open("rb") as file:
            content = file.read(_FIELDS.size + _SUM.size)
    except OSError:
        return None
    if len(content) < _FIELDS.size + _SUM.size:
        return None
    fields, (checked,) = content[: _FIELDS.size], _SUM.unpack(content[_FIELDS.size :])
    return HowFar(*_FIELDS.unpack(fields)) if zlib.crc32(fields) == checked else None
