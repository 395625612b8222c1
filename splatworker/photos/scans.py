"""The scans of a progressive JPEG: each is a pass over the whole picture, and costs a few dozen bytes to ask for."""

from __future__ import annotations

import re
from pathlib import Path

from splatworker.photos.unusable import Unusable

MOST_SCANS = 100
"""Encoders use a dozen at most."""

_START, _SCAN, _END = b"\xff\xd8", 0xDA, 0xD9
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)
"""A marker among entropy-coded bytes: FF 00 is a byte there, and FF D0 to FF D7 a restart (ITU T.81, B.1.1)."""


def refuse_many_scans(path: Path) -> None:
    """Refuse a JPEG that asks for more passes than any encoder makes.

    Raises:
        Unusable: it does.
    """
    with path.open("rb") as file:
        if file.read(2) != _START:
            return
        file.seek(0)
        data = file.read()
    if count_scans(data, MOST_SCANS + 1) > MOST_SCANS:
        raise Unusable(f"it is a JPEG of more than {MOST_SCANS} scans, which no camera writes")


def count_scans(data: bytes, enough: int) -> int:
    """How many scans a JPEG's first picture has; counted up to `enough`."""
    at, scans = 2, 0
    while scans < enough and (found := _MARKER.search(data, at)):
        marker, at = found[1][0], found.end()
        if marker == _END:
            break
        if marker == _SCAN:
            scans += 1
        if marker != 0x01:  # TEM has no length
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
    return scans
