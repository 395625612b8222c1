"""What is made of a fisheye beside its undistorted middle: how far it shows anything, its faces, what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from splatworker.formats.image_records import ImageRecord
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.cut import free_name
from splatworker.sfm.faces import Aside, Face, edges_of, faces_of, sides_of
from splatworker.sfm.fisheye import Fisheye, fisheye_of, shown_up_to
from splatworker.sfm.photo import FORMATS

_LOOKED_AT, _SIDE = 8, 256
"""Photos of a lens in which its circle is looked for, and the pixels of their longest side for that."""

_SAMPLES = 200


@dataclass(frozen=True)
class Wide:
    """A fisheye lens and the box around it.

    Attributes:
        rim: the lens.
        edges: of its front, as `faces.edges_of`.
        faces: the sides that are worth cutting.
        shown: (height, width) of the front, what lies within the circle that the lens draws; None: all of it.
        share: of a photo's pixels, what the faces show.
    """

    rim: Fisheye
    edges: Mapping[str, float]
    faces: tuple[Face, ...]
    shown: npt.NDArray[np.bool_] | None
    share: float


def wide_of(lens: pycolmap.Camera, front: pycolmap.Camera, photos: Sequence[Path], longest: int) -> Wide | None:
    """What is made of a fisheye; None of one whose model is not known here.

    Args:
        lens: the camera of these photos.
        front: the PINHOLE camera of what is undistorted of them.
        longest: pixels of the longest side of a face; 0 for any.
    """
    rim, size = fisheye_of(lens), (lens.width, lens.height)
    if rim is None:
        return None
    chosen = photos[:: max(1, len(photos) // _LOOKED_AT)][:_LOOKED_AT]
    widest = shown_up_to(rim, size, (grey for grey in map(_look_at, chosen) if grey is not None))
    edges, faces = edges_of(front), faces_of(rim, size, front, widest, longest)
    shown = None if widest >= rim.widest else _within(front, widest)
    return Wide(rim, edges, faces, shown, _share(rim, edges, faces, size))


def named(
    records: Sequence[ImageRecord], names: Mapping[int, str], wides: Mapping[int, Wide], last_camera: int
) -> dict[int, list[Aside]]:
    """The faces of each photo, by its image id, with ids and names that nothing else has.

    Args:
        names: of the photos by their image ids.
        wides: by camera id; others are no fisheyes.
        last_camera: the largest id of a camera.
    """
    taken = {name.lower() for name in names.values()}
    image_id = max(names, default=0)
    cameras: dict[tuple[int, str], int] = {}
    aside: dict[int, list[Aside]] = {record.image_id: [] for record in records}
    for record in records:
        for face in wides[record.camera_id].faces if record.camera_id in wides else ():
            image_id += 1
            camera_id = cameras.setdefault((record.camera_id, face.label), last_camera + len(cameras) + 1)
            name = free_name(names[record.image_id], face.label, taken)
            aside[record.image_id].append(Aside(image_id, camera_id, name, face))
    return aside


def _look_at(path: Path) -> npt.NDArray[np.uint8] | None:
    """A photo in grey and small; None of one that is cut short."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.draft("L", (_SIDE, _SIDE))
            grey = image.convert("L")
    except (OSError, ValueError, SyntaxError):
        return None
    grey.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(grey)


def _within(front: pycolmap.Camera, widest: float) -> npt.NDArray[np.bool_] | None:
    """(height, width) what of a front lies within so many radians of the axis; None where all does."""
    fx, fy, cx, cy = front.params
    x, y = np.meshgrid(np.arange(front.width) + 0.5, np.arange(front.height) + 0.5)
    within = np.arctan(np.hypot((x - cx) / fx, (y - cy) / fy)) <= widest
    return None if within.all() else within


def _share(rim: Fisheye, edges: Mapping[str, float], faces: Sequence[Face], size: tuple[int, int]) -> float:
    """The share of a photo's pixels that faces show."""
    x, y = np.meshgrid(np.linspace(0.5, size[0] - 0.5, _SAMPLES), np.linspace(0.5, size[1] - 0.5, _SAMPLES))
    rays = rim.rays(np.stack([x, y], axis=-1).reshape(-1, 2))
    rays = rays[np.isfinite(rays).all(axis=1)]
    sides = sides_of(rays, edges)
    seen = 0
    for face in faces:
        height, width = face.shown.shape
        scale = np.array([width / face.camera.width, height / face.camera.height])
        i, j = np.floor(face.pixels(rays[sides == face.label]) * scale).astype(int).T
        inside = (i >= 0) & (j >= 0) & (i < width) & (j < height)
        seen += int(face.shown[j[inside], i[inside]].sum())
    return seen / _SAMPLES**2
