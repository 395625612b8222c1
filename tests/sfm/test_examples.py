"""The example photos, whose cameras are known exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.sfm_runs import Run

from splatworker.formats.scene import read_scene
from splatworker.sfm.compare import compare_poses

EXAMPLES = Path(__file__).parents[2] / "examples"


def true_poses() -> dict[str, np.ndarray]:
    truth = json.loads((EXAMPLES / "ground_truth.json").read_text())
    poses = {}
    for name, photo in truth["photos"].items():
        rotation = Rotation.from_quat(photo["quaternion_wxyz"], scalar_first=True).as_matrix()
        poses[name] = np.hstack([rotation, np.array(photo["translation"])[:, None]])
    return poses


@pytest.fixture(scope="module")
def scene(sfm: Callable[..., Run], tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("examples") / "scene"
    return sfm(EXAMPLES / "photos", folder), folder


def test_every_camera_is_where_it_was(scene: tuple[Run, Path]) -> None:
    run, folder = scene
    truth = true_poses()
    assert run.result["registered"] == run.result["photos"] == len(truth)
    assert run.warnings == []
    poses = {photo.name: photo.camera.camera_from_world for photo in read_scene(folder).photos}
    difference = compare_poses(poses, truth)
    assert len(difference.position) == len(truth)
    assert difference.rotation_deg.max() < 0.1
    assert difference.position.max() < 0.002


def test_the_desk_is_level(scene: tuple[Run, Path]) -> None:
    truth = true_poses()
    for photo in read_scene(scene[1]).photos:
        up, true_up = photo.camera.camera_from_world[:, :3] @ [0, 1, 0], truth[photo.name][:, :3] @ [0, 0, 1]
        assert np.degrees(np.arccos(np.clip(up @ true_up, -1, 1))) < 3.0
