"""The gate: a model that cannot be true is known, and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support import photo_sets
from support.reconstructions import camera, cloud, group, model, verified

from splatworker.sfm import model_arrays, other_lens
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.gate import contradiction, inspect, lens_fault


def test_a_sound_model_passes() -> None:
    found = inspect(model(photo_sets.arc(12), cloud()), [group()])
    assert found.faults == []
    assert found.implausible_images == {}


def test_a_model_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where photos are asked one by one: of one of these a few matches agree."""
    read, asked = [], []
    read_model, other_focals = model_arrays.read, other_lens.other_focals

    def reading(*of: Any) -> model_arrays.ModelArrays:
        read.append(of)
        return read_model(*of)

    def asking(*of: Any) -> dict[int, float]:
        asked.append(len(of[2]))
        return other_focals(*of)

    monkeypatch.setattr(model_arrays, "read", reading)
    monkeypatch.setattr(other_lens, "other_focals", asking)
    found = model(photo_sets.arc(12), cloud(), noise=0.4, zooms=[1.0] * 11 + [0.6])
    inspection = inspect(found, [group()], verified(found), threads=2)
    assert asked != [0]
    assert len(read) == 1
    assert inspection.arrays is not None
    assert list(inspection.arrays.images) == list(range(1, 13))


def test_cameras_in_one_spot_are_a_fault() -> None:
    poses = [pose.copy() for pose in photo_sets.arc(12, degrees=0.1)]
    for pose in poses:
        pose[:, 3] = -pose[:, :3] @ [0.3, 1.1, 3.2]
    found = inspect(model(poses, cloud()), [group()])
    assert found.flat
    assert "one spot" in found.faults[0]


def test_a_focal_length_that_the_header_contradicts_is_doubted() -> None:
    found = inspect(model(photo_sets.arc(12), cloud(), focal=1400.0), [group()])
    assert "focal length came out as 1400 pixels" in found.doubted[1]
    assert "says 560" in found.doubted[1]
    assert found.faults == []


def test_an_exploded_focal_length_is_a_fault_whatever_the_header_says() -> None:
    found = inspect(model(photo_sets.arc(12), cloud(), focal=5600.0), [group()])
    assert "times the photo's longer side" in found.faults[0]


def test_points_behind_cameras_are_a_fault() -> None:
    found = inspect(model(photo_sets.arc(12), cloud(depth=9.0)), [group()])
    assert any("behind" in fault for fault in found.faults)


def test_a_photo_far_from_all_others_is_astray() -> None:
    poses = photo_sets.arc(12)
    poses[4] = poses[4].copy()
    poses[4][2, 3] += 400
    found = inspect(model(poses, cloud()), [group()])
    assert found.faults == []
    assert found.implausible_images == {5: "its camera came out far away from all others"}


def test_a_photo_that_sees_next_to_nothing_is_astray() -> None:
    poses = photo_sets.arc(12)
    poses[7] = photo_sets.look_at(np.array([0.3, 1.1, 3.2]), np.array([3.0, 3.0, 3.0]))
    found = inspect(model(poses, cloud()), [group()])
    assert list(found.implausible_images) == [8]
    assert "sees only" in found.implausible_images[8]


@pytest.mark.parametrize(
    ("made", "has_prior", "fault"),
    [
        (camera(), True, ""),
        (camera(900), True, ""),
        (camera(1000), True, "header says"),
        (camera(300), True, "header says"),
        (camera(1000), False, ""),
        (camera(2600), False, "4.1 times"),
        (camera(140), False, "0.2 times"),
        (camera(k=-0.2), True, ""),
        (camera(k=0.3), True, ""),
        (camera(k=5.0), True, "bent"),
        (camera(k=-2.0), True, "bent"),
    ],
)
def test_lenses_that_cannot_be(made: pycolmap.Camera, has_prior: bool, fault: str) -> None:
    found = contradiction(made, group(has_prior=has_prior)) or lens_fault(made)
    assert fault in found
    assert bool(found) == bool(fault)
