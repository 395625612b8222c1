"""Sparse points of which it is known how near they are to a camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from splatworker.formats.camera import Camera
from splatworker.formats.colmap import Points
from splatworker.formats.scene import Photo

NEAREST = 4.0
"""Depth of the sparse points that stand nearest to the camera."""


def photo_of(camera_from_world: np.ndarray | None = None, width: int = 200, height: int = 100) -> Photo:
    pose = np.eye(4) if camera_from_world is None else camera_from_world
    return Photo("a.jpg", Path("a.jpg"), Camera(width, height, 100.0, 100.0, 90.0, 60.0, pose))


def points_at(depth: float = NEAREST, count: int = 500) -> Points:
    """Points all over the picture, at one depth and at ten times it."""
    random = np.random.default_rng(0)
    z = np.repeat([depth, 10 * depth], count // 2)
    u, v = random.uniform(0, 200, count), random.uniform(0, 100, count)
    xyz = np.stack([(u - 90) / 100 * z, (v - 60) / 100 * z, z], axis=1)
    return all_points(xyz)


def all_points(xyz: np.ndarray) -> Points:
    return Points(xyz=xyz, rgb=np.zeros(xyz.shape, np.uint8), track_lengths=np.full(len(xyz), 3))
