"""The space right before the cameras, which the sparse points show to be empty.

Training leaves haze there where photos show little to hold on to, a plain wall for one: it explains one photo and
stands in the way of every other. Below the lowest points that a camera sees nothing is known to be empty: a lawn or
bare ground comes closer there than anything that has points.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.formats.colmap import Points
from splatworker.formats.near_depth import rows_seen, seen_by
from splatworker.formats.scene import Photo
from splatworker.render import gpu_kernels
from splatworker.render.arrays import Array, Device, library, plus_product, to_device
from splatworker.render.gpu_array import GpuArray

ENDS_AT = 0.5
"""The space is free up to this share of the depth of a camera's near points. Of 0.5 and 0.8 the larger clears more, and
takes what belongs to the scene, too."""

NEAR_QUANTILE = 0.02
"""Which of the points in a camera's sight are its near ones: a nearer one may be a false match."""

LEAST_POINTS = 20
"""A camera that fewer points stand before says nothing."""

MARGIN = 0.1
"""Of the picture's width and height: what is so close beside it still reaches in."""

LOW_QUANTILE = 0.98
"""Which of the points in a camera's sight, from above, is the lowest: a lower one may be a false match."""

REACHES_DOWN = 0.1
"""Of the picture's height: points that come so close to its lower edge leave nothing below them."""

_PAIRS_AT_ONCE = 2_000_000
"""Of a camera and a Gaussian: bounds the memory that a question takes."""


class Bounds(NamedTuple):
    """Of a camera's free space."""

    end: float
    """The depth at which it ends, in the scene's units."""
    lowest: float
    """The row down to which it goes, in shares of the picture's height from its middle."""


class FreeSpace:
    """The free space of a scene's cameras.

    Args:
        photos: C photos with their cameras.
        points: the scene's sparse points.
        device: where Gaussians are asked about.
        bounds: `bounds_of` the photos, where they are known already.
    """

    def __init__(
        self, photos: Sequence[Photo], points: Points, device: Device, bounds: Sequence[Bounds | None] | None = None
    ) -> None:
        bounds = bounds_of(photos, points) if bounds is None else bounds
        known = [(photo.camera, its) for photo, its in zip(photos, bounds, strict=True) if its]
        matrices = np.array([camera.camera_from_world[:3] for camera, _ in known]).reshape(-1, 3, 4)
        lenses = [_cut_off(lens(camera), its.lowest) for camera, its in known]
        self._camera_from_world = to_device(matrices.astype(np.float32), device)
        self._lenses = to_device(np.array(lenses, np.float32).reshape(-1, 4), device)
        self._ends = to_device(np.array([its.end for _, its in known], np.float32), device)

    def holds(self, means: Array) -> Array:
        """(N,) whether each of (N, 3) centers in the world is in the free space of any camera; `computable`."""
        if isinstance(means, GpuArray):
            return gpu_kernels.in_free_space(means, self._camera_from_world, self._lenses, self._ends, 0.5 + MARGIN)
        held = library(means).zeros_like(means[:, 0], dtype=library(means).bool)
        step = max(1, _PAIRS_AT_ONCE // max(1, len(means)))
        for first in range(0, len(self._ends), step):
            some = slice(first, first + step)
            x, y, z = (along(means, self._camera_from_world[some, axis]) for axis in range(3))
            fx, fy, cx, cy = (self._lenses[some, k, None] for k in range(4))
            reach = (0.5 + MARGIN) * z
            inside = (abs(fx * x + cx * z) < reach) & (abs(fy * y + cy * z) < reach)
            held |= (inside & (z > 0) & (z < self._ends[some, None])).any(axis=0)
        return held


def along(means: Array, axes: Array) -> Array:
    """(C, N) coordinates of (N, 3) means along an axis of each of C cameras, (C, 4), a row of camera_from_world.

    Not as a matrix product: the library for those takes a GPU a quarter of a second to load, and nothing else needs it.
    """
    result = axes[:, 3:]
    for k in range(3):
        result = plus_product(result, axes[:, k : k + 1], means[:, k])
    return result


def lens(camera: Camera) -> tuple[float, float, float, float]:
    """Focal lengths and principal point in shares of the picture, seen from its middle."""
    return (
        camera.fx / camera.width,
        camera.fy / camera.height,
        camera.cx / camera.width - 0.5,
        camera.cy / camera.height - 0.5,
    )


def _cut_off(whole: tuple[float, float, float, float], lowest: float) -> tuple[float, float, float, float]:
    """A lens with whose picture, and `MARGIN` on all sides, one asks about what a camera sees above a row.

    Args:
        whole: `lens` of the camera.
        lowest: the row, as of `Bounds`.
    """
    fx, fy, cx, cy = whole
    reach = 0.5 + MARGIN
    middle, larger = (lowest - reach) / 2, 2 * reach / (lowest + reach)
    return fx, fy * larger, cx, (cy - middle) * larger


def bounds_of(photos: Sequence[Photo], points: Points) -> list[Bounds | None]:
    """The bounds of each camera's free space; None where its points do not tell."""
    return [_bounds(photo, points.xyz) for photo in photos]


def _bounds(photo: Photo, xyz: npt.NDArray[np.float64]) -> Bounds | None:
    depths, sight = seen_by(photo.camera, xyz)
    if np.count_nonzero(sight) < LEAST_POINTS:
        return None
    lowest = float(np.quantile(rows_seen(photo.camera, xyz[sight]), LOW_QUANTILE)) / photo.camera.height - 0.5
    whole = lowest >= 0.5 - REACHES_DOWN
    return Bounds(ENDS_AT * float(np.quantile(depths[sight], NEAR_QUANTILE)), 0.5 + MARGIN if whole else lowest)
