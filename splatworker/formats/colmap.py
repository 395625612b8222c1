"""Reader of COLMAP's binary model: `cameras.bin`, `images.bin`, `points3D.bin`, in numpy.

The layout is COLMAP's documented one (https://colmap.github.io/format.html#binary-file-format): little-endian records
behind a count. Only what a splat trainer needs is read: pinhole cameras, poses, coloured points.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.errors import InvalidScene, from_os_error

_MODELS = {0: "SIMPLE_PINHOLE", 1: "PINHOLE", 2: "SIMPLE_RADIAL", 3: "RADIAL", 4: "OPENCV", 5: "OPENCV_FISHEYE"}
_PARAMETER_COUNT = {0: 3, 1: 4}


class Intrinsics(NamedTuple):
    """A pinhole camera's image size, focal lengths and principal point, all in pixels."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float


class PosedImage(NamedTuple):
    """A registered photo: its file name, its camera's id, and camera_from_world (3, 4)."""

    name: str
    camera_id: int
    camera_from_world: npt.NDArray[np.float64]


class Points(NamedTuple):
    """The sparse points: (N, 3) positions in the world, (N, 3) colours, (N,) in how many photos each was seen."""

    xyz: npt.NDArray[np.float64]
    rgb: npt.NDArray[np.uint8]
    track_lengths: npt.NDArray[np.int64]


def read_cameras(path: Path) -> dict[int, Intrinsics]:
    """The cameras by id.

    Raises:
        InvalidScene: the file is missing, cut short, or a camera has a model with distortion.
    """
    data = _read(path)
    cameras = {}
    offset, count = 8, _count(data, path)
    try:
        for _ in range(count):
            camera_id, model, width, height = struct.unpack_from("<iiQQ", data, offset)
            if model not in _PARAMETER_COUNT:
                raise InvalidScene(
                    f"Camera {camera_id} of the scene is {_MODELS.get(model, f'model {model}')}, not PINHOLE.",
                    hint="Undistort the photos first (colmap image_undistorter, or splatworker sfm).",
                )
            parameters = struct.unpack_from(f"<{_PARAMETER_COUNT[model]}d", data, offset + 24)
            offset += 24 + 8 * len(parameters)
            fx, fy, cx, cy = parameters if model == 1 else (parameters[0], *parameters)
            if not (width > 0 and height > 0 and fx > 0 and fy > 0):
                raise InvalidScene(f"Camera {camera_id} of the scene has no size or no focal length.")
            cameras[camera_id] = Intrinsics(width, height, fx, fy, cx, cy)
    except struct.error as error:
        raise _cut_short(path) from error
    return cameras


def read_images(path: Path) -> list[PosedImage]:
    """The registered photos, sorted by name.

    Raises:
        InvalidScene: the file is missing, cut short, or a pose is not a number.
    """
    data = _read(path)
    images = []
    offset, count = 8, _count(data, path)
    try:
        for _ in range(count):
            pose = struct.unpack_from("<7d", data, offset + 4)
            (camera_id,) = struct.unpack_from("<i", data, offset + 60)
            end = data.index(b"\0", offset + 64)
            name = data[offset + 64 : end].decode("utf-8")
            (observations,) = struct.unpack_from("<Q", data, end + 1)
            offset = end + 9 + 24 * observations
            images.append(PosedImage(name, camera_id, _camera_from_world(np.array(pose), name)))
    except (struct.error, ValueError) as error:  # ValueError: no end of a name, or a name that is not UTF-8
        raise _cut_short(path) from error
    if offset > len(data):
        raise _cut_short(path)
    return sorted(images, key=lambda image: image.name)


def read_points(path: Path) -> Points:
    """The sparse points, in order of their ids (a file's own order is a hash table's).

    Raises:
        InvalidScene: the file is missing or cut short.
    """
    data = _read(path)
    count = _count(data, path)
    records = []
    offset, record = 8, struct.Struct("<Q3d3BdQ")
    try:
        for _ in range(count):
            fields = record.unpack_from(data, offset)
            records.append(fields)
            offset += record.size + 8 * fields[-1]
    except struct.error as error:
        raise _cut_short(path) from error
    if offset > len(data):
        raise _cut_short(path)
    records.sort()
    table = np.array(records, dtype=np.float64).reshape(len(records), 9)
    return Points(table[:, 1:4].copy(), table[:, 4:7].astype(np.uint8), table[:, 8].astype(np.int64))


def _camera_from_world(pose: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
    """(3, 4) from a quaternion w, x, y, z and a translation."""
    length = np.linalg.norm(pose[:4])
    if not np.isfinite(pose).all() or length == 0:
        raise InvalidScene(f"The pose of {name} is not a number.")
    w, x, y, z = pose[:4] / length
    rotation = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.concatenate([np.array(rotation), pose[4:, None]], axis=1)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidScene(
            f"The scene has no {path.parent.parent.name}/{path.parent.name}/{path.name}.",
            hint="A scene is a folder with images/ and sparse/0/{cameras,images,points3D}.bin from COLMAP.",
        ) from error
    except OSError as error:
        raise from_os_error(error, "train") from error


def _count(data: bytes, path: Path) -> int:
    if len(data) < 8:
        raise _cut_short(path)
    return int.from_bytes(data[:8], "little")


def _cut_short(path: Path) -> InvalidScene:
    return InvalidScene(f"{path.name} of the scene is cut short or garbled.")
