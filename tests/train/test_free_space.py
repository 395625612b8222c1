"""The free space that cameras see before the nearest points."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from splatworker.formats.camera import Camera
from splatworker.formats.colmap import Points
from splatworker.formats.scene import Photo
from splatworker.train.free_space import ENDS_AT, LEAST_POINTS, MARGIN, FreeSpace

NEAREST = 4.0
"""Depth of the sparse points that stand nearest to the camera."""


def _photo(camera_from_world: np.ndarray | None = None, width: int = 200, height: int = 100) -> Photo:
    pose = np.eye(4) if camera_from_world is None else camera_from_world
    return Photo("a.jpg", Path("a.jpg"), Camera(width, height, 100.0, 100.0, 90.0, 60.0, pose))


def _points(depth: float = NEAREST, count: int = 500) -> Points:
    """Points all over the picture, at one depth and at ten times it."""
    random = np.random.default_rng(0)
    z = np.repeat([depth, 10 * depth], count // 2)
    u, v = random.uniform(0, 200, count), random.uniform(0, 100, count)
    xyz = np.stack([(u - 90) / 100 * z, (v - 60) / 100 * z, z], axis=1)
    return _all_of(xyz)


def _all_of(xyz: np.ndarray) -> Points:
    return Points(xyz=xyz, rgb=np.zeros(xyz.shape, np.uint8), track_lengths=np.full(len(xyz), 3))


def test_free_space_is_what_a_camera_sees_before_its_nearest_points() -> None:
    free = FreeSpace([_photo()], _points(), torch.device("cpu"))
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
    held = free.holds(torch.tensor([place for place, _ in cases], dtype=torch.float32))
    assert held.tolist() == [expected for _, expected in cases]


def test_free_space_follows_the_camera_and_any_camera_will_do() -> None:
    turned = np.eye(4)
    turned[:3] = [[0, 0, -1, 0], [0, 1, 0, 0], [1, 0, 0, 5]]  # stands at (-5, 0, 0) and looks along x
    points = _points()
    seen = _all_of(np.concatenate([points.xyz, points.xyz @ turned[:3, :3] - [5, 0, 0]]))
    free = FreeSpace([_photo(), _photo(turned)], seen, torch.device("cpu"))
    places = torch.tensor([[0.0, 0, 1], [-4, 0, 0], [5, 0, 0]])
    assert free.holds(places).tolist() == [True, True, False]


def test_a_camera_with_few_points_says_nothing() -> None:
    free = FreeSpace([_photo()], _points(count=LEAST_POINTS - 2), torch.device("cpu"))
    assert not free.holds(torch.tensor([[0, 0, 0.1]])).any()
    assert FreeSpace([], _points(), torch.device("cpu")).holds(torch.zeros(0, 3)).shape == (0,)


def test_many_pairs_are_asked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("splatworker.train.free_space._PAIRS_AT_ONCE", 7)
    photos = [_photo() for _ in range(5)]
    places = torch.tensor([[0, 0, 1.0], [0, 0, 30.0], [0, 0, 1.5]])
    assert FreeSpace(photos, _points(), torch.device("cpu")).holds(places).tolist() == [True, False, True]
