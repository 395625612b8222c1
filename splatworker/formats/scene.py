"""A scene folder: photos with known cameras, and the sparse points that COLMAP saw.

scene/images/...                                    the undistorted photos
scene/sparse/0/{cameras,images,points3D}.bin        PINHOLE cameras, poses, points
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from splatworker.errors import InvalidScene
from splatworker.formats.colmap import Points, read_cameras, read_images, read_points
from splatworker.render.camera import Camera

HOLD_OUT_EVERY = 8
"""Of the photos sorted by name, those with index % 8 == 0 are held out for evaluation (Barron et al. 2022)."""

WIDEST_BY_DEFAULT = 1600
"""Pixels; wider photos are shrunk to this width when no resolution is asked for."""


@dataclass(frozen=True)
class Photo:
    """A registered photo: its name in the scene, its file, and its camera at the file's full size."""

    name: str
    path: Path
    camera: Camera


@dataclass(frozen=True)
class Scene:
    """Photos sorted by name, and the sparse points."""

    path: Path
    photos: list[Photo]
    points: Points


def read_scene(path: Path, images: str = "images") -> Scene:
    """Read a scene folder; `images` is the folder of the photos in it. No photo is opened.

    Raises:
        InvalidScene: something is missing, garbled or empty.
    """
    if not path.is_dir():
        raise InvalidScene(f"The scene folder {path} does not exist.")
    sparse = path / "sparse" / "0"
    cameras = read_cameras(sparse / "cameras.bin")
    photos = []
    for image in read_images(sparse / "images.bin"):
        file = path / images / image.name
        if image.camera_id not in cameras:
            raise InvalidScene(f"The photo {image.name} belongs to a camera that the scene does not have.")
        if not file.is_file():
            raise InvalidScene(f"The scene's photo {images}/{image.name} is missing.")
        photos.append(
            Photo(image.name, file, Camera(*cameras[image.camera_id], camera_from_world=image.camera_from_world))
        )
    if not photos:
        raise InvalidScene("The scene has no registered photos.")
    points = read_points(sparse / "points3D.bin")
    finite = np.isfinite(points.xyz).all(axis=1)
    points = Points(points.xyz[finite], points.rgb[finite], points.track_lengths[finite])
    return Scene(path, photos, points)


def split(photos: list[Photo], hold_out: bool) -> tuple[list[Photo], list[Photo]]:
    """Photos to train on and photos held out (none, unless `hold_out`)."""
    if not hold_out:
        return photos, []
    return (
        [photo for index, photo in enumerate(photos) if index % HOLD_OUT_EVERY],
        [photo for index, photo in enumerate(photos) if index % HOLD_OUT_EVERY == 0],
    )


def image_size(camera: Camera, resolution: int = -1) -> tuple[int, int]:
    """Width and height that a photo is drawn with, in pixels.

    Args:
        camera: the camera at the photo's full size.
        resolution: as the original trainer's `-r`: 1, 2, 4, 8 divide both sides; -1 shrinks photos wider than
            1600 px to that width; any other number is a width.
    """
    width, height = camera.width, camera.height
    if resolution in (1, 2, 4, 8):
        factor = float(resolution)
    elif resolution == -1:
        factor = max(1.0, width / WIDEST_BY_DEFAULT)
    else:
        factor = width / resolution
    return max(1, round(width / factor)), max(1, round(height / factor))
