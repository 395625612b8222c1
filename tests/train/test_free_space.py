"""The free space that cameras see before the nearest points."""

from __future__ import annotations

import numpy as np
import pytest
from support.kinds import numbers_on
from support.sparse_points import NEAREST, all_points, photo_of, points_at

from splatworker.render.arrays import Device
from splatworker.train.free_space import ENDS_AT, LEAST_POINTS, MARGIN, FreeSpace


def test_free_space_is_what_a_camera_sees_before_its_nearest_points(device: Device) -> None:
    free = FreeSpace([photo_of()], points_at(), device)
    end = ENDS_AT * NEAREST
    right, low = (0.5 + MARGIN) * 200 + 100 - 90, (0.5 + MARGIN) * 100 + 50 - 60  # pixels from the principal point
    cases = [
        ([0, 0, 0.01], True),
        ([0, 0, end - 0.01], True),
        ([0, 0, end + 0.01], False),
        ([0, 0, -0.5], False),
        ([right / 100 - 0.01, 0, 1], True),
        ([right / 100 + 0.01, 0, 1], False),
        ([0, low / 100 - 0.01, 1], True),
        ([0, low / 100 + 0.01, 1], False),
    ]
    held = free.holds(numbers_on(device, [place for place, _ in cases]))
    assert held.tolist() == [expected for _, expected in cases]


def test_free_space_follows_the_camera_and_any_camera_will_do(device: Device) -> None:
    turned = np.eye(4)
    turned[:3] = [[0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, 5]]  # stands at (-5, 0, 0) and looks along x
    points = points_at()
    seen = all_points(np.concatenate([points.xyz, points.xyz @ turned[:3, :3] - [5, 0, 0]]))
    free = FreeSpace([photo_of(), photo_of(turned)], seen, device)
    places = numbers_on(device, [[0.0, 0, 1], [-4, 0, 0], [5, 0, 0]])
    assert free.holds(places).tolist() == [True, True, False]


def test_below_the_lowest_points_nothing_is_known_to_be_free(device: Device) -> None:
    """A lawn before a house: points on the house alone, in the upper 70 of 100 rows."""
    points = points_at()
    seen = all_points(points.xyz[100 * points.xyz[:, 1] / points.xyz[:, 2] + 60 < 70])
    free, edge = FreeSpace([photo_of()], seen, device), (70 - 60) / 100
    cases = [
        ([0, edge - 0.02, 1], True),
        ([0, edge + 0.01, 1], False),
        ([0, 2 * (edge + 0.01), 2], False),  # a line of sight below them stays so
        ([0, -0.69, 1], True),  # above the picture, within the margin
        ([0, -0.71, 1], False),
        ([1.1, edge - 0.02, 1], True),  # beside it
    ]
    held = free.holds(numbers_on(device, [place for place, _ in cases]))
    assert held.tolist() == [expected for _, expected in cases]


def test_a_camera_with_few_points_says_nothing(device: Device) -> None:
    free = FreeSpace([photo_of()], points_at(count=LEAST_POINTS - 2), device)
    assert not free.holds(numbers_on(device, [[0, 0, 0.1]])).any()
    assert FreeSpace([], points_at(), device).holds(numbers_on(device, np.zeros((0, 3)))).shape == (0,)


def test_many_pairs_are_asked_in_parts(monkeypatch: pytest.MonkeyPatch, device: Device) -> None:
    monkeypatch.setattr("splatworker.train.free_space._PAIRS_AT_ONCE", 7)
    photos = [photo_of() for _ in range(5)]
    places = numbers_on(device, [[0, 0, 1.0], [0, 0, 30.0], [0, 0, 1.5]])
    assert FreeSpace(photos, points_at(), device).holds(places).tolist() == [True, False, True]
