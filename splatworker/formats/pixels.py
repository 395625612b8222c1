"""A picture's pixels as arrays, out of Pillow's memory in one step.

Pillow keeps a pixel in four bytes, of which the last says nothing. Its own copy of them comes in pieces, which are
joined, while Python's lock is held; for planes they would then be put apart: three passes where one is enough. And it
decodes a file in pieces of 64 KiB, between which a thread waits for that lock.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from splatworker import _cpu

MOST_AT_ONCE = 2**25
"""Bytes of a file that are read and decoded in one piece."""


def decode_in_one_piece(image: Image.Image, path: Path) -> None:
    """Let a picture that was opened, and not loaded, be decoded in one piece, if its file is not too large."""
    if isinstance(image, ImageFile.ImageFile):
        image.decodermaxblock = max(image.decodermaxblock, min(MOST_AT_ONCE, path.stat().st_size))


def planes_of(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """(3, H, W) of an RGB picture."""
    planes = np.empty((3, picture.height, picture.width), np.uint8)
    whole = _put(picture, _cpu.planes_of, planes)
    return planes if whole else np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


def pixels_of(picture: Image.Image) -> npt.NDArray[np.uint8]:
    """(H, W, 3) of an RGB picture."""
    pixels = np.empty((picture.height, picture.width, 3), np.uint8)
    return pixels if _put(picture, _cpu.pixels_of, pixels) else np.asarray(picture)


def _put(
    picture: Image.Image, put: Callable[[object, object, npt.NDArray[np.uint8]], bool], to: npt.NDArray[np.uint8]
) -> bool:
    """Whether the pixels could be put there at once."""
    picture.load()
    try:
        return put(*picture.__arrow_c_array__(), to)
    except ValueError:  # it is so large that it lies in several pieces
        return False
