"""The lens of a fisheye all the way to its rim: where a direction is drawn, also at a right angle to the axis.

COLMAP's own functions speak of directions as points of a plane before the camera, on which there is no place for what
lies at its side. Here they are rays. A fisheye draws the angle t from its axis t (1 + k1 t^2 + k2 t^4 + ...) focal
lengths from its center (Kannala and Brandt 2006, as COLMAP's SIMPLE_FISHEYE, SIMPLE_RADIAL_FISHEYE, RADIAL_FISHEYE and
OPENCV_FISHEYE have it).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from splatworker.sfm.colmap import pycolmap

Floats = npt.NDArray[np.float64]

WIDEST_RAD = np.pi / 2
"""No further from the axis: behind the lens nothing is believed."""

_BENDS = {"SIMPLE_FISHEYE": 0, "SIMPLE_RADIAL_FISHEYE": 1, "RADIAL_FISHEYE": 2, "OPENCV_FISHEYE": 4}
"""Models that are known here, and how many k they have, which come last."""

_BLACK = 20.0
"""Grey levels that nothing has beyond the circle which a lens draws."""

_RIM = np.radians(1.5)
"""So much of the circle's edge is blurred, and of other colours."""

_STEPS = 181


@dataclass(frozen=True)
class Fisheye:
    """A lens.

    Attributes:
        focals, center: (2,) in pixels.
        bends: k1, k2, ...
        widest: radians from its axis up to which more of an angle is farther from the center.
    """

    focals: Floats
    center: Floats
    bends: Floats
    widest: float

    def places(self, rays: Floats) -> Floats:
        """(..., 2) pixels of rays (..., 3) that need not be of unit length; NaN of those beyond `widest`."""
        across = np.hypot(rays[..., 0], rays[..., 1])
        angles = np.arctan2(across, rays[..., 2])
        scale = np.where(across > 0, self._distance(angles) / np.maximum(across, 1e-300), 1.0)
        scale = np.where(angles <= self.widest, scale, np.nan)
        return np.asarray(rays[..., :2] * scale[..., None] * self.focals + self.center)

    def angles(self, pixels: Floats) -> Floats:
        """(...) radians from the axis of pixels (..., 2); infinite beyond `widest`."""
        known = np.linspace(0.0, self.widest, 20 * _STEPS)
        distances = np.hypot(*np.moveaxis((pixels - self.center) / self.focals, -1, 0))
        drawn = self._distance(known)
        angles = np.interp(distances, drawn, known)
        return np.where(distances <= drawn[-1] * (1 + 1e-9), angles, np.inf)

    def rays(self, pixels: Floats) -> Floats:
        """(..., 3) of unit length, of pixels (..., 2); NaN beyond `widest`."""
        plane = (pixels - self.center) / self.focals
        angles, distances = self.angles(pixels), np.hypot(plane[..., 0], plane[..., 1])
        angles = np.where(np.isfinite(angles), angles, np.nan)
        aside = plane * (np.sin(angles) / np.maximum(distances, 1e-12))[..., None]
        return np.concatenate([aside, np.cos(angles)[..., None]], axis=-1)

    def _distance(self, angles: Floats) -> Floats:
        powers = sum((k * angles ** (2 * n) for n, k in enumerate(self.bends, 1)), np.ones_like(angles))
        return np.asarray(angles * powers)


def fisheye_of(camera: pycolmap.Camera) -> Fisheye | None:
    """A camera's lens to its rim; None of one that is no fisheye, or of a model that is not known here."""
    count = _BENDS.get(camera.model_name)
    if count is None:
        return None
    bends = np.asarray(camera.params[len(camera.params) - count :], dtype=np.float64)
    focals = np.array([camera.focal_length_x, camera.focal_length_y])
    center = np.array([camera.principal_point_x, camera.principal_point_y])
    angles = np.linspace(0.0, WIDEST_RAD, _STEPS)
    grows = np.diff(Fisheye(focals, center, bends, WIDEST_RAD)._distance(angles)) > 0
    widest = angles[int(np.argmin(grows))] if not grows.all() else WIDEST_RAD
    return Fisheye(focals, center, bends, float(widest))


def shown_up_to(lens: Fisheye, size: tuple[int, int], photos: Iterable[npt.NDArray[np.uint8]]) -> float:
    """Radians from the axis up to which the lens draws anything: beyond, all of its photos are black.

    Args:
        size: width and height of its pictures in its own pixels.
        photos: (height, width) grey each, of any size and that shape.
    """
    edges = np.linspace(0.0, lens.widest, _STEPS)
    brightest = np.full(_STEPS - 1, np.nan)
    for grey in photos:
        height, width = grey.shape
        x, y = np.meshgrid((np.arange(width) + 0.5) * size[0] / width, (np.arange(height) + 0.5) * size[1] / height)
        ring = np.digitize(lens.angles(np.stack([x, y], axis=-1)).ravel(), edges) - 1
        for number in range(_STEPS - 1):
            if (values := grey.ravel()[ring == number]).size:
                brightest[number] = np.fmax(brightest[number], np.quantile(values, 0.9))
    known, lit = np.flatnonzero(np.isfinite(brightest)), np.flatnonzero(brightest >= _BLACK)
    if not len(lit) or lit[-1] == known[-1]:
        return lens.widest
    return float(max(edges[lit[-1] + 1] - _RIM, 0.0))
