"""Which photos tell most of another, and between which depths its own are looked for."""

from __future__ import annotations

import numpy as np
import pytest
from support import painted_plane
from support.colmap_files import ring_cameras

from splatworker import _cpu
from splatworker.formats.camera import Camera
from splatworker.formats.near_depth import seen_by
from splatworker.train import neighbours as module
from splatworker.train.neighbours import (
    BEST_ANGLE,
    FARTHEST,
    LEAST_WORTH,
    NARROWER,
    NEAREST,
    WIDER,
    WITNESSES,
    neighbours,
    searches,
)


def in_sight(camera: Camera, xyz: np.ndarray) -> np.ndarray:
    """(N,) which of (N, 3) points in the world project into a camera's picture."""
    return seen_by(camera, xyz)[1]


def neighbours_of(cameras: list[Camera], xyz: np.ndarray) -> list[list[int]]:
    """The photos' neighbours, by all points that they see."""
    return neighbours(cameras, xyz, np.stack([in_sight(camera, xyz) for camera in cameras]))


def test_neighbours_see_the_same_from_an_angle() -> None:
    cameras = [painted_plane.camera(x) for x in (0.0, 0.02, 0.4, 3.0)] + [painted_plane.camera(0.4, turn=np.pi)]
    order = neighbours_of(cameras, painted_plane.points())[0]
    assert order[0] == 2  # not the one beside it, from where nothing has a depth
    assert 4 not in order  # looks away


def worth(one: Camera, other: Camera, xyz: np.ndarray) -> float:
    """What it is worth that two photos see the same points, said point by point."""
    total = 0.0
    for place in xyz[in_sight(one, xyz) & in_sight(other, xyz)]:
        rays = [place - camera.center for camera in (one, other)]
        cosine = rays[0] @ rays[1] / np.linalg.norm(rays[0]) / np.linalg.norm(rays[1])
        angle = np.degrees(np.arccos(min(1.0, cosine)))
        total += np.exp(-(((angle - BEST_ANGLE) / (NARROWER if angle < BEST_ANGLE else WIDER)) ** 2) / 2)
    return total


@pytest.mark.parametrize("at_once", [1, 2**18])
def test_they_are_those_of_the_largest_worth(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    cameras, dice = ring_cameras(14), np.random.default_rng(3)
    xyz = dice.normal(0, 0.7, (150, 3))
    for index, found in enumerate(neighbours_of(cameras, xyz)):
        of_all = [worth(cameras[index], other, xyz) if k != index else 0.0 for k, other in enumerate(cameras)]
        assert len(found) == min(WITNESSES, sum(one >= LEAST_WORTH for one in of_all)) > 1
        np.testing.assert_allclose([of_all[k] for k in found], sorted(of_all, reverse=True)[: len(found)], rtol=1e-9)
        assert index not in found


def test_depths_are_looked_for_around_those_of_the_points_in_sight() -> None:
    cameras = [painted_plane.camera(x) for x in (0.0, 0.4, 0.8)] + [painted_plane.camera(0.4, turn=np.pi)]
    xyz = painted_plane.points()
    *seeing, away = searches(cameras, xyz)
    assert away is None
    depths = xyz[in_sight(cameras[0], xyz), 2]
    assert seeing[0] is not None
    assert NEAREST * depths.min() <= seeing[0].near < depths.min()
    assert depths.max() < seeing[0].far <= FARTHEST * depths.max()
    assert seeing[0].witnesses == neighbours_of(cameras, xyz)[0]
    assert searches(cameras, xyz[:0]) == [None] * 4
    assert searches(cameras[:1], xyz) == [None]


def test_cosines_are_those_of_the_plain_formula_to_the_bit() -> None:
    dice = np.random.default_rng(8)
    xyz, places = dice.normal(size=(37, 3)), dice.normal(size=(4, 3))
    xyz[5] = places[2]  # no direction
    xyz[6] = 2 * places[0]
    found = np.empty((3, 37))
    _cpu.ray_cosines(xyz, places[0], places[1:], found)

    def directions(centers: np.ndarray) -> list[np.ndarray]:
        x, y, z = (xyz[:, axis] - centers[:, axis, None] for axis in range(3))
        length = np.sqrt(x * x + y * y + z * z).clip(1e-12, None)
        return [x / length, y / length, z / length]

    (x, y, z), (u, v, w) = directions(places[:1]), directions(places[1:])
    np.testing.assert_array_equal(found, (x * u + y * v + z * w).clip(-1, 1))
    assert found[1, 5] == 0
    for given in (
        (xyz[:, :2], places[0], places[1:], found),
        (xyz, places[0, :2], places[1:], found),
        (xyz, places[0], places, found),
        (xyz[:5], places[0], places[1:], found),
    ):
        with pytest.raises(ValueError, match=r"x, y and z|one cosine"):
            _cpu.ray_cosines(*given)
