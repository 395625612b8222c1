"""The space right before the cameras, which the sparse points show to be empty.

Training leaves haze there where photos show little to hold on to, a plain wall for one: it explains one photo and
stands in the way of every other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera
from splatworker.formats.colmap import Points
from splatworker.formats.near_depth import near_depth
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

_PAIRS_AT_ONCE = 2_000_000
"""Of a camera and a Gaussian: bounds the memory that a question takes."""


class FreeSpace:
    """The free space of a scene's cameras.

    Args:
        photos: C photos with their cameras.
        points: the scene's sparse points.
        device: where Gaussians are asked about.
        ends: `ends_of` the photos, where they are known already.
    """

    def __init__(
        self, photos: Sequence[Photo], points: Points, device: Device, ends: Sequence[float] | None = None
    ) -> None:
        ends = ends_of(photos, points) if ends is None else ends
        known = [(photo.camera, end) for photo, end in zip(photos, ends, strict=True) if end > 0]
        matrices = np.array([camera.camera_from_world[:3] for camera, _ in known]).reshape(-1, 3, 4)
        lenses = [lens(camera) for camera, _ in known]
        self._camera_from_world = to_device(matrices.astype(np.float32), device)
        self._lenses = to_device(np.array(lenses, np.float32).reshape(-1, 4), device)
        self._ends = to_device(np.array([end for _, end in known], np.float32), device)

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


def ends_of(photos: Sequence[Photo], points: Points) -> list[float]:
    """The depth at which each camera's free space ends; 0 where its points do not tell."""
    return [_end(photo, points.xyz) for photo in photos]


def _end(photo: Photo, xyz: npt.NDArray[np.float64]) -> float:
    """The depth at which a camera's free space ends; 0 if its points do not tell."""
    near = near_depth(photo.camera, xyz, NEAR_QUANTILE, LEAST_POINTS)
    return 0.0 if near is None else ENDS_AT * near
