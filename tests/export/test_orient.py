"""A splat that is turned together with its cameras looks the same."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from support.colmap_files import ring_cameras
from support.gaussian_scenes import look_at_camera, random_gaussians

from splatworker.export.orient import HALF_TURN_ABOUT_Z, quarter_turns, rotate, rotate_camera, turn_to, upright_rotation
from splatworker.render.reference import ReferenceRenderer
from splatworker.render.tensors import to_gaussians, to_tensors

TURNS = [HALF_TURN_ABOUT_Z, np.eye(3), *Rotation.random(3, random_state=0).as_matrix()]


@pytest.mark.parametrize("turn", TURNS, ids=range(len(TURNS)))
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_looks_the_same_to_a_camera_that_turns_with_it(turn: np.ndarray, degree: int) -> None:
    tensors = random_gaussians(40, sh_degree=degree, seed=degree)
    camera, background = look_at_camera(48, 40, seed=3), torch.tensor([0.2, 0.4, 0.6])
    renderer = ReferenceRenderer()
    before = renderer.render(tensors, camera, background, degree)
    turned = to_tensors(rotate(to_gaussians(tensors), turn), renderer.device)
    after = renderer.render(turned, rotate_camera(camera, turn), background, degree)
    assert (before - after).abs().max() < 2e-4
    if not np.allclose(turn, np.eye(3)):  # or the above could not fail
        unturned = renderer.render(turned, camera, background, degree)
        assert (before - unturned).abs().max() > 0.05


def test_turning_back_gives_the_same_splat() -> None:
    splat = to_gaussians(random_gaussians(50, sh_degree=3))
    back = rotate(rotate(splat, TURNS[3]), TURNS[3].T)
    np.testing.assert_allclose(back.means, splat.means, atol=1e-5)
    np.testing.assert_allclose(back.sh_rest, splat.sh_rest, atol=1e-5)


def test_a_half_turn_only_changes_signs() -> None:
    splat = to_gaussians(random_gaussians(50, sh_degree=3))
    turned = rotate(splat, HALF_TURN_ABOUT_Z)
    np.testing.assert_allclose(np.abs(turned.sh_rest), np.abs(splat.sh_rest), atol=1e-6)
    np.testing.assert_array_equal(turned.means, splat.means * [-1, -1, 1])


@pytest.mark.parametrize("direction", [[0, 1, 0], [0, -1, 0], [1, 0, 0], [0.3, -2, 0.5]])
def test_turn_to(direction: list[float]) -> None:
    rotation = turn_to(np.array(direction, float), np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(rotation @ np.array(direction), [0.0, float(np.linalg.norm(direction)), 0.0], atol=1e-9)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1)


def test_a_foreign_scene_is_turned_upright_by_its_cameras(tmp_path: Path) -> None:
    turn = TURNS[4]
    cameras = [rotate_camera(camera, turn) for camera in ring_cameras(8)]  # y down before, anything now
    rotation = upright_rotation(tmp_path, cameras)
    ups = np.array([-rotate_camera(camera, rotation).camera_from_world[1, :3] for camera in cameras])
    np.testing.assert_allclose(ups.mean(axis=0) / np.linalg.norm(ups.mean(axis=0)), [0, 1, 0], atol=1e-9)


@pytest.mark.parametrize(("text", "is_ours"), [('{"axes": "y up, right-handed"}', True), ("{}", False), ("?", False)])
def test_a_scene_of_ours_is_left_as_it_is(text: str, is_ours: bool, tmp_path: Path) -> None:
    (tmp_path / "frame.json").write_text(text)
    rotation = upright_rotation(tmp_path, ring_cameras(8))
    assert np.allclose(rotation, np.eye(3)) == is_ours
    assert not is_ours or json.loads(text)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_photo_that_lies_is_turned_upright(turns: int) -> None:
    """A camera held turned sees the world's up where the picture, turned back, has its top."""
    upright = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])  # x right, y down, looking along -z
    roll = Rotation.from_euler("z", 90 * turns + 20, degrees=True).as_matrix()
    pose = np.hstack([roll @ upright, np.zeros((3, 1))])
    camera = dataclasses.replace(look_at_camera(48, 40, seed=3), camera_from_world=pose)
    across, down = pose[:, 1][:2]
    picture = np.zeros((41, 41))
    picture[int(20 + 15 * down), int(20 + 15 * across)] = 1  # where up is
    row, _ = np.argwhere(np.rot90(picture, quarter_turns(camera)))[0]
    assert row < 10
    assert quarter_turns(camera) == turns


def test_a_camera_that_looks_down_has_no_up() -> None:
    down = np.hstack([np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]), np.zeros((3, 1))])
    down[:, 1] = [0.2, 0.1, -0.97]
    assert quarter_turns(dataclasses.replace(look_at_camera(48, 40, seed=3), camera_from_world=down)) == 0
