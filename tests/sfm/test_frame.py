"""Up, scale and the transform of the world."""

from __future__ import annotations

import numpy as np
import pytest
from support import photo_sets

from splatworker.sfm.compare import compare_poses
from splatworker.sfm.frame import camera_extent, geometric_median, gps_scale, metres_a_unit, up_axis


def turned_world(seed: int) -> np.ndarray:
    """A rotation that stands for COLMAP's arbitrary frame."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return np.asarray(q * np.sign(np.linalg.det(q)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("tilt", [0.0, 40.0, 89.0])
def test_up_is_found_however_far_cameras_are_tilted(seed: int, tilt: float) -> None:
    world = turned_world(seed)
    turns, centers = [], []
    for angle in np.linspace(0, 2 * np.pi, 9)[:-1]:
        height = 3 * np.tan(np.radians(tilt))
        center = np.array([3 * np.cos(angle), height, 3 * np.sin(angle)])
        turns.append(world @ photo_sets.look_at(center, np.zeros(3))[:, :3].T)
        centers.append(world @ center)
    up = up_axis(turns, [(0, -1)] * 8, np.mean(centers, axis=0))
    assert up @ world @ [0, 1, 0] > 0.9999


def test_a_walk_along_a_wall_takes_the_photos_own_up() -> None:
    world = turned_world(5)
    rng = np.random.default_rng(0)
    turns = []
    for x in np.linspace(0, 5, 10):
        pose = photo_sets.look_at(np.array([x, 1.5, 2.0]), np.array([x, 1.5, 0.0]), roll=0.02 * rng.normal())
        turns.append(world @ pose[:, :3].T)
    up = up_axis(turns, [(0, -1)] * 10, np.zeros(3))
    assert up @ world @ [0, 1, 0] > 0.999


def test_the_orientation_tag_turns_a_photos_up() -> None:
    pose = photo_sets.look_at(np.array([0, 1, 3.0]), np.zeros(3))[:, :3]
    quarter = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])  # up (0, -1, 0) becomes (-1, 0, 0)
    up = up_axis([pose.T, (quarter @ pose).T], [(0, -1), (-1, 0)], np.zeros(3))
    assert up @ [0, 1, 0] > 0.9


def test_gps_tells_metres_only_where_it_fits() -> None:
    rng = np.random.default_rng(2)
    metres = rng.normal(size=(12, 3)) * [30, 30, 5]
    centers = metres @ turned_world(1).T / 7 + [4, 5, 6]
    assert gps_scale(centers, metres) == pytest.approx(7)
    assert gps_scale(centers, metres + rng.normal(size=(12, 3))) == pytest.approx(7, rel=0.05)
    assert gps_scale(centers, rng.permutation(metres)) is None
    assert gps_scale(centers, metres / 20) is None  # within a receiver's own error


def test_background_does_not_pull_at_the_middle() -> None:
    rng = np.random.default_rng(3)
    points = np.concatenate([rng.normal(size=(900, 3)), np.array([500, 0, 0]) + rng.normal(size=(100, 3))])
    assert np.linalg.norm(geometric_median(points)) < 0.3
    assert np.linalg.norm(points.mean(axis=0)) > 40


def test_the_extent_is_the_cameras_diameter() -> None:
    ring = [[np.cos(a), 0.0, np.sin(a)] for a in np.linspace(0, 2 * np.pi, 9)[:-1]]
    assert camera_extent(np.array(ring)) == pytest.approx(2)


def test_pose_differences_do_not_depend_on_the_frame() -> None:
    poses = {str(number): pose for number, pose in enumerate(photo_sets.arc(8))}
    world, scale, shift = turned_world(4), 3.0, np.array([1.0, -2.0, 0.5])

    def elsewhere(pose: np.ndarray) -> np.ndarray:
        rotation = pose[:, :3] @ world.T
        center = scale * world @ (-pose[:, :3].T @ pose[:, 3]) + shift
        return np.hstack([rotation, (-rotation @ center)[:, None]])

    moved = {name: elsewhere(pose) for name, pose in poses.items()}
    same = compare_poses(moved, poses)
    assert same.rotation_deg.max() < 1e-6
    assert same.position.max() < 1e-9
    # One camera turned by a degree, another set off by a tenth of a unit.
    angle = np.radians(1)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    moved["3"] = turn @ moved["3"]
    difference = compare_poses(moved, poses)
    assert difference.rotation_deg[3] == pytest.approx(1.0, abs=1e-6)
    assert difference.position.max() < 1e-9


PLACES = np.array([[x, 0.3 * np.sin(x), 0.2 * x] for x in range(8)], float)
"""Cameras, 30 metres a unit."""


def positions() -> list[tuple[float, float, float] | None]:
    metre = np.degrees(1 / 6_371_000.0)
    noise = np.random.default_rng(5).normal(0, 1.5, PLACES.shape)
    metres = 30 * PLACES + noise
    return [(47 + y * metre, 8 + x * metre / np.cos(np.radians(47)), 400 + z) for x, y, z in metres]


@pytest.mark.parametrize("wrong", [(46.9, -92.5, 198.0), None, (47.0, 8.0, 65_000.0), (-47.0, 8.0, 400.0)])
@pytest.mark.parametrize("which", [[0], [3], [2, 7]])
def test_positions_of_other_places_are_left_out(wrong: tuple[float, float, float] | None, which: list[int]) -> None:
    gps = positions()
    for number in which:
        gps[number] = wrong
    scale, is_wrong = metres_a_unit(PLACES, gps)
    assert scale == pytest.approx(30, rel=0.05)
    assert list(np.flatnonzero(is_wrong)) == which


def test_positions_of_which_too_many_are_wrong_tell_nothing() -> None:
    gps = positions()
    gps[:4] = [None] * 4
    assert metres_a_unit(PLACES, gps)[0] is None
    shuffled = [positions()[number] for number in (3, 7, 0, 5, 2, 6, 1, 4)]
    assert metres_a_unit(PLACES, shuffled)[0] is None
