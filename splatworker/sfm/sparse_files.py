"""COLMAP's binary model, taken apart and put together again: what becomes of it when its photos are undistorted.

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
    records: Sequence[ImageRecord],
    names: Mapping[int, str],
    moves: Mapping[int, Callable[[Pixels], Pixels]],
    more: Sequence[ImageRecord] = (),
) -> bytes:
    """An images.bin: `names` by image id, by camera id where pixels of its photos lie now; `more` are as they are."""
    parts = [struct.pack("<Q", len(records) + len(more))]
    for record in records:
        features = record.features.copy()
        features["xy"] = moves[record.camera_id](features["xy"])
        parts += _image(record._replace(name=names[record.image_id], features=features))
    for record in more:
        parts += _image(record)
    return b"".join(parts)


def _image(record: ImageRecord) -> tuple[bytes, ...]:
    head = _IMAGE.pack(record.image_id, *record.pose, record.camera_id)
    return head, record.name.encode(), b"\0", struct.pack("<Q", len(record.features)), record.features.tobytes()


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


def with_tracks(data: bytes, now: Mapping[int, npt.NDArray[np.uint32]]) -> bytes:
    """A points3D.bin whose observations are where they lie now: by image id, (N, 2) of each of its features the id of
    the image that has it, 0 where none does, and its number there.
    """
    parts, offset = [data[:8]], 8
    for _ in range(int.from_bytes(data[:8], "little")):
        count = _POINT.unpack_from(data, offset)[-1]
        start = offset + _POINT.size
        track = np.frombuffer(data, "<u4", 2 * count, start).reshape(-1, 2).copy()
        for row, (image_id, number) in enumerate(track.tolist()):
            if image_id in now:
                track[row] = now[image_id][number]
        track = track[track[:, 0] != 0]
        parts += [data[offset : start - 8], struct.pack("<Q", len(track)), track.tobytes()]
        offset = start + 8 * count
    return b"".join(parts)
