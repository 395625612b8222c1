"""A lens gets the parameters that its photos speak for, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import photo_sets
from support.reconstructions import SIZE, cloud, group, model

from splatworker.sfm import adjustment, model_adjustment, some_of_many
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.lens_model import richer_lenses
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.polish import polish
from splatworker.sfm.workbench import Workbench

needs_kernel = pytest.mark.skipif(not adjustment.has_kernel(), reason="this installation has no adjustment kernel")

LENSES = {
    "SIMPLE_RADIAL": [560.0, SIZE[0] / 2, SIZE[1] / 2, -0.05],
    "RADIAL": [560.0, SIZE[0] / 2, SIZE[1] / 2, -0.2, 0.3],
    "OPENCV": [561.0, 560.0, SIZE[0] / 2, SIZE[1] / 2, -0.2, 0.3, 0.002, -0.003],
    "SIMPLE_RADIAL_FISHEYE": [560.0, SIZE[0] / 2, SIZE[1] / 2, -0.05],
    "RADIAL_FISHEYE": [560.0, SIZE[0] / 2, SIZE[1] / 2, -0.1, 0.3],
}


def through(lens: str, photos: int = 12) -> pycolmap.Reconstruction:
    """A model of photos by a lens, mapped as if it had one coefficient: seen to a fifth of a pixel."""
    true = pycolmap.Camera.create_from_model_name(1, lens, 560.0, *SIZE)
    true.params = LENSES[lens]
    kind = "SIMPLE_RADIAL_FISHEYE" if "FISHEYE" in lens else "SIMPLE_RADIAL"
    mapped = pycolmap.Camera.create_from_model_name(1, kind, 560.0, *SIZE)
    found = model(photo_sets.arc(photos), cloud(1500), through=true, noise=0.2)
    found.cameras[1].model = mapped.model
    found.cameras[1].params = [560.0, SIZE[0] / 2, SIZE[1] / 2, -0.05]
    model_adjustment.adjust_model(found)
    found.update_point_3d_errors()
    return found


@needs_kernel
@pytest.mark.parametrize("lens", LENSES)
def test_a_lens_gets_as_many_parameters_as_its_photos_speak_for(tmp_path: Path, lens: str) -> None:
    found = through(lens)
    polished = polish(
        found, [group(has_prior=False)], Workbench(tmp_path, tmp_path / "photos", SfmOptions(device="cpu"), 1)
    ).model.cameras[1]
    assert polished.model_name == lens
    assert polished.mean_focal_length() == pytest.approx(560.0, rel=0.004)
    assert [path.name for path in tmp_path.iterdir()] == []


@needs_kernel
def test_a_model_that_was_asked_for_stays(tmp_path: Path) -> None:
    asked = Workbench(tmp_path, tmp_path, SfmOptions(device="cpu", camera_model="SIMPLE_RADIAL"), 1)
    assert polish(through("OPENCV"), [group()], asked).model.cameras[1].model_name == "SIMPLE_RADIAL"


@needs_kernel
def test_what_no_lens_has_is_not_believed(tmp_path: Path) -> None:
    true = pycolmap.Camera.create_from_model_name(1, "OPENCV", 560.0, *SIZE)
    true.params = [580.0, 560.0, *LENSES["OPENCV"][2:]]
    found = model(photo_sets.arc(12), cloud(1500), through=true, noise=0.2)
    found.cameras[1].params = [570.0, SIZE[0] / 2, SIZE[1] / 2, -0.05]
    model_adjustment.adjust_model(found)
    assert richer_lenses(found, ())[1].model == pycolmap.CameraModelId.RADIAL
    assert richer_lenses(found, {1}) == {}
    assert richer_lenses(through("OPENCV", photos=4), ()) == {}, "of so few photos"


@needs_kernel
def test_of_many_photos_some_points_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some photos, each by as many as are asked for, or all of its own; and the lens that comes of it is the same."""
    found, asked = through("RADIAL"), []
    adjust = adjustment.adjust

    def seen(problem: adjustment.Problem, **how: Any) -> adjustment.Adjusted:
        asked.append(problem)
        return adjust(problem, **how)

    monkeypatch.setattr(adjustment, "adjust", seen)
    monkeypatch.setattr(some_of_many, "ENOUGH_SEEN", 250)
    for many in (12, 10):  # photos; then they are more than that
        monkeypatch.setattr(some_of_many, "MANY_PHOTOS", many)
        assert richer_lenses(found, ())[1].model == pycolmap.CameraModelId.RADIAL
    whole, some = asked[0], asked[-1]
    assert len(some.photo) < 0.6 * len(whole.photo)
    assert len(whole.poses) == 12
    assert len(some.poses) == 10
    # One observation of each point is held out, so of a photo's as many of ten.
    assert np.bincount(some.photo, minlength=10).min() >= min(0.8 * 250, np.bincount(whole.photo).min())


@needs_kernel
def test_of_many_photos_the_polish_ends_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    adjust = model_adjustment.adjust_model

    def seen(*model: Any, **how: Any) -> adjustment.Adjusted:
        told.append(how["tolerance"])
        return adjust(*model, **how)

    found = through("RADIAL")
    monkeypatch.setattr(model_adjustment, "adjust_model", seen)
    for many in (12, 11):  # photos; then they are more than that
        monkeypatch.setattr(some_of_many, "MANY_PHOTOS", many)
        bench = Workbench(tmp_path, tmp_path, SfmOptions(device="cpu"), 1)
        assert polish(found, [group()], bench).by == "own"
    assert told == [1e-6, 1e-5]
