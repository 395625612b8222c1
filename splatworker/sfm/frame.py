"""The world frame: upright, centered, of a stated size. COLMAP's own is whatever its first photo was.

The new frame has y up, as viewers do; the scene's middle at the origin; the first photo's camera on the positive z
side; and a size: metres where every photo tells its position by GPS and the positions fit, else the cameras spread
over `EXTENT` units.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from splatworker.sfm import model_arrays
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.model_arrays import ModelArrays
from splatworker.sfm.photo import PhotoHeader

Vectors = npt.NDArray[np.float64]

EXTENT = 10.0
"""Diameter of the cameras (`camera_extent`) in the new frame where nothing tells metres."""

UP_IN_PHOTO: Mapping[int, tuple[float, float]] = {
    1: (0, -1), 2: (0, -1), 3: (0, 1), 4: (0, 1), 5: (-1, 0), 6: (-1, 0), 7: (1, 0), 8: (1, 0),
}  # fmt: skip
"""EXIF orientation -> which way the top of the scene lies among the stored pixels (x right, y down)."""

_LEVEL = 0.15
"""Horizontal axes must spread at least so far (ratio of the middle to the largest singular value) to tell up."""

_GPS_TRIPLES = 300
_GPS_OUTLIER = 4.0
"""A position is wrong when it is off by more than a receiver's own error and this multiple of the usual misfit..."""
_GPS_MOST_WRONG = 1 / 3
"""... and no more than this share of the photos may be so, or tell no position, for the others to be believed."""

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
        misplaced: image ids of photos that tell a position which the others contradict, or none where they do.
    """

    scale: float
    rotation: Vectors
    translation: Vectors
    metric: bool
    misplaced: tuple[int, ...] = ()

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


def camera_extent(centers: Vectors) -> float:
    """Diameter of the cameras: twice the largest distance of one from their mean."""
    return float(2 * np.linalg.norm(centers - centers.mean(axis=0), axis=1).max())


def find_frame(
    model: pycolmap.Reconstruction, photos: Mapping[int, PhotoHeader], arrays: ModelArrays | None = None
) -> Frame:
    """The frame for a model; `photos` by image id, `arrays` the model's, if they have been read."""
    arrays = arrays or model_arrays.read(model)
    views = {image_id: model.image(image_id) for image_id in sorted(model.reg_image_ids())}
    turns = [np.asarray(image.cam_from_world().rotation.matrix()).T for image in views.values()]
    up_in_photo = [UP_IN_PHOTO[photos[image_id].orientation] for image_id in views]
    first: dict[int, int] = {}
    for image_id, image in views.items():
        first.setdefault(image.frame_id, image_id)
    images = {image_id: views[image_id] for image_id in first.values()}  # the views of a panorama are in one place
    centers = np.array([image.projection_center() for image in images.values()])
    points = arrays.points[arrays.rows(np.fromiter(model.points3D.keys(), np.uint64))]
    middle = geometric_median(points)
    up = up_axis(turns, up_in_photo, centers.mean(axis=0) - middle)
    rotation = _upright(up, centers[0] - middle)

    metres, wrong = metres_a_unit(centers, [photos[image_id].gps for image_id in images])
    scale = metres or EXTENT / camera_extent(centers)
    misplaced = tuple(image_id for image_id, is_wrong in zip(images, wrong, strict=True) if is_wrong)
    return Frame(scale, rotation, -scale * rotation @ middle, metres is not None, misplaced)


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


def metres_a_unit(
    centers: Vectors, gps: Sequence[tuple[float, float, float] | None]
) -> tuple[float | None, npt.NDArray[np.bool_]]:
    """The scale by the positions that photos tell, those left out that the others contradict.

    Args:
        centers: (N, 3) where the cameras are.
        gps: N positions in degrees and metres, None where a photo tells none.

    Returns:
        Metres a unit, or None where the positions do not tell; (N,) which photos tell a wrong position, or none.
    """
    has_position = np.array([position is not None for position in gps])
    nobody = np.zeros(len(centers), bool)
    if has_position.sum() < max(3, math.ceil((1 - _GPS_MOST_WRONG) * len(centers))):
        return None, nobody
    metres = _east_north_up([position for position in gps if position is not None])
    if has_position.all() and (scale := gps_scale(centers, metres)) is not None:
        return scale, nobody
    fits = _fitting(centers[has_position], metres)
    right = has_position.copy()
    right[has_position] = fits
    if (~right).sum() > _GPS_MOST_WRONG * len(centers) or right.sum() < 3:
        return None, nobody
    scale = gps_scale(centers[right], metres[fits])
    return (scale, ~right) if scale is not None else (None, nobody)


def _fitting(centers: Vectors, metres: Vectors) -> npt.NDArray[np.bool_]:
    """(N,) which positions one similarity explains: that of the three photos whose median misfit is least.

    Least median of squares (Rousseeuw 1984): right while fewer than half of the positions are wrong.
    """
    triples = list(itertools.combinations(range(len(centers)), 3))
    if len(triples) > _GPS_TRIPLES:
        rng = np.random.default_rng(0)
        triples = [tuple(rng.choice(len(centers), 3, replace=False)) for _ in range(_GPS_TRIPLES)]
    misfits = np.array([_misfits(centers, metres, list(triple)) for triple in triples])
    usual = np.median(misfits, axis=1)
    best = int(np.argmin(usual))
    return np.asarray(misfits[best] < max(_GPS_SPREAD_M, _GPS_OUTLIER * float(usual[best])))


def _misfits(centers: Vectors, metres: Vectors, chosen: list[int]) -> Vectors:
    """(N,) distance in metres of each position from where the similarity of the chosen ones puts its camera."""
    scale, rotation, (a, b) = _similarity(centers[chosen], metres[chosen])
    return np.asarray(np.linalg.norm(scale * (centers - a) @ rotation.T + b - metres, axis=1))


def _similarity(centers: Vectors, metres: Vectors) -> tuple[float, Vectors, tuple[Vectors, Vectors]]:
    """Scale, rotation, and the means about which they are, of the best similarity between the two (Umeyama 1991)."""
    means = centers.mean(axis=0), metres.mean(axis=0)
    a, b = centers - means[0], metres - means[1]
    u, s, vt = np.linalg.svd(b.T @ a)
    flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    return float((s * flip).sum()) / max(float((a**2).sum()), 1e-12), (u * flip) @ vt, means


def _east_north_up(gps: Sequence[tuple[float, float, float]]) -> Vectors:
    """(N, 3) metres about the middle position, on the tangent plane of a sphere: exact enough for a scene."""
    degrees = np.array(gps, dtype=np.float64)
    degrees -= (middle := np.median(degrees, axis=0))
    north = np.radians(degrees[:, 0]) * _EARTH_RADIUS_M
    east = np.radians(degrees[:, 1]) * _EARTH_RADIUS_M * np.cos(np.radians(middle[0]))
    return np.stack([east, north, degrees[:, 2]], axis=1)


def gps_scale(centers: Vectors, metres: Vectors) -> float | None:
    """Metres a unit by the best similarity between the two (Umeyama 1991), or None where they do not fit."""
    a, b = centers - centers.mean(axis=0), metres - metres.mean(axis=0)
    if camera_extent(b) < _GPS_SPREAD_M:
        return None
    u, s, vt = np.linalg.svd(b.T @ a)
    s[2] *= np.sign(np.linalg.det(u @ vt))
    variance = float((a**2).sum())
    scale = float(s.sum()) / variance
    misfit = 1 - scale * float(s.sum()) / float((b**2).sum())
    return scale if np.sqrt(max(0.0, misfit)) < _GPS_MISFIT else None
