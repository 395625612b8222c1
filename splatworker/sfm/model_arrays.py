"""COLMAP's model as arrays: by way of the files that it writes.

Asking a model for its features and points one by one takes ten times as long.
"""

from __future__ import annotations

import struct
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.formats.image_records import FEATURE, NO_POINT, ImageRecord, image_records
from splatworker.sfm.colmap import pycolmap

_POINT = struct.Struct("<Q3d11xQ")
"""Id, place, colour and error passed over, and how many features see it."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ModelArrays:
    """A model's registered images and its points, as they were when it was read; of its cameras nothing.

    Attributes:
        images: by id, in the order of these.
        point_ids: (N,) rising.
        points: (N, 3) in the world.
    """

    images: dict[int, ImageRecord]
    point_ids: npt.NDArray[np.uint64]
    points: Floats

    def rows(self, ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
        """The rows of `points` with these ids."""
        return np.searchsorted(self.point_ids, ids)

    def observations(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp], Floats]:
        """Of each feature with a point: its image, as the place in `images`; the point's row; its pixel (R, 2)."""
        return self._observations

    @cached_property
    def _observations(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.intp], Floats]:
        seen = [record.features[record.features["point"] != np.uint64(NO_POINT)] for record in self.images.values()]
        features = np.concatenate(seen) if seen else np.zeros(0, FEATURE)
        image = np.repeat(np.arange(len(seen), dtype=np.int32), [len(of_image) for of_image in seen])
        return image, self.rows(features["point"]), features["xy"].copy()


def read(model: pycolmap.Reconstruction, folder: Path | None = None) -> ModelArrays:
    """The arrays of a model; `folder` is for the files in between, the system's by default."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        written = Path(name)
        model.write_binary(written)
        images = (written / "images.bin").read_bytes()
        points = (written / "points3D.bin").read_bytes()
    records = sorted(image_records(images), key=lambda record: record.image_id)
    seen = [record.features["point"] for record in records]
    of_features = np.concatenate(seen) if seen else np.zeros(0, np.uint64)
    seen_ids = np.sort(of_features[of_features != np.uint64(NO_POINT)])
    begins = np.flatnonzero(np.concatenate([[True], seen_ids[1:] != seen_ids[:-1]])[: len(seen_ids)])
    found = _read_points(points, seen_ids[begins], np.diff(begins, append=len(seen_ids)))
    return ModelArrays({record.image_id: record for record in records}, *found)


def _read_points(
    data: bytes, ids: npt.NDArray[np.uint64], lengths: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.uint64], Floats]:
    """Ids and places of a points3D.bin; `ids` and `lengths` of its tracks, as the images have them.

    COLMAP writes points by their ids, so the tracks' lengths tell where each is. Where that is not so, or a point has
    no track, they are read one after another.
    """
    sizes = _POINT.size + 8 * lengths
    if len(ids) == int.from_bytes(data[:8], "little") and 8 + sizes.sum() == len(data):
        begins = 8 + np.cumsum(sizes) - sizes
        heads = np.frombuffer(data, np.uint8)[begins[:, None] + np.arange(32)]
        found = heads[:, :8].copy().view("<u8").reshape(-1)
        if np.array_equal(found, ids):
            return ids, heads[:, 8:].copy().view("<f8").astype(np.float64)
    return _read_points_in_turn(data)


def _read_points_in_turn(data: bytes) -> tuple[npt.NDArray[np.uint64], Floats]:
    numbers, places, offset = [], [], 8
    for _ in range(int.from_bytes(data[:8], "little")):
        point_id, *place, track = _POINT.unpack_from(data, offset)
        numbers.append(point_id)
        places.append(place)
        offset += _POINT.size + 8 * track
    found = np.array(numbers, np.uint64)
    order = np.argsort(found)
    return found[order], np.array(places).reshape(-1, 3)[order]
