"""The nearest points of a camera: those in its sight, and enough of them."""

from __future__ import annotations

import numpy as np
import pytest

from splatworker.formats.camera import Camera
from splatworker.formats.near_depth import near_depth

CAMERA = Camera(100, 80, 50.0, 50.0, 30.0, 40.0, np.hstack([np.eye(3), np.zeros((3, 1))]))
"""Looks along z from the origin; its principal point is left of the middle."""


def test_points_in_sight_and_no_others() -> None:
    points = np.array([[0, 0, 2.0], [0, 0, -1.0], [5.0, 0, 1.0], [0, 5.0, 1.0], [0.1, 0.1, 4.0]])
    assert near_depth(CAMERA, points, 0.0) == 2.0
    assert near_depth(CAMERA, points, 1.0) == 4.0


def test_the_principal_point_counts() -> None:
    """A point 0.9 to the right at a depth of 1 falls on column 75, one as far to the left on -15."""
    assert near_depth(CAMERA, np.array([[0.9, 0, 1.0]]), 0.0) == 1.0
    assert near_depth(CAMERA, np.array([[-0.9, 0, 1.0]]), 0.0) is None


def test_a_false_match_before_the_camera_is_one_of_many() -> None:
    points = np.array([[0, 0, 0.01], *([0, 0, 3.0 + 0.001 * i] for i in range(200))])
    assert near_depth(CAMERA, points, 0.02) == pytest.approx(3.003)


@pytest.mark.parametrize(("count", "told"), [(0, False), (19, False), (20, True)])
def test_too_few_points_say_nothing(count: int, told: bool) -> None:
    points = np.tile([0, 0, 2.0], (count, 1))
    assert (near_depth(CAMERA, points, 0.02, fewest=20) is not None) == told
