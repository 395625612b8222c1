"""The last touch is kept where it makes the model better, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import photo_sets
from support.reconstructions import SIZE, cloud, group, model

from splatworker.sfm.options import SfmOptions
from splatworker.sfm.polish import polish
from splatworker.sfm.workbench import Workbench


def bench(folder: Path) -> Workbench:
    return Workbench(folder, folder / "photos", SfmOptions(device="cpu"), 1)


def test_a_focal_length_that_was_held_is_let_go(tmp_path: Path) -> None:
    found = model(photo_sets.arc(12), cloud())
    found.cameras[1].params = [590.0, SIZE[0] / 2, SIZE[1] / 2, 0.0]
    found.update_point_3d_errors()
    polished = polish(found, [group()], bench(tmp_path))
    assert polished is not found
    assert polished.cameras[1].mean_focal_length() == pytest.approx(560.0, rel=0.01)
    assert found.cameras[1].mean_focal_length() == 590.0


def test_what_cannot_be_better_stays(tmp_path: Path) -> None:
    found = model(photo_sets.arc(12), cloud())
    found.update_point_3d_errors()
    assert polish(found, [group()], bench(tmp_path)) is found


def test_a_lens_that_many_photos_share_gets_parameters_of_its_own_unless_a_model_was_asked_for(tmp_path: Path) -> None:
    found = model(photo_sets.arc(20), cloud())
    found.cameras[1].params = [590.0, SIZE[0] / 2, SIZE[1] / 2, 0.0]
    found.update_point_3d_errors()
    assert polish(found, [group(20)], bench(tmp_path)).cameras[1].model_name == "OPENCV"
    held = Workbench(tmp_path, tmp_path, SfmOptions(device="cpu", camera_model="SIMPLE_RADIAL"), 1)
    assert polish(found, [group(20)], held).cameras[1].model_name == "SIMPLE_RADIAL"
