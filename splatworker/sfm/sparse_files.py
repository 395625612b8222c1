"""COLMAP's binary model of a scene whose photos were straightened: written from the files of the model as it was.

Asked one by one for the places of its features, COLMAP's model takes a hundred times as long.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from splatworker.sfm.colmap import pycolmap

_CAMERA, _IMAGE = struct.Struct("<IiQQ"), struct.Struct("<I4d3dI")
_FEATURE = np.dtype([("pixel", "<f8", 2), ("point", "<u8")])


class Move(Protocol):
    """Where pixels of a photo lie in the one that is written."""

    def move(self, pixels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """(N, 2) to (N, 2)."""


@dataclass(frozen=True)
class Moved:
    """What is different of a model.

    Attributes:
        cameras: by id, those that are written.
        names: by image id, the photos' own.
        moves: by camera id, what becomes of its photos' pixels.
    """

    cameras: Mapping[int, pycolmap.Camera]
    names: Mapping[int, str]
    moves: Mapping[int, Move]


def write_sparse(model: pycolmap.Reconstruction, moved: Moved, between: Path, target: Path) -> None:
    """Write cameras.bin, images.bin and points3D.bin into `target`, by way of the model's own files in `between`."""
    between.mkdir()
    model.write_binary(between)
    target.mkdir(parents=True)
    (target / "cameras.bin").write_bytes(_cameras(moved.cameras))
    (target / "images.bin").write_bytes(_images((between / "images.bin").read_bytes(), moved))
    (between / "points3D.bin").rename(target / "points3D.bin")


def _cameras(cameras: Mapping[int, pycolmap.Camera]) -> bytes:
    parts = [struct.pack("<Q", len(cameras))]
    for camera_id, camera in sorted(cameras.items()):
        parts.append(_CAMERA.pack(camera_id, int(camera.model), camera.width, camera.height))
        parts.append(np.asarray(camera.params, "<f8").tobytes())
    return b"".join(parts)


def _images(data: bytes, moved: Moved) -> bytes:
    records, offset = {}, 8
    for _ in range(int.from_bytes(data[:8], "little")):
        start = offset
        image_id, *_pose, camera_id = _IMAGE.unpack_from(data, start)
        offset = data.index(b"\0", start + _IMAGE.size) + 9
        count = int.from_bytes(data[offset - 8 : offset], "little")
        features = np.frombuffer(data, _FEATURE, count, offset).copy()
        offset += features.nbytes
        features["pixel"] = moved.moves[camera_id].move(features["pixel"])
        name = moved.names[image_id].encode()
        head = data[start : start + _IMAGE.size]
        records[image_id] = b"".join([head, name, b"\0", struct.pack("<Q", count), features.tobytes()])
    return data[:8] + b"".join(records[image_id] for image_id in sorted(records))
