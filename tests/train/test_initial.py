"""What training starts from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.scene_folders import write_scene

from splatworker.errors import InvalidScene
from splatworker.formats.colmap import Points
from splatworker.formats.scene import read_scene
from splatworker.train.initial import first_gaussians, gaussians_from_points, scene_extent


def _points(xyz: np.ndarray) -> Points:
    return Points(xyz, np.full((len(xyz), 3), 200, np.uint8), np.full(len(xyz), 2))


def test_scale_is_the_root_mean_square_distance_to_the_three_nearest() -> None:
    xyz = np.random.default_rng(0).normal(size=(50, 3))
    gaussians = gaussians_from_points(_points(xyz), sh_degree=2)
    distances = np.linalg.norm(xyz[:, None] - xyz[None], axis=2)
    nearest = np.sort(distances, axis=1)[:, 1:4]
    np.testing.assert_allclose(gaussians.scales, np.sqrt((nearest**2).mean(1))[:, None].repeat(3, 1), rtol=1e-5)
    np.testing.assert_allclose(gaussians.opacities, 0.1, rtol=1e-5)
    np.testing.assert_allclose(0.5 + 0.28209479 * gaussians.sh_dc, 200 / 255, rtol=1e-5)
    assert gaussians.sh_rest.shape == (50, 8, 3)
    np.testing.assert_allclose(gaussians.means, xyz, rtol=1e-6)


def test_coinciding_points_have_a_size() -> None:
    gaussians = gaussians_from_points(_points(np.zeros((5, 3))), sh_degree=0)
    assert np.isfinite(gaussians.log_scales).all()


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_points_are_refused(count: int) -> None:
    with pytest.raises(InvalidScene, match=f"{count} sparse points"):
        gaussians_from_points(_points(np.zeros((count, 3))), sh_degree=0)


def test_two_points_are_enough() -> None:
    gaussians = gaussians_from_points(_points(np.array([[0.0, 0, 0], [0, 0, 2]])), sh_degree=0)
    np.testing.assert_allclose(gaussians.scales, 2.0, rtol=1e-6)


def test_dense_points_come_behind_and_leave_the_others_as_large_as_they_were() -> None:
    dice = np.random.default_rng(2)
    sparse, dense = _points(dice.normal(size=(30, 3))), _points(0.1 * dice.normal(size=(200, 3)))
    both = first_gaussians(sparse, dense, 1)
    apart = [gaussians_from_points(points, 1) for points in (sparse, dense)]
    for field in ("means", "log_scales", "sh_rest"):
        assert np.array_equal(getattr(both, field), np.concatenate([getattr(one, field) for one in apart])), field
    assert len(first_gaussians(sparse, None, 1)) == 30
    assert len(first_gaussians(sparse, _points(np.zeros((1, 3))), 1)) == 30  # of no size
    with pytest.raises(InvalidScene, match="1 sparse points"):
        first_gaussians(_points(np.zeros((1, 3))), dense, 1)


def test_extent_is_the_largest_distance_from_the_mean_camera(tmp_path: Path) -> None:
    photos = read_scene(write_scene(tmp_path / "scene", count=6, distance=5.0)).photos
    assert scene_extent(photos) == pytest.approx(1.1 * 5.0, rel=0.02)


def test_cameras_at_one_point_are_refused(tmp_path: Path) -> None:
    photos = read_scene(write_scene(tmp_path / "scene", count=4)).photos
    with pytest.raises(InvalidScene, match="one point"):
        scene_extent(photos[:1] * 3)


def test_many_points_and_crowds_of_them() -> None:
    generator = np.random.default_rng(1)
    spread = generator.normal(size=(1500, 3)) * [10, 1, 0.1]
    crowd = np.repeat(generator.normal(size=(40, 3)), 12, axis=0)  # twelve at each place
    line = np.linspace(0, 1, 400)[:, None] * [1, 0, 0]
    for xyz in (spread, crowd, line, np.concatenate([spread, crowd, line])):
        gaussians = gaussians_from_points(_points(xyz), sh_degree=0)
        distances = np.sort(((xyz[:, None] - xyz[None]) ** 2).sum(axis=2), axis=1)[:, 1:4]
        expected = np.sqrt(np.maximum(distances.mean(axis=1), 1e-8))
        np.testing.assert_allclose(gaussians.scales[:, 0], expected, rtol=1e-5)
