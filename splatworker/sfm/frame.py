"""The world frame: upright, centred, of a stated size. COLMAP's own is whatever its first photo was.

The new frame has y up, as viewers do; the scene's middle at the origin; the first photo's camera on the positive z
side; and a size: metres where every photo tells its position by GPS and the positions fit, else the cameras spread
over `EXTENT` units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.photo import Photo

Vectors = npt.NDArray[np.float64]

EXTENT = 10.0
"""Diameter of the cameras (`camera_extent`) in the new frame where nothing tells metres."""

UP_IN_PHOTO: Mapping[int, tuple[float, float]] = {
    1: (0, -1), 2: (0, -1), 3: (0, 1), 4: (0, 1), 5: (-1, 0), 6: (-1, 0), 7: (1, 0), 8: (1, 0),
}  # fmt: skip
"""EXIF orientation -> which way the top of the scene lies among the stored pixels (x right, y down)."""

_LEVEL = 0.15
"""Horizontal axes must spread at least so far (ratio of the middle to the largest singular value) to tell up."""

_GPS_MISFIT = 0.1
"""GPS positions tell the scale when their misfit (root mean square) is under this share of their spread..."""

_GPS_SPREAD_M = 15.0
"""... and they spread over more than a receiver's own error."""

_EARTH_RADIUS_M = 6_371_000.0


@dataclass(frozen=True)
class Frame:
    """A similarity: x_new = scale * rotation @ x_colmap + translation.

    Attributes:
        metric: one unit is a metre.
    """

    scale: float
    rotation: Vectors
    translation: Vectors
    metric: bool

    def to_json(self) -> dict[str, Any]:
        """The contents of frame.json."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.scale * self.rotation
        matrix[:3, 3] = self.translation
        return {
            "world_from_colmap": matrix.tolist(),
            "scale": self.scale,
            "unit": "metre" if self.metric else "arbitrary",
            "axes": "y up, right-handed; the first photo's camera lies on the positive z side",
        }


def camera_extent(centres: Vectors) -> float:
    """Diameter of the cameras: twice the largest distance of one from their mean."""
    return float(2 * np.linalg.norm(centres - centres.mean(axis=0), axis=1).max())


def find_frame(model: pycolmap.Reconstruction, photos: Mapping[int, Photo]) -> Frame:
    """The frame for a model; `photos` by image id."""
    images = {image_id: model.image(image_id) for image_id in sorted(model.reg_image_ids())}
    centres = np.array([image.projection_center() for image in images.values()])
    turns = [np.asarray(image.cam_from_world().rotation.matrix()).T for image in images.values()]
    up_in_photo = [UP_IN_PHOTO[photos[image_id].orientation] for image_id in images]
    points = np.array([point.xyz for point in model.points3D.values()])
    middle = geometric_median(points)
    up = up_axis(turns, up_in_photo, centres.mean(axis=0) - middle)
    rotation = _upright(up, centres[0] - middle)

    gps = [photos[image_id].gps for image_id in images]
    metres = gps_scale(centres, _east_north_up(gps)) if all(gps) else None
    scale = metres or EXTENT / camera_extent(centres)
    return Frame(scale, rotation, -scale * rotation @ middle, metres is not None)


def apply_frame(model: pycolmap.Reconstruction, frame: Frame) -> None:
    """Move cameras and points of a model into the frame."""
    rotation = pycolmap.Rotation3d(frame.rotation)
    model.transform(pycolmap.Sim3d(frame.scale, rotation, frame.translation))


def geometric_median(points: Vectors) -> Vectors:
    """The point with the least sum of distances to all (Weiszfeld 1937): far background does not pull at it."""
    middle = np.median(points, axis=0)
    for _ in range(50):
        weights = 1 / np.maximum(np.linalg.norm(points - middle, axis=1), 1e-9)
        middle = (weights[:, None] * points).sum(axis=0) / weights.sum()
    return np.asarray(middle)


def up_axis(turns: list[Vectors], up_in_photo: list[tuple[float, float]], towards_cameras: Vectors) -> Vectors:
    """The unit up vector in the world, from world_from_camera rotations and where up lies in each photo.

    People hold cameras level, however much they tilt them: the photos' horizontal axes lie in the ground plane.
    Where these all point the same way (a walk along a wall) the mean of the photos' own up vectors has to do. Its
    sign is that of the mean, or for photos taken straight down the side on which the cameras are.
    """
    ups = np.array([turn @ [x, y, 0.0] for turn, (x, y) in zip(turns, up_in_photo, strict=True)])
    sides = np.array([turn @ [-y, x, 0.0] for turn, (x, y) in zip(turns, up_in_photo, strict=True)])
    mean = ups.mean(axis=0)
    _, spread, axes = np.linalg.svd(sides)
    if spread[1] < _LEVEL * spread[0] and np.linalg.norm(mean) > 0.1:
        return np.asarray(mean / np.linalg.norm(mean))
    up = axes[2]
    sense = float(up @ mean)
    if abs(sense) < 0.1:
        sense = float(up @ towards_cameras)
    return np.asarray(up if sense >= 0 else -up)


def _upright(up: Vectors, towards_viewer: Vectors) -> Vectors:
    """The rotation that turns `up` to +y and the horizontal part of `towards_viewer` to +z."""
    back = towards_viewer - (towards_viewer @ up) * up
    if np.linalg.norm(back) < 1e-9 * max(1.0, float(np.linalg.norm(towards_viewer))):
        back = np.eye(3)[np.abs(up).argmin()]
        back = back - (back @ up) * up
    back = back / np.linalg.norm(back)
    return np.stack([np.cross(up, back), up, back])


def _east_north_up(gps: list[tuple[float, float, float] | None]) -> Vectors:
    """(N, 3) metres about the first position, on the tangent plane of a sphere: exact enough for a scene."""
    degrees = np.array(gps, dtype=np.float64)
    north = np.radians(degrees[:, 0] - degrees[0, 0]) * _EARTH_RADIUS_M
    east = np.radians(degrees[:, 1] - degrees[0, 1]) * _EARTH_RADIUS_M * np.cos(np.radians(degrees[0, 0]))
    return np.stack([east, north, degrees[:, 2] - degrees[0, 2]], axis=1)


def gps_scale(centres: Vectors, metres: Vectors) -> float | None:
    """Metres a unit by the best similarity between the two (Umeyama 1991), or None where they do not fit."""
    a, b = centres - centres.mean(axis=0), metres - metres.mean(axis=0)
    if camera_extent(b) < _GPS_SPREAD_M:
        return None
    u, s, vt = np.linalg.svd(b.T @ a)
    s[2] *= np.sign(np.linalg.det(u @ vt))
    variance = float((a**2).sum())
    scale = float(s.sum()) / variance
    misfit = 1 - scale * float(s.sum()) / float((b**2).sum())
    return scale if np.sqrt(max(0.0, misfit)) < _GPS_MISFIT else None
