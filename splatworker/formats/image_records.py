"""The records of COLMAP's images.bin, one after another: the one walk through it that all its readers share."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FEATURE = np.dtype([("xy", "<f8", 2), ("point", "<u8")])
"""A feature: its place in pixels, and the id of its point or `NO_POINT`."""

NO_POINT = 2**64 - 1
"""The id of a feature that belongs to no point."""

_HEAD = struct.Struct("<I7di")
"""Id, quaternion w, x, y, z, translation, camera; then the name up to a zero, the count of features, and these."""

_LEAST = _HEAD.size + 1 + 8
"""Bytes of an image that has no name and no feature."""


class ImageRecord(NamedTuple):
    """A registered photo.

    Attributes:
        pose: (7,) camera_from_world: a quaternion w, x, y, z, and a translation, as they stand in the file.
        name: bytes, which need not be UTF-8, as by `os.fsdecode`.
        features: (N,) of `FEATURE`, a view of the file's bytes.
    """

    image_id: int
    pose: npt.NDArray[np.float64]
    camera_id: int
    name: str
    features: npt.NDArray[np.void]


def image_records(data: bytes) -> Iterator[ImageRecord]:
    """All records of an images.bin, in its order. No count is believed beyond the bytes that are there.

    Raises:
        ValueError: the file is cut short.
    """
    count = int.from_bytes(data[:8], "little")
    if len(data) < 8 or count > (len(data) - 8) // _LEAST:
        raise ValueError("cut short")
    offset = 8
    for _ in range(count):
        if offset + _LEAST > len(data):
            raise ValueError("cut short")
        image_id, *pose, camera_id = _HEAD.unpack_from(data, offset)
        if (end := data.find(b"\0", offset + _HEAD.size)) < 0 or end + 9 > len(data):
            raise ValueError("cut short")
        name = data[offset + _HEAD.size : end].decode("utf-8", "surrogateescape")
        features = int.from_bytes(data[end + 1 : end + 9], "little")
        offset = end + 9
        if features > (len(data) - offset) // FEATURE.itemsize:
            raise ValueError("cut short")
        found = np.frombuffer(data, FEATURE, features, offset) if features else np.zeros(0, FEATURE)
        offset += found.nbytes
        yield ImageRecord(image_id, np.array(pose), camera_id, name, found)
