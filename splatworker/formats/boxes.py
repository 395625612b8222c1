"""Boxes of MP4 and MOV (ISO 14496-12): where each begins and ends, of files that may lie about it.

Whoever looks for one says how many may be looked at: sizes that go nowhere, go backwards or leave what they are in end
the walk, and nothing is read but headers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

MOST_BOXES = 4096
"""That are looked at in one file."""

LONGEST_HEADER = 16
"""Bytes."""

BEFORE_THE_INDEX = (b"ftyp", b"wide", b"free", b"skip", b"pnot", b"uuid")
"""Small boxes that a file may have before its index or its pictures."""


class Box(NamedTuple):
    """A box, or an element of another container that is one inside the other.

    Attributes:
        kind: its four letters, or its number.
        inside: where its contents begin.
        after: where they end.
    """

    kind: bytes | int
    inside: int
    after: int


def walk(
    file: IO[bytes], start: int, end: int, counter: Iterator[int], read: Callable[[IO[bytes], int], Box | None]
) -> Iterator[Box]:
    """The boxes of a stretch of the file, one after another, as far as they make sense.

    Args:
        counter: gives as many numbers as boxes may be looked at.
        read: reads the header of the one at the file's place, of a stretch that has this end.
    """
    while start < end and next(counter, None) is not None:
        file.seek(start)
        found = read(file, end)
        if found is None or not start < found.after <= end:
            return
        yield found
        start = found.after


def box(file: IO[bytes], end: int) -> Box | None:
    """The box at the file's place, of a stretch that has this end; None where there is none."""
    start = file.tell()
    return header(file.read(LONGEST_HEADER), start, end)


def header(head: bytes, start: int, end: int) -> Box | None:
    """The box that begins with these bytes, at a place of a stretch that has this end; None where it is none."""
    if len(head) < 8:
        return None
    size, inside = int.from_bytes(head[:4], "big"), start + 8
    if size == 1:
        size, inside = int.from_bytes(head[8:16], "big"), start + 16
    after = start + size if size else end
    return Box(head[4:8], inside, after) if after >= inside else None
