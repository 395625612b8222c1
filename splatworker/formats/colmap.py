"""Reader of COLMAP's models, binary and text: `cameras`, `images`, `points3D`, each `.bin` or `.txt`.

The layouts are COLMAP's documented ones (https://colmap.github.io/format.html): binary, little-endian records behind a
count; text, a record a line (two for an image) and comments behind #. Only what a splat trainer needs is read: pinhole
cameras, poses, coloured points. Names of photos are bytes, which need not be UTF-8: they stand as by `os.fsdecode`.

No count is believed: a file has no more records than its bytes hold, and what is read takes no more memory than a small
multiple of its file.
"""

from __future__ import annotations

import codecs
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.errors import InvalidScene, from_os_error
from splatworker.formats import rotations
from splatworker.formats.camera_models import BY_NAME, MODELS, Intrinsics, pinhole
from splatworker.formats.image_records import image_records
from splatworker.formats.presence import is_file
from splatworker.formats.scene_photo import shown

MOST_BYTES = 16 * 2**30
"""Of a model's file: a points3D.bin of a hundred million points."""

WITH_PINHOLES = "Write the model with PINHOLE cameras."

FARTHEST = 1e15
"""In the scene's units: positions beyond it, whose squares float32 cannot hold, are taken for broken."""

_LEAST_CAMERA = 40

_POINT = np.dtype([("id", "<u8"), ("xyz", "<f8", 3), ("rgb", "u1", 3), ("error", "<f8"), ("track", "<u8")])
"""Of points3D.bin, before the track: 8 bytes of each photo that is in it."""

_TRACK = struct.Struct("<Q")

_POINTS_AT_ONCE = 2**14
"""Bounds what is read of all at once: 8 times the bytes of these."""


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
    """The cameras by id, of a .bin or .txt.

    Raises:
        InvalidScene: the file is missing, cut short, or a camera has a lens that distorts.
    """
    data = _read(path)
    cameras: dict[int, Intrinsics] = {}
    for number, camera in _cameras_of_text(data, path) if path.suffix == ".txt" else _cameras_of_binary(data, path):
        if cameras.setdefault(number, camera) != camera:
            raise InvalidScene(f"The scene has two cameras of the number {number}.")
    return cameras


def _cameras_of_binary(data: bytes, path: Path) -> Iterator[tuple[int, Intrinsics]]:
    offset, count = 8, _count(data, path, _LEAST_CAMERA)
    try:
        for _ in range(count):
            camera_id, number, width, height = struct.unpack_from("<iiQQ", data, offset)
            what = f"Camera {camera_id} of the scene"
            if number not in MODELS:
                raise InvalidScene(f"{what} is model {number}, not PINHOLE.", hint=WITH_PINHOLES)
            model = MODELS[number]
            parameters = struct.unpack_from(f"<{model.parameters}d", data, offset + 24)
            offset += 24 + 8 * len(parameters)
            yield camera_id, pinhole(what, model, width, height, parameters)
    except struct.error as error:
        raise _cut_short(path) from error


def _cameras_of_text(data: bytes, path: Path) -> Iterator[tuple[int, Intrinsics]]:
    for line in _lines(data):
        words = line.split()
        if not words:
            continue
        try:
            camera_id, name, width, height = int(words[0]), words[1], int(words[2]), int(words[3])
            parameters = [float(word) for word in words[4:]]
        except (ValueError, IndexError) as error:
            raise _cut_short(path) from error
        what = f"Camera {camera_id} of the scene"
        model = BY_NAME.get(name)
        if model is None:
            raise InvalidScene(f"{what} is of a model that is not known, not PINHOLE.", hint=WITH_PINHOLES)
        if len(parameters) != model.parameters:
            raise _cut_short(path)
        yield camera_id, pinhole(what, model, width, height, parameters)


def read_images(path: Path) -> list[PosedImage]:
    """The registered photos, sorted by name, of a .bin or .txt.

    Raises:
        InvalidScene: the file is missing, cut short, or a pose is not a number.
    """
    data = _read(path)
    images = list(_images_of_text(data, path) if path.suffix == ".txt" else _images_of_binary(data, path))
    return sorted(images, key=lambda image: image.name)


def _images_of_binary(data: bytes, path: Path) -> Iterator[PosedImage]:
    try:
        for one in image_records(data):
            yield PosedImage(one.name, one.camera_id, _camera_from_world(one.pose, one.name))
    except ValueError as error:
        raise _cut_short(path) from error


def _images_of_text(data: bytes, path: Path) -> Iterator[PosedImage]:
    """A photo is a line, and its observations the next, which is often empty and which some writers leave out."""
    observations_follow = False
    for line in _lines(data):
        words = line.split(maxsplit=9)
        if observations_follow and not _begins_an_image(words):
            observations_follow = False
            continue
        if not words:
            continue
        try:
            pose, camera_id, name = np.array([float(word) for word in words[1:8]]), int(words[8]), words[9].rstrip()
        except (ValueError, IndexError) as error:
            raise _cut_short(path) from error
        observations_follow = True
        yield PosedImage(name, camera_id, _camera_from_world(pose, name))


def _begins_an_image(words: list[str]) -> bool:
    """Whether a line is a photo's and not its observations, which are numbers throughout."""
    if len(words) < 10:
        return False
    try:
        [float(word) for word in words[9].split()]
    except ValueError:
        return True
    return False


def read_points(path: Path) -> Points:
    """The sparse points, in order of their ids (a file's own order is a hash table's), of a .bin or .txt.

    Raises:
        InvalidScene: the file is missing or cut short.
    """
    data = _read(path)
    ids, table = _points_of_text(data, path) if path.suffix == ".txt" else _points_of_binary(data, path)
    table = table[np.argsort(ids, kind="stable")]
    return Points(table[:, :3].copy(), table[:, 3:6].astype(np.uint8), table[:, 6].astype(np.int64))


Rows = tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64]]
"""(N,) ids, and (N, 7) of each point x, y, z, red, green, blue and the length of its track."""


def _points_of_binary(data: bytes, path: Path) -> Rows:
    count, size = _count(data, path, _POINT.itemsize), _POINT.itemsize
    begins = np.empty(count, np.int64)
    offset = 8
    try:
        for row in range(count):  # only where each begins; what they say is read of many at once
            begins[row] = offset
            offset += size
            (track,) = _TRACK.unpack_from(data, offset - _TRACK.size)
            if track > (len(data) - offset) // 8:
                raise _cut_short(path)
            offset += 8 * track
    except struct.error as error:
        raise _cut_short(path) from error
    ids, table, file = np.empty(count, np.uint64), np.empty((count, 7)), np.frombuffer(data, np.uint8)
    for first in range(0, count, _POINTS_AT_ONCE):
        some = slice(first, first + _POINTS_AT_ONCE)
        points = file[begins[some, None] + np.arange(size)].view(_POINT)[:, 0]
        ids[some], table[some, :3], table[some, 3:6] = points["id"], points["xyz"], points["rgb"]
        table[some, 6] = points["track"]
    return ids, table


def _points_of_text(data: bytes, path: Path) -> Rows:
    count = sum(1 for line in _lines(data) if line.strip())
    ids, table = np.empty(count, np.uint64), np.empty((count, 7))
    row = 0
    for line in _lines(data):
        words = line.split()
        if not words:
            continue
        try:
            ids[row] = int(words[0])
            table[row, :6] = [float(word) for word in words[1:7]]
        except (ValueError, OverflowError) as error:
            raise _cut_short(path) from error
        colours = table[row, 3:6]
        if len(words) < 8 or not ((colours >= 0) & (colours <= 255)).all():
            raise _cut_short(path)
        table[row, 6] = (len(words) - 8) // 2
        row += 1
    return ids, table


def _camera_from_world(pose: npt.NDArray[np.float64], name: str) -> npt.NDArray[np.float64]:
    """(3, 4) from a quaternion w, x, y, z and a translation."""
    if not np.isfinite(pose).all() or not (1e-12 < np.abs(pose[:4]).max() < 1e12) or np.abs(pose[4:]).max() > FARTHEST:
        raise InvalidScene(f"The pose of {shown(name)} is not a number.")
    rotation = rotations.matrices(pose[:4] / np.linalg.norm(pose[:4]))
    return np.concatenate([rotation, pose[4:, None]], axis=1)


def _lines(data: bytes) -> Iterator[str]:
    """The lines of a text file that are no comments, less the mark that editors of Windows write before the first."""
    for line in data.removeprefix(codecs.BOM_UTF8).splitlines():
        if not line.lstrip().startswith(b"#"):
            yield line.decode("utf-8", "surrogateescape")


def _read(path: Path) -> bytes:
    if not os.path.lexists(path):
        raise InvalidScene(
            f"The scene has no {path.parent.parent.name}/{path.parent.name}/{path.name}.",
            hint="A scene is a folder with images/ and sparse/0/{cameras,images,points3D}.bin (or .txt) from COLMAP.",
        )
    if not is_file(path):  # a folder, a link to nothing, or a pipe, which may never end
        raise InvalidScene(f"{path.name} of the scene is not a file.")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidScene(f"{path.name} of the scene is larger than {MOST_BYTES >> 30} GiB.")
        return path.read_bytes()
    except OSError as error:
        raise from_os_error(error, "train") from error


def _count(data: bytes, path: Path, least: int) -> int:
    """How many records a binary file says it has; `least` bytes each."""
    count = int.from_bytes(data[:8], "little")
    if len(data) < 8 or count > (len(data) - 8) // least:
        raise _cut_short(path)
    return count


def _cut_short(path: Path) -> InvalidScene:
    return InvalidScene(f"{path.name} of the scene is cut short or corrupt.")
