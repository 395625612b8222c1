"""How far two sets of cameras differ, whatever frames they are in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from splatworker.sfm.compare import compare_poses


def rotation(axis: int, degrees: float) -> np.ndarray:
    angle, (i, j) = np.radians(degrees), [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[i, j], matrix[j, i] = -np.sin(angle), np.sin(angle)
    return matrix


def poses(count: int = 8) -> dict[str, np.ndarray]:
    centers = np.random.default_rng(0).normal(size=(count, 3))
    turns = [rotation(0, 20.0 * number) @ rotation(1, 7.0 * number) for number in range(count)]
    return {
        f"{number}.jpg": np.hstack([turn, (-turn @ center)[:, None]])
        for number, (turn, center) in enumerate(zip(turns, centers, strict=True))
    }


def moved(
    cameras: dict[str, np.ndarray], turn: np.ndarray, shift: npt.ArrayLike, scale: float
) -> dict[str, np.ndarray]:
    """The same cameras in a world that was scaled, turned and shifted."""
    result = {}
    for name, pose in cameras.items():
        center = scale * turn @ (-pose[:, :3].T @ pose[:, 3]) + shift
        result[name] = np.hstack([pose[:, :3] @ turn.T, (-pose[:, :3] @ turn.T @ center)[:, None]])
    return result


def test_another_frame_is_no_difference() -> None:
    difference = compare_poses(moved(poses(), rotation(2, 50.0), np.array([3.0, -1.0, 9.0]), 2.5), poses())
    np.testing.assert_allclose(difference.rotation_deg, 0, atol=1e-6)
    np.testing.assert_allclose(difference.position, 0, atol=1e-9)


def test_a_camera_that_is_turned_is_off_by_that_angle() -> None:
    changed = poses()
    changed["0.jpg"] = rotation(0, 3.0) @ changed["0.jpg"]  # about its own center
    difference = compare_poses(changed, poses())
    assert difference.rotation_deg[0] == pytest.approx(3.0, abs=1e-6)
    np.testing.assert_allclose(difference.rotation_deg[1:], 0, atol=1e-6)
    assert "max 3.000 deg" in str(difference)


def test_only_photos_of_both_are_compared() -> None:
    assert len(compare_poses(poses(8), poses(5)).position) == 5
