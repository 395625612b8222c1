"""Which scene points each photo of a COLMAP model sees, and where: what images.bin or images.txt says beside poses."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.image_records import NO_POINT, image_records

_MOST_OF_TEXT = 2**53
"""Ids of a text are read as floats, which are exact below it; what is none, or no number, is no point."""


class Observations(NamedTuple):
    """M features of a photo that belong to points: (M, 2) places in pixels, its corner at 0, 0, and (M,) ids."""

    xy: npt.NDArray[np.float64]
    points: npt.NDArray[np.uint64]


def read_observations(path: Path) -> dict[str, Observations]:
    """By photo, of an images.bin or images.txt; nothing from a missing or broken file, or of a photo without any.

    They are a help and not needed: whoever reads the scene itself (`formats.colmap`) says what is wrong with it.
    """
    try:
        data = path.read_bytes()
        found = _of_text(data) if path.suffix == ".txt" else _of_binary(data)
    except (OSError, ValueError, OverflowError, IndexError):
        return {}
    return {name: kept for name, seen in found.items() if len((kept := _of_points(seen)).points)}


def _of_binary(data: bytes) -> dict[str, Observations]:
    return {one.name: Observations(one.features["xy"], one.features["point"]) for one in image_records(data)}


def _of_text(data: bytes) -> dict[str, Observations]:
    lines = [line for line in data.decode("utf-8", "surrogateescape").splitlines() if not line.lstrip().startswith("#")]
    found = {}
    for image, features in zip(lines[::2], lines[1::2], strict=False):
        name = image.split(maxsplit=9)[9].rstrip()
        words = features.split()
        table = np.array([float(word) for word in words]).reshape(-1, 3)
        of_point = (table[:, 2] >= 0) & (table[:, 2] < _MOST_OF_TEXT)
        ids = np.full(len(table), NO_POINT, np.uint64)
        ids[of_point] = table[of_point, 2].astype(np.uint64)
        found[name] = Observations(table[:, :2], ids)
    return found


def _of_points(seen: Observations) -> Observations:
    kept = (seen.points != NO_POINT) & np.isfinite(seen.xy).all(axis=1)
    return Observations(seen.xy[kept], seen.points[kept])
