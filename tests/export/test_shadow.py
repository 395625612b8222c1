"""What lies above or below cells, seen along a plane's normal."""

from __future__ import annotations

import numpy as np
import pytest

from splatworker.export.shadow import shadow
from splatworker.export.support_plane import Plane

CELL = 0.1


def ring() -> np.ndarray:
    """Cells on a circle of radius 1 about the origin, at all heights up to 1, in a world whose up is y."""
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    return np.stack([np.cos(angles), np.linspace(0, 1, 200), np.sin(angles)], axis=1)


@pytest.mark.parametrize("normal", [np.array([0.0, 1.0, 0.0]), np.array([0.6, 0.8, 0.0])])
def test_what_cells_enclose_is_in_their_shadow_at_every_height(normal: np.ndarray) -> None:
    across = np.cross(normal, [0.0, 0.0, 1.0])
    cells = np.stack([np.cos(a) * across + np.sin(a) * np.array([0.0, 0.0, 1.0]) for a in np.linspace(0, 6.28, 300)])
    is_in = shadow(cells, Plane(normal, 0.0, CELL), CELL)
    for height in (-5.0, 0.0, 7.0):
        inside = 0.5 * across + height * normal
        outside = 1.6 * across + height * normal
        assert is_in(np.stack([inside, outside])).tolist() == [True, False]


def test_about_makes_it_wider() -> None:
    plane = Plane(np.array([0.0, 1.0, 0.0]), 0.0, CELL)
    beside = np.array([[1.35, 0.0, 0.0]])
    assert not shadow(ring(), plane, CELL)(beside).any()
    assert shadow(ring(), plane, CELL, 0.5)(beside).all()


def test_far_away_is_no_error() -> None:
    plane = Plane(np.array([0.0, 1.0, 0.0]), 0.0, CELL)
    assert not shadow(ring(), plane, CELL)(np.array([[1e6, 0.0, -1e6], [-1e6, 3.0, 0.0]])).any()
