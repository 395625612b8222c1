"""The last touch is kept where it makes the model better, and only there."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from support import photo_sets
from support.reconstructions import SIZE, cloud, group, model

from splatworker.sfm import adjuster, adjustment, model_adjustment
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.options import Engine, SfmOptions
from splatworker.sfm.polish import polish
from splatworker.sfm.workbench import Workbench


def bench(folder: Path) -> Workbench:
    return Workbench(folder, folder / "photos", SfmOptions(device="cpu"), 1)


def test_a_focal_length_that_was_held_is_let_go(tmp_path: Path) -> None:
    found = model(photo_sets.arc(12), cloud())
    found.cameras[1].params = [590.0, SIZE[0] / 2, SIZE[1] / 2, 0.0]
    found.update_point_3d_errors()
    polished = polish(found, [group()], bench(tmp_path)).model
    assert polished is not found
    assert polished.cameras[1].mean_focal_length() == pytest.approx(560.0, rel=0.01)
    assert found.cameras[1].mean_focal_length() == 590.0


def test_what_cannot_be_better_stays(tmp_path: Path) -> None:
    found = model(photo_sets.arc(12), cloud())
    found.update_point_3d_errors()
    polished = polish(found, [group()], bench(tmp_path))
    assert polished.model is found
    assert polished.by is None


needs_kernel = pytest.mark.skipif(not adjustment.has_kernel(), reason="this installation has no adjustment kernel")


def test_by_count_where_colmap_adjusts(tmp_path: Path) -> None:
    found = model(photo_sets.arc(20), cloud())
    found.cameras[1].params = [590.0, SIZE[0] / 2, SIZE[1] / 2, 0.0]
    found.update_point_3d_errors()
    asked = Workbench(tmp_path, tmp_path, SfmOptions(device="cpu", engine="colmap"), 1)
    assert polish(found, [group(20)], asked).model.cameras[1].model_name == "OPENCV"
    assert polish(found, [group(20)], bench(tmp_path)).model.cameras[1].model_name == "SIMPLE_RADIAL"


def off_by_focal() -> pycolmap.Reconstruction:
    found = model(photo_sets.arc(20), cloud())
    found.cameras[1].params = [590.0, SIZE[0] / 2, SIZE[1] / 2, 0.0]
    found.update_point_3d_errors()
    return found


@needs_kernel
def test_ours_and_colmaps_adjustment_find_the_same_cameras(tmp_path: Path) -> None:
    found = off_by_focal()
    ours, theirs = (
        polish(found, [group(20)], Workbench(tmp_path, tmp_path, SfmOptions("OPENCV", device="cpu", engine=engine), 1))
        for engine in get_args(Engine)
    )
    assert (ours.by, theirs.by) == ("own", "colmap")
    assert ours.model.compute_mean_reprojection_error() < 1e-3
    assert ours.model.cameras[1].params == pytest.approx(theirs.model.cameras[1].params, rel=1e-4, abs=1e-4)
    assert list(tmp_path.iterdir()) == []


@needs_kernel
def test_threads_change_no_bit_of_it(tmp_path: Path) -> None:
    one, two = (
        polish(off_by_focal(), [group(20)], Workbench(tmp_path, tmp_path, SfmOptions(device="cpu"), threads)).model
        for threads in (1, 2)
    )
    assert one.cameras[1].params.tolist() == two.cameras[1].params.tolist()
    for image_id in one.reg_image_ids():
        first, second = one.image(image_id).cam_from_world(), two.image(image_id).cam_from_world()
        assert first.matrix().tolist() == second.matrix().tolist()


@needs_kernel
@pytest.mark.parametrize("fault", ["no kernel", "no minimum found", "a problem that is none"])
def test_where_ours_cannot_colmap_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    if fault == "no kernel":
        monkeypatch.setattr(adjustment, "_adjustment", None)
    elif fault == "no minimum found":
        one_step = functools.partial(model_adjustment.adjust_model, most_iterations=1)
        monkeypatch.setattr(model_adjustment, "adjust_model", one_step)
    else:
        monkeypatch.setattr(model_adjustment, "free_poses", lambda poses: np.full(len(poses), 255, np.uint8))
    polished = polish(off_by_focal(), [group(20)], bench(tmp_path))
    assert polished.by == "colmap"
    assert polished.model.compute_mean_reprojection_error() < 1e-2


@needs_kernel
def test_the_accelerator_is_offered_the_adjustment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[object] = []
    adjust = adjuster.adjust

    def seen(problem: adjustment.Problem, **how: Any) -> adjustment.Adjusted:
        offered.append(how["accelerator"])
        return adjust(problem, **how)

    monkeypatch.setattr(adjuster, "adjust", seen)
    place = bench(tmp_path)
    assert polish(off_by_focal(), [group(20)], place).by == "own"
    assert offered == [place.accelerator]
