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
from splatworker.render.arrays import Array, Device, cast, library, looked_up, plus_product, to_device

ENDS_AT = 0.5
"""The space is free up to this share of the depth of a camera's near points. Of 0.5 and 0.8 the larger clears more, and
takes what belongs to the scene, too."""

NEAR_QUANTILE = 0.02
"""Which of the points in a camera's sight are its near ones: a nearer one may be a false match."""

LEAST_POINTS = 20
"""A camera that fewer points stand before says nothing."""

MARGIN = 0.1
"""Of the picture's width and height: what is so close beside it still reaches in."""

TILES = 12
"""Parts of a picture's width and of its height, each of which is asked for itself where the scene begins in it."""

TILE_ENDS_AT = 0.75
"""In a tile the space is free up to this share of the depth of the near points in it and around it."""

LEAST_IN_TILES = 3
"""Points: of fewer in a tile and those around it the next ring is asked, too, up to `WIDEST` rings."""

WIDEST = 4

_PAIRS_AT_ONCE = 2_000_000
"""Of a camera and a Gaussian: bounds the memory that a question takes."""


class FreeSpace:
    """The free space of a scene's cameras.

    Args:
        photos: C photos with their cameras.
        points: the scene's sparse points.
        device: where Gaussians are asked about.
        by_tiles: ask in each part of a picture for itself how far away the scene begins. Gaussians of few photos hide
            close before what they show; those of many are shown to be wrong by other photos, and little would be won.
    """

    def __init__(self, photos: Sequence[Photo], points: Points, device: Device, *, by_tiles: bool = False) -> None:
        ends = [_end(photo, points.xyz) for photo in photos]
        known = [(photo.camera, end) for photo, end in zip(photos, ends, strict=True) if end > 0]
        tiles = [_tiles(camera, points.xyz, end) if by_tiles else [end] for camera, end in known]
        self._tiles = TILES if by_tiles else 1
        matrices = np.array([camera.camera_from_world[:3] for camera, _ in known]).reshape(-1, 3, 4)
        lenses = [lens(camera) for camera, _ in known]
        self._camera_from_world = to_device(matrices.astype(np.float32), device)
        self._lenses = to_device(np.array(lenses, np.float32).reshape(-1, 4), device)
        self._ends = to_device(np.array(tiles, np.float32).reshape(-1, self._tiles**2), device)

    def holds(self, means: Array) -> Array:
        """(N,) whether each of (N, 3) centers in the world is in the free space of any camera."""
        held = library(means).zeros_like(means[:, 0], dtype=library(means).bool)
        step = max(1, _PAIRS_AT_ONCE // max(1, len(means)))
        for first in range(0, len(self._ends), step):
            some = slice(first, first + step)
            x, y, z = (along(means, self._camera_from_world[some, axis]) for axis in range(3))
            fx, fy, cx, cy = (self._lenses[some, k, None] for k in range(4))
            reach = (0.5 + MARGIN) * z
            right, down = fx * x + cx * z, fy * y + cy * z
            inside = (abs(right) < reach) & (abs(down) < reach) & (z > 0)
            ends = self._ends[some]
            if self._tiles > 1:
                depth = z.clip(1e-6, None)
                column, row = (
                    library(z).floor((at / depth + 0.5) * self._tiles).clip(0, self._tiles - 1) for at in (right, down)
                )
                ends = looked_up(ends, cast(row * self._tiles + column, "int64"))
            held |= (inside & (z < ends)).any(axis=0)
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


def _tiles(camera: Camera, xyz: npt.NDArray[np.float64], end: float) -> npt.NDArray[np.float64]:
    """(TILES * TILES,) the depths at which free space ends in each part of a camera's picture, at least `end`."""
    x, y, z = (xyz @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]).T
    ahead = z > 0
    x, y, z = x[ahead], y[ahead], z[ahead]
    column = np.floor((camera.fx * x / z + camera.cx) / camera.width * TILES)
    row = np.floor((camera.fy * y / z + camera.cy) / camera.height * TILES)
    ends = np.full((TILES, TILES), end)
    for r in range(TILES):
        for c in range(TILES):
            apart = np.maximum(abs(row - r), abs(column - c))
            rings = (z[apart <= ring] for ring in range(1, WIDEST + 1))
            near = next((depths for depths in rings if len(depths) >= LEAST_IN_TILES), None)
            if near is not None:
                ends[r, c] = max(end, TILE_ENDS_AT * float(np.quantile(near, NEAR_QUANTILE)))
    return ends.ravel()


def _end(photo: Photo, xyz: npt.NDArray[np.float64]) -> float:
    """The depth at which a camera's free space ends; 0 if its points do not tell."""
    near = near_depth(photo.camera, xyz, NEAR_QUANTILE, LEAST_POINTS)
    return 0.0 if near is None else ENDS_AT * near
