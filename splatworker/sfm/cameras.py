"""Which photos share one camera's intrinsics, and what is known of them beforehand.

One camera seen in many photos is calibrated far better than many cameras seen once each: on a set of 50 photos of
one phone, a camera a photo made the poses ten times worse. COLMAP by itself shares a camera only where the header
names make and model, so the groups are made here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.photo import PhotoHeader
from splatworker.sfm.views import Calibration

MAPPING_MODEL = "SIMPLE_RADIAL"
"""Camera model to map with where none is asked for: a focal length and one distortion parameter are what a few
photos can tell; `polish` adds more when there are many."""

FISHEYE_MAPPING_MODEL = "SIMPLE_RADIAL_FISHEYE"
"""The same of a fisheye."""

FOCAL_RANGE = (0.25, 4.0)
"""Focal lengths outside these multiples of the longer side are no camera's, whoever says so: 9 to 144 mm on film."""

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
        absurd: photos of it whose header tells a focal length that no camera has, which is not used.
        calibration: of views of panoramas, which is known exactly and stays as it is; None for a lens.
    """

    photos: tuple[PhotoHeader, ...]
    focal: float
    has_prior: bool
    absurd: tuple[PhotoHeader, ...] = ()
    calibration: Calibration | None = None

    @property
    def width(self) -> int:
        """Width of its photos in pixels."""
        return self.photos[0].width

    @property
    def height(self) -> int:
        """Height of its photos in pixels."""
        return self.photos[0].height


def group_photos(photos: Sequence[PhotoHeader], paths: Sequence[Path]) -> list[CameraGroup]:
    """Group photos by size, make, model and focal length, in the order of their first photos; `paths` are their files.

    The focal length in pixels comes from the 35 mm equivalent or COLMAP's database of sensors; else, and where that is
    no camera's, it is guessed. A photo with an absurd one is grouped as if it gave none, with the others of its camera.
    Views of panoramas that were cut in the same way share a camera for each direction.
    """
    of_lenses = [number for number, photo in enumerate(photos) if photo.view is None]
    groups = _group_by_lens([photos[number] for number in of_lenses], [paths[number] for number in of_lenses])
    order = {photo.name: number for number, photo in enumerate(photos)}
    return sorted([*groups, *_group_views(photos)], key=lambda group: order[group.photos[0].name])


def fixed_cameras(groups: Sequence[CameraGroup]) -> frozenset[int]:
    """Ids, which count the groups from 1, of the cameras whose calibration is known exactly."""
    return frozenset(camera_id for camera_id, group in enumerate(groups, 1) if group.calibration)


def _group_views(photos: Sequence[PhotoHeader]) -> list[CameraGroup]:
    """A camera for each view of panoramas of one size that show the same area."""
    members: dict[tuple[object, ...], list[PhotoHeader]] = {}
    for photo in photos:
        if photo.view is not None:
            members.setdefault((photo.area, photo.view), []).append(photo)
    return [
        CameraGroup(tuple(group), group[0].view.calibration.fx, True, calibration=group[0].view.calibration)
        for group in members.values()
        if group[0].view is not None
    ]


def _group_by_lens(photos: Sequence[PhotoHeader], paths: Sequence[Path]) -> list[CameraGroup]:
    """What `group_photos` does, of photos that were taken with a lens."""
    headers = {_header(photo): (photo, path) for photo, path in zip(photos, paths, strict=True)}
    focals = {header: _header_focal(photo, path) for header, (photo, path) in headers.items()}
    absurd = {photo.name for photo in photos if _is_absurd(focals[_header(photo)], photo)}
    believed = [_without_focal(photo) if photo.name in absurd else photo for photo in photos]
    members: dict[tuple[object, ...], list[int]] = {}
    for number, key in enumerate(_keys(believed)):
        members.setdefault(key, []).append(number)
    for key in [key for key in members if photos[members[key][0]].name in absurd]:
        same = [other for other in members if other != key and _may_be_of(key, other)]
        if len(same) == 1:
            members[same[0]] = sorted(members[same[0]] + members.pop(key))
    return [_group([photos[number] for number in group], focals, absurd) for group in sorted(members.values())]


def _keys(photos: Sequence[PhotoHeader]) -> list[tuple[object, ...]]:
    """What the photos of one camera have in common, for each photo."""
    sizes = Counter((photo.width, photo.height) for photo in photos if _is_anonymous(photo))
    enough = max(_SAME_SIZE_PHOTOS, _SAME_SIZE_SHARE * sum(sizes.values()))
    keys = []
    for photo in photos:
        alone = _is_anonymous(photo) and sizes[photo.width, photo.height] < enough
        keys.append((*_header(photo), photo.name if alone else ""))
    return keys


def _header(photo: PhotoHeader) -> tuple[object, ...]:
    """What a photo's header tells of its camera; that of a video is its own: it shows another part of the picture."""
    video = photo.frame.video if photo.frame else ""
    return photo.width, photo.height, photo.make, photo.model, photo.focal_mm, photo.focal_35mm, video


def _may_be_of(absurd: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether photos that give an absurd focal length may be of the camera of others: one that tells its name."""
    return absurd[:4] == other[:4] and absurd[2:4] != ("", "") and absurd[4] in (None, other[4])


def _header_focal(photo: PhotoHeader, path: Path) -> float | None:
    """The focal length in pixels that a photo's header tells, None where it tells none."""
    if _is_anonymous(photo):
        return None  # COLMAP takes longer to look than all else that is asked of the headers
    camera = pycolmap.infer_camera_from_image(path)
    return float(camera.mean_focal_length()) if camera.has_prior_focal_length else None


def _is_absurd(focal: float | None, photo: PhotoHeader) -> bool:
    if focal is None:
        return False
    return not FOCAL_RANGE[0] < focal / max(photo.width, photo.height) < FOCAL_RANGE[1]


def _without_focal(photo: PhotoHeader) -> PhotoHeader:
    """The photo as if its header did not tell what is absurd: its equivalent on film, or else its focal length."""
    if photo.focal_35mm is not None:
        return dataclasses.replace(photo, focal_35mm=None)
    return dataclasses.replace(photo, focal_mm=None)


def _is_anonymous(photo: PhotoHeader) -> bool:
    """The header says nothing by which two photos of one camera could be told from photos of two cameras."""
    said = photo.make or photo.model or photo.frame or photo.focal_mm is not None or photo.focal_35mm is not None
    return not said


def _group(
    photos: list[PhotoHeader], focals: Mapping[tuple[object, ...], float | None], absurd: set[str]
) -> CameraGroup:
    odd = tuple(photo for photo in photos if photo.name in absurd)
    for photo in photos:
        focal = focals[_header(photo)]
        if focal is not None and photo.name not in absurd:
            return CameraGroup(tuple(photos), focal, True, odd)
    return CameraGroup(tuple(photos), guessed_focal(photos[0].width, photos[0].height), False, odd)


def guessed_focal(width: int, height: int) -> float:
    """The focal length to begin with, in pixels, where nothing tells it."""
    return UNKNOWN_FOCAL_FACTOR * max(width, height)
