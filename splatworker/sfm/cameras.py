"""Which photos share one camera's intrinsics, and what is known of them beforehand.

One camera seen in many photos is calibrated far better than many cameras seen once each: on a set of 50 photos of
one phone, a camera a photo made the poses ten times worse. COLMAP by itself shares a camera only where the header
names make and model, so the groups are made here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.photo import Photo

MAPPING_MODEL = "SIMPLE_RADIAL"
"""Camera model to map with where none is asked for: a focal length and one distortion parameter are what a few
photos can tell; `polish` adds more when there are many."""

UNKNOWN_FOCAL_FACTOR = 1.2
"""Focal length guessed as this multiple of the longer side where the header tells none: COLMAP's own guess."""

_SAME_SIZE_PHOTOS, _SAME_SIZE_SHARE = 5, 0.25
"""Photos without EXIF share a camera when at least so many, and such a share of them, have the same size: frames
of a video and a phone's stripped photos do, photos from the internet do not."""


@dataclass(frozen=True)
class CameraGroup:
    """Photos taken with one camera at one focal length.

    Attributes:
        photos: at least one.
        focal: prior of the focal length in pixels.
        has_prior: the focal length comes from the header, not from a guess.
    """

    photos: tuple[Photo, ...]
    focal: float
    has_prior: bool

    @property
    def width(self) -> int:
        """Width of its photos in pixels."""
        return self.photos[0].width

    @property
    def height(self) -> int:
        """Height of its photos in pixels."""
        return self.photos[0].height


def group_photos(photos: Sequence[Photo], paths: Sequence[Path]) -> list[CameraGroup]:
    """Group photos by size, make, model and focal length, in the order of their first photos; `paths` are their files.

    The focal length in pixels comes from the 35 mm equivalent or COLMAP's database of sensors; else it is guessed.
    """
    sizes = Counter((photo.width, photo.height) for photo in photos if _is_anonymous(photo))
    enough = max(_SAME_SIZE_PHOTOS, _SAME_SIZE_SHARE * sum(sizes.values()))
    members: dict[tuple[object, ...], list[tuple[Photo, Path]]] = {}
    for photo, path in zip(photos, paths, strict=True):
        size = (photo.width, photo.height)
        alone = _is_anonymous(photo) and sizes[size] < enough
        key = (*size, photo.make, photo.model, photo.focal_mm, photo.focal_35mm, photo.name if alone else "")
        members.setdefault(key, []).append((photo, path))
    return [_group([photo for photo, _ in group], group[0][1]) for group in members.values()]


def _is_anonymous(photo: Photo) -> bool:
    """The header says nothing by which two photos of one camera could be told from photos of two cameras."""
    return not photo.make and not photo.model and photo.focal_mm is None and photo.focal_35mm is None


def _group(photos: list[Photo], first: Path) -> CameraGroup:
    inferred = pycolmap.infer_camera_from_image(first)
    if inferred.has_prior_focal_length:
        return CameraGroup(tuple(photos), inferred.mean_focal_length(), True)
    longer = max(photos[0].width, photos[0].height)
    return CameraGroup(tuple(photos), UNKNOWN_FOCAL_FACTOR * longer, False)
