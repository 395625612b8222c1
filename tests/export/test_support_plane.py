"""The table is found under what stands on it, and a wall or a strip is no table."""

from __future__ import annotations

import numpy as np

from splatworker.export.support_plane import planes_below
from splatworker.export.surfaces import Surfaces

RANDOM = np.random.default_rng(1)
REACH = 3.0


def patch(width: float, depth: float, y: float, tilt: float = 0.0, count: int = 3000) -> Surfaces:
    """Points of a level rectangle, tilted about z by some radians, with a millimetre of noise."""
    x, z = RANDOM.uniform(-width / 2, width / 2, count), RANDOM.uniform(-depth / 2, depth / 2, count)
    points = np.stack([x, y + np.tan(tilt) * x + RANDOM.normal(0, 1e-3, count), z], axis=1)
    return Surfaces(points, np.tile([-np.sin(tilt), np.cos(tilt), 0], (count, 1)))


def both(*surfaces: Surfaces) -> Surfaces:
    return Surfaces(np.concatenate([s.points for s in surfaces]), np.concatenate([s.normals for s in surfaces]))


def test_a_table_that_leans_a_little() -> None:
    (plane,) = planes_below(patch(2, 2, -0.4, tilt=0.1), np.zeros(3), REACH)
    assert np.allclose(plane.normal, [-np.sin(0.1), np.cos(0.1), 0], atol=1e-2)
    assert abs(plane.height(np.array([[0.0, -0.4, 0.0]]))[0]) < 0.01


def test_the_table_comes_before_the_floor() -> None:
    planes = planes_below(both(patch(1.6, 1.6, -0.4), patch(3.5, 3.5, -1.4, count=2000)), np.zeros(3), REACH)
    assert [round(plane.offset, 1) for plane in planes] == [-0.4, -1.4]


def test_what_is_above_or_beside_or_narrow_supports_nothing() -> None:
    for surface in (patch(2, 2, 0.4), patch(2, 0.1, -0.4)):
        assert planes_below(surface, np.zeros(3), REACH) == []
    beside = patch(0.8, 0.8, -0.4)
    assert planes_below(Surfaces(beside.points + np.array([1.2, 0, 0]), beside.normals), np.zeros(3), REACH) == []
