"""Views of a panorama: which perspective pictures are cut out of an equirectangular photo, and where their pixels lie.

A ring of views around the horizon, as many as it takes for 90 degrees each, one straight up, and one straight down, in
the middle of which are the tripod and whoever holds it: that is ignored. Together they show every direction once, so a
point of the scene is a feature of one view alone.

The panorama's frame has COLMAP's axes: x right, y down, z forward to longitude 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.panorama import Area

WIDEST_DEG = 90.0
"""Of a view: wider ones waste their pixels on their corners."""

_FOCAL = 8
"""The focal length is this part of the sphere's width in pixels: a view of 90 degrees then is a quarter as wide."""

_POLE_DEG = 89.0
"""From this latitude on a panorama is taken to show what is straight above, or below."""

TRIPOD_DEG = 30.0
"""So far from straight down a panorama shows what carries the camera."""

LEAST_SIDE = 64
"""Pixels of a view that is worth cutting."""

Matrix = npt.NDArray[np.float64]


class Calibration(NamedTuple):
    """A pinhole camera: focal lengths and principal point in pixels."""

    fx: float
    fy: float
    cx: float
    cy: float


@dataclass(frozen=True)
class View:
    """A perspective view out of a panorama.

    Attributes:
        label: its direction, for names.
        yaw, pitch: degrees to the right and up from the panorama's forward.
        width, height: pixels.
        calibration: of its camera, exactly known.
    """

    label: str
    yaw: float
    pitch: float
    width: int
    height: int
    calibration: Calibration

    def rotation(self) -> Matrix:
        """(3, 3) view_from_panorama."""
        yaw, pitch = math.radians(self.yaw), math.radians(self.pitch)
        right = [math.cos(yaw), 0.0, -math.sin(yaw)]
        forward = [math.sin(yaw) * math.cos(pitch), -math.sin(pitch), math.cos(yaw) * math.cos(pitch)]
        return np.stack([right, np.cross(forward, right), forward])

    def rays(self, rows: slice) -> Matrix:
        """(rows, width, 3) directions of pixels' centers in the panorama's frame, not of unit length."""
        fx, fy, cx, cy = self.calibration
        x, y = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height)[rows] + 0.5)
        return np.asarray(np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x)], axis=-1) @ self.rotation())


def views_of(area: Area, sphere_width: float, longest: int = 0) -> tuple[View, ...]:
    """The views to cut out of a panorama, none where it is too small or shows no part of the horizon.

    Args:
        sphere_width: pixels that the whole sphere would be wide at the panorama's size.
        longest: no view has a longer side than so many pixels; 0: as they come.
    """
    focal = math.floor(min(sphere_width / _FOCAL, longest / 2 if longest else math.inf))
    views = [*_ring(area, focal)]
    poles = {"up": area.north >= _POLE_DEG, "down": area.south <= -_POLE_DEG}
    for (label, is_shown), pitch in zip(poles.items(), (90.0, -90.0), strict=True):
        if views and area.goes_around and is_shown:
            center = Calibration(focal, focal, focal, focal)
            views.append(View(label, views[0].yaw, pitch, 2 * focal, 2 * focal, center))
    return tuple(view for view in views if min(view.width, view.height) >= LEAST_SIDE)


def without_tripod(view: View) -> npt.NDArray[np.uint8] | None:
    """(height, width) of a view straight down: 0 within `TRIPOD_DEG`, else 255. None for any other view."""
    if view.pitch >= 0:
        return None
    fx, _, cx, cy = view.calibration
    x, y = np.meshgrid(np.arange(view.width) + 0.5 - cx, np.arange(view.height) + 0.5 - cy)
    is_tripod = np.hypot(x, y) < fx * math.tan(math.radians(TRIPOD_DEG))
    return np.where(is_tripod, np.uint8(0), np.uint8(255))


def _slope(degrees: float) -> float:
    """The tangent of an angle from a view's axis, of half of `WIDEST_DEG` at most."""
    return math.tan(math.radians(degrees)) if degrees < WIDEST_DEG / 2 else 1.0


def sphere_width(view: View) -> float:
    """Pixels that the sphere is wide at which a view is as fine as it should be."""
    return view.calibration.fy * _FOCAL


def _ring(area: Area, focal: int) -> Iterator[View]:
    """Views around the horizon, level, as wide and high as the area allows, of 90 degrees at most."""
    above, below = _slope(area.north), _slope(-area.south)
    if above <= 0 or below <= 0:
        return
    span = area.east - area.west
    count = max(1, math.ceil(span / WIDEST_DEG - 0.01))
    half = _slope(span / count / 2)
    width, height = round(2 * focal * half), math.floor(focal * (above + below))
    fx = width / (2 * half)  # pixels are whole, and the view ends where the next begins
    for number in range(count):
        yaw = area.west + (number + 0.5) * span / count
        calibration = Calibration(fx, focal, width / 2, focal * above)
        yield View(f"y{round(yaw) % 360:03d}", yaw, 0.0, width, height, calibration)
