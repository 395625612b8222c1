"""Cameras that come out elsewhere by what the other photos say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import photo_sets
from support.reconstructions import SIZE, cloud, group, model, verified

from splatworker.sfm import gate, leave_one_out, model_arrays, shared_lens, some_of_many, tracks
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.leave_one_out import FEWEST, elsewhere

needs_kernel = pytest.mark.skipif(not tracks.has_kernel(), reason="this installation has no mapping kernel")

HALF = range(7, 13)


def relief(depth: float, count: int = 400) -> np.ndarray:
    """Points about a plane that the photos look at."""
    points = cloud(count)
    points[:, 2] *= depth
    return points


def through_a_long_lens() -> list[np.ndarray]:
    """Twelve poses far from what they show, by which near and far look nearly the same."""
    return photo_sets.arc(12, degrees=50, radius=14.0)


def mirrored(found: pycolmap.Reconstruction, middle: np.ndarray) -> None:
    """Put half of the cameras to where they would see nearly the same of a scene mirrored in depth."""
    rotations = {i: np.asarray(found.image(i).cam_from_world().matrix())[:, :3] for i in HALF}
    ahead = np.sum([rotation[2] for rotation in rotations.values()], axis=0)
    mirror = np.eye(3) - 2 * np.outer(ahead, ahead) / (ahead @ ahead)
    for i, rotation in rotations.items():
        turned = np.diag([1.0, 1.0, -1.0]) @ rotation @ mirror
        center = middle - turned.T @ (rotation @ (middle - found.image(i).projection_center()))
        pose = pycolmap.Rigid3d(pycolmap.Rotation3d(turned), -turned @ center)
        found.frame(found.image(i).frame_id).set_cam_from_world(1, pose)


@needs_kernel
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_of_a_sound_model_all_come_out_where_they_are(noise: float) -> None:
    assert elsewhere(model(photo_sets.arc(12), cloud(), noise=noise)) == set()
    assert elsewhere(model(through_a_long_lens(), relief(0.2), focal=2400.0, noise=noise)) == set()


@needs_kernel
def test_half_of_a_flat_scene_that_is_mirrored_comes_out_elsewhere() -> None:
    found = model(through_a_long_lens(), relief(0.2), focal=2400.0, noise=0.3)
    mirrored(found, np.array([0.0, 0.6, 0.0]))
    accused = elsewhere(found)
    assert len(accused & set(HALF)) >= 4
    assert gate._elsewhere(found) == accused
    assert elsewhere(found, threads=3) == elsewhere(found, model_arrays.read(found)) == accused


@needs_kernel
def test_of_many_photos_some_points_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    sound, broken = (model(through_a_long_lens(), relief(0.2), focal=2400.0, noise=0.3) for _ in range(2))
    mirrored(broken, np.array([0.0, 0.6, 0.0]))
    asked: list[int] = []
    equations = leave_one_out._equations

    def counted(rays: np.ndarray, *others: Any) -> Any:
        asked.append(len(rays))
        return equations(rays, *others)

    monkeypatch.setattr(leave_one_out, "_equations", counted)
    for many in (12, 11):  # photos; then they are more than that
        monkeypatch.setattr(some_of_many, "MANY_PHOTOS", many)
        assert elsewhere(sound) == set()
        assert len(elsewhere(broken) & set(HALF)) >= 4
    assert asked[-1] < 0.8 * asked[0]


@needs_kernel
def test_a_few_are_not_enough_to_call_the_model_bent(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = model(photo_sets.arc(12), cloud())
    assert gate.inspect(sound, [group()], verified(sound)).bent == set()
    monkeypatch.setattr(leave_one_out, "elsewhere", lambda *_: {3, 4})
    assert gate.inspect(sound, [group()], verified(sound)).bent == set()
    monkeypatch.setattr(leave_one_out, "elsewhere", lambda *_: {3, 4, 9})
    assert gate.inspect(sound, [group()], verified(sound)).bent == {3, 4, 9}


@needs_kernel
def test_of_few_points_and_of_few_photos_nothing_is_said() -> None:
    few = model(through_a_long_lens(), relief(0.2, FEWEST - 1), focal=2400.0)
    mirrored(few, np.array([0.0, 0.6, 0.0]))
    assert elsewhere(few) == set()
    assert elsewhere(model(photo_sets.arc(2), cloud())) == set()
    assert elsewhere(pycolmap.Reconstruction()) == set()


def test_without_the_kernel_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "has_kernel", lambda: False)
    assert elsewhere(model(photo_sets.arc(12), cloud())) == set()


def test_by_a_lens_that_the_kernels_do_not_know_nothing_is_said() -> None:
    found = model(photo_sets.arc(12), cloud())
    full = pycolmap.Camera.create_from_model_name(1, "FULL_OPENCV", 560.0, *SIZE)
    found.cameras[1].model = full.model
    found.cameras[1].params = full.params.tolist()
    assert elsewhere(found) == set()
    assert shared_lens.share_left(found, {1}) == 1.0
    assert gate.inspect(found, [group()], verified(found)).faults == []
