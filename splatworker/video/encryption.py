"""Whether a clip is protected, as its container says: the decoder would only find nonsense in it.

In an MP4 the pictures' format is then `encv` (ISO 14496-12, 8.12) or one of FairPlay's; in a Matroska file an encoding
of the track is an encryption. Only the boxes on the way there are read, and few of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from splatworker.formats import boxes
from splatworker.formats.boxes import Box

_PROTECTED = (b"encv", b"drmi", b"drms")

_INTO = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
"""Boxes on the way to the formats of tracks."""

_DEEPEST = 8
"""How many boxes may be in each other: on the way there are five."""

_SEGMENT, _TRACKS, _TRACK, _ENCODINGS, _ENCODING, _ENCRYPTION = (
    0x18538067, 0x1654AE6B, 0xAE, 0x6D80, 0x6240, 0x5035,
)  # fmt: skip
"""Elements of Matroska (RFC 9559) on the way to an encryption, outermost first."""


def is_encrypted(path: Path, demuxer: str) -> bool:
    """Whether the pictures of a clip are encrypted; False where that cannot be told.

    Args:
        demuxer: "mov" or "matroska".
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        counter = iter(range(boxes.MOST_BOXES))
        if demuxer == "mov":
            return any(_protected(file, 0, size, counter))
        return any(_encryptions(file, 0, size, counter, (_SEGMENT, _TRACKS, _TRACK, _ENCODINGS, _ENCODING)))


def _protected(file: IO[bytes], start: int, end: int, counter: Iterator[int], depth: int = 0) -> Iterator[bool]:
    """True for each format of a track that is protected."""
    for kind, inside, after in boxes.walk(file, start, end, counter, boxes.box):
        if kind in _INTO and depth < _DEEPEST:
            yield from _protected(file, inside, after, counter, depth + 1)
        elif kind == b"stsd":  # eight bytes of version and count, then a box a format
            for entry, _, _ in boxes.walk(file, inside + 8, after, counter, boxes.box):
                yield entry in _PROTECTED


def _encryptions(file: IO[bytes], start: int, end: int, counter: Iterator[int], way: tuple[int, ...]) -> Iterator[bool]:
    """True for each encryption at the end of the way."""
    for kind, inside, after in boxes.walk(file, start, end, counter, _element):
        if not way:
            yield kind == _ENCRYPTION
        elif kind == way[0]:
            yield from _encryptions(file, inside, after, counter, way[1:])


def _element(file: IO[bytes], end: int) -> Box | None:
    """An element of EBML (RFC 8794) at the file's place: an id with its marker, and a size without."""
    head = file.read(1)
    if not head or not head[0] & 0xF0:
        return None
    kind = int.from_bytes(head + file.read(8 - head[0].bit_length()), "big")
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 8 - first[0].bit_length()
    size = int.from_bytes(bytes([first[0] & (0x7F >> length)]) + file.read(length), "big")
    inside = file.tell()
    return Box(kind, inside, end if size == (1 << 7 * (length + 1)) - 1 else inside + size)
