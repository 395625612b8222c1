"""COLMAP's binary model, taken apart and put together again: what becomes of it when its photos are straightened.

Asked one by one for the places of its features, COLMAP's model takes a hundred times as long.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from splatworker.formats.image_records import NO_POINT, ImageRecord, image_records
from splatworker.sfm.colmap import pycolmap

_CAMERA, _IMAGE, _POINT = struct.Struct("<IiQQ"), struct.Struct("<I4d3dI"), struct.Struct("<Q3d3BdQ")
_COLOUR_AT = 8 + 3 * 8

Pixels = npt.NDArray[np.float64]
"""(N, 2), where the middle of the first pixel is at 0.5."""


def read_images(data: bytes) -> list[ImageRecord]:
    """The images of an images.bin, in the order of their ids."""
    return sorted(image_records(data), key=lambda record: record.image_id)


def observations(record: ImageRecord) -> npt.NDArray[np.void]:
    """Those of an image's features that see a point."""
    seen: npt.NDArray[np.void] = record.features[record.features["point"] != NO_POINT]
    return seen


def images_file(
    records: Sequence[ImageRecord], names: Mapping[int, str], moves: Mapping[int, Callable[[Pixels], Pixels]]
) -> bytes:
    """An images.bin: `names` by image id, and by camera id where pixels of its photos lie now."""
    parts = [struct.pack("<Q", len(records))]
    for record in records:
        features = record.features.copy()
        features["xy"] = moves[record.camera_id](features["xy"])
        name, count = names[record.image_id].encode(), struct.pack("<Q", len(features))
        head = _IMAGE.pack(record.image_id, *record.pose, record.camera_id)
        parts += [head, name, b"\0", count, features.tobytes()]
    return b"".join(parts)


def cameras_file(cameras: Mapping[int, pycolmap.Camera]) -> bytes:
    """A cameras.bin of cameras by their ids."""
    parts = [struct.pack("<Q", len(cameras))]
    for camera_id, camera in sorted(cameras.items()):
        parts.append(_CAMERA.pack(camera_id, int(camera.model), camera.width, camera.height))
        parts.append(np.asarray(camera.params, "<f8").tobytes())
    return b"".join(parts)


def with_colours(data: bytes, colours: Mapping[int, bytes]) -> bytes:
    """A points3D.bin whose points have these colours by their ids, three bytes each; black where they have none."""
    changed, offset = bytearray(data), 8
    for _ in range(int.from_bytes(data[:8], "little")):
        point_id, *_others, track = _POINT.unpack_from(data, offset)
        place = offset + _COLOUR_AT
        changed[place : place + 3] = colours.get(point_id, b"\0\0\0")
        offset += _POINT.size + 8 * track
    return bytes(changed)
