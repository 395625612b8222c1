"""Lines of sight follow the Gaussians that are chosen, and the world when it turns."""

from __future__ import annotations

import numpy as np

from splatworker.splat_files.lines_of_sight import LinesOfSight

LINES = LinesOfSight(np.array([[1.0, 2.0, 3.0]], np.float32), np.array([[0.5, 0.0, 2.0]], np.float32))


def test_of_some_by_a_mask_or_by_number() -> None:
    np.testing.assert_array_equal(LINES.of(np.array([True, False, True])).weights, [[0.5, 2.0]])
    np.testing.assert_array_equal(LINES.of(np.array([2, 0])).weights, [[2.0, 0.5]])


def test_cameras_turn_with_the_world_and_see_the_same() -> None:
    turned = LINES.turned(np.diag([-1.0, -1.0, 1.0]))
    np.testing.assert_array_equal(turned.centers, [[-1.0, -2.0, 3.0]])
    assert turned.centers.dtype == np.float32
    np.testing.assert_array_equal(turned.weights, LINES.weights)
