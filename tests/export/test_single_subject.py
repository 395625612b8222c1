"""What all cameras look at, and those who look at nothing in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from splatworker.errors import NoSingleSubject
from splatworker.export.single_subject import nearest_to_axes, ring_of
from splatworker.formats.camera import Camera


def looking(place: npt.NDArray[np.float64], at: npt.NDArray[np.float64]) -> Camera:
    """A camera at one place that looks at another; up is y."""
    forward = (at - place) / np.linalg.norm(at - place)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return Camera(64, 48, 60.0, 60.0, 32.0, 24.0, np.hstack([rotation, -(rotation @ place)[:, None]]))


def ring(count: int, target: tuple[float, float, float], arc: float = 2 * np.pi, away: bool = False) -> list[Camera]:
    """Cameras on a part of a circle about the y axis, that look at a target or away from it."""
    angles = np.linspace(0, arc, count, endpoint=False)
    places = [np.array([3 * np.sin(angle), 1.0, 3 * np.cos(angle)]) for angle in angles]
    return [looking(place, 2 * place - np.array(target) if away else np.array(target)) for place in places]


def test_photos_of_something_else_do_not_pull() -> None:
    centers = np.array([[0.0, 0, -3], [3, 0, 0], [0, 0, 3], [-3, 0, 0], [0, 2, -3]])
    towards = np.array([[0.0, 0, 1], [-1, 0, 0], [0, 0, -1], [1, 0, 0], [1, 0, 0]])  # the last one looks elsewhere
    assert nearest_to_axes(centers, towards, np.full(3, 0.5)) == pytest.approx(np.zeros(3), abs=0.05)


def test_the_ring_of_cameras_around_something() -> None:
    found = ring_of(ring(12, (0.2, 0.1, 0)), np.zeros((0, 3)))
    assert found.focus == pytest.approx([0.2, 0.1, 0], abs=0.05)
    assert found.reach == pytest.approx(3.1, abs=0.3)


def test_a_room_and_one_side_are_no_subject() -> None:
    with pytest.raises(NoSingleSubject, match="outwards"):
        ring_of(ring(12, (0, 0, 0), away=True), np.zeros((0, 3)))
    with pytest.raises(NoSingleSubject, match="one side alone"):
        ring_of(ring(12, (0, 0, 0), arc=1.5), np.zeros((0, 3)))
