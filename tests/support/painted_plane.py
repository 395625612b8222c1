"""Photos of a painted plane: what they show, and how far away it is, is known at every pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splatworker.formats.camera import Camera

Array = npt.NDArray[np.float64]

SLOPE, AWAY = 0.4, 4.0
"""The plane: z = AWAY + SLOPE x."""


def camera(x: float, y: float = 0.0, width: int = 80, height: int = 60, turn: float = 0.0) -> Camera:
    """A camera at (x, y, 0) that looks along z, turned about its y axis by so many radians."""
    rotation = np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    pose = np.hstack([rotation, -rotation @ np.array([[x], [y], [0.0]])])
    return Camera(width, height, 70.0, 72.0, width / 2 + 1, height / 2 - 2, pose)


def depths(seen_by: Camera) -> Array:
    """(H, W) the z in the camera's frame of what its pixels show."""
    rays, center = _rays(seen_by)
    return np.asarray((AWAY + SLOPE * center[0] - center[2]) / (rays[..., 2] - SLOPE * rays[..., 0]))


def photo(seen_by: Camera, gain: float = 1.0, offset: float = 0.0) -> npt.NDArray[np.uint8]:
    """(3, H, W) what it shows, brighter by a gain and an offset in [0, 1]."""
    rays, center = _rays(seen_by)
    place = center + rays * depths(seen_by)[..., None]
    x, y = place[..., 0], place[..., 1]
    waves = [(5.1, 3.3, 0.2), (-4.2, 6.1, 1.0), (9.3, -2.0, 2.2), (1.7, 8.8, 0.5), (2.2, -1.9, 3.0)]
    paint = sum(np.sin(a * x + b * y + c) for a, b, c in waves) / len(waves)
    shades = np.stack([0.5 + share * paint for share in (0.4, 0.35, 0.3)])
    return np.asarray((255 * (gain * shades + offset)).round().clip(0, 255).astype(np.uint8))


def points(count: int = 200, seed: int = 0) -> Array:
    """(N, 3) places on the plane."""
    dice = np.random.default_rng(seed)
    x, y = dice.uniform(-2.5, 2.5, count), dice.uniform(-2, 2, count)
    return np.stack([x, y, AWAY + SLOPE * x], axis=1)


def off_the_plane(xyz: Array) -> Array:
    """(N,) how far from the plane places are, along z."""
    return np.asarray(np.abs(xyz[:, 2] - AWAY - SLOPE * xyz[:, 0]))


def _rays(seen_by: Camera) -> tuple[Array, Array]:
    """(H, W, 3) directions in the world of a depth of 1, and the camera's place."""
    columns, rows = np.meshgrid(np.arange(seen_by.width) + 0.5, np.arange(seen_by.height) + 0.5)
    local = np.stack([(columns - seen_by.cx) / seen_by.fx, (rows - seen_by.cy) / seen_by.fy, np.ones_like(rows)], -1)
    return local @ seen_by.camera_from_world[:3, :3], seen_by.center
