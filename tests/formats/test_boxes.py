"""Boxes of files that are well-formed, and of others."""

from __future__ import annotations

import io
import struct

from splatworker.formats import boxes
from splatworker.formats.boxes import Box


def walked(content: bytes, most: int = 100) -> list[Box]:
    return list(boxes.walk(io.BytesIO(content), 0, len(content), iter(range(most)), boxes.box))


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_boxes_one_after_another() -> None:
    long = struct.pack(">I4sQ", 1, b"mdat", 16 + 5) + b"abcde"
    content = box(b"ftyp", b"isom") + long + struct.pack(">I4s", 0, b"free") + b"rest"
    assert walked(content) == [Box(b"ftyp", 8, 12), Box(b"mdat", 28, 33), Box(b"free", 41, 45)]


def test_sizes_that_lie_end_the_walk() -> None:
    first = box(b"ftyp")
    for size in (*range(1, 8), 9, 2**31, 2**32 - 1):
        content = first + struct.pack(">I4s", size, b"moov")
        assert walked(content) == [Box(b"ftyp", 8, 8)]
    for size in (15, 17, 2**63, 2**64 - 1):
        assert walked(first + struct.pack(">I4sQ", 1, b"moov", size)) == [Box(b"ftyp", 8, 8)]
    assert walked(first + b"\0\0\0") == [Box(b"ftyp", 8, 8)]


def test_no_more_are_looked_at_than_may_be() -> None:
    assert len(walked(box(b"free") * 20, most=7)) == 7
