"""A step of an optimisation: by a photo, or by a view that is taught."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from support.scene_folders import write_scene

from splatworker.render.cpu import CpuRenderer
from splatworker.render.interface import View
from splatworker.stages.progress import Silent
from splatworker.train.loading import Loading
from splatworker.train.optimisation import Optimisation
from splatworker.train.options import Options
from splatworker.train.preparation import prepare
from splatworker.train.views import Views


def begun(tmp_path: Path, **others: Any) -> tuple[Optimisation, int]:
    """An optimisation of some photos, and how many these are."""
    options = Options(
        write_scene(tmp_path / "scene", width=160, height=128),
        tmp_path / "model",
        iterations=20,
        coarse_iterations=10,
        **others,
    )
    with Loading(options) as loading:
        training = prepare(options, CpuRenderer(), Silent(), None, loading)
    return training.optimisation, len(training.dataset.train)


def grey_like(view: View) -> View:
    """A grey picture of the same camera."""
    return View(view.camera, np.full_like(view.photo, 77))


def test_taught_views_come_behind_the_photos_at_the_size_of_the_iteration(tmp_path: Path) -> None:
    optimisation, count = begun(tmp_path)
    photo = optimisation.step(1, 20)
    background = np.full(3, 0.25, np.float32)
    optimisation.learn_from(Views([grey_like(photo.view)]), background)
    taught = optimisation.step(count, 20)
    assert taught.view.camera == photo.view.camera
    assert set(np.unique(taught.view.photo)) == {77}
    assert taught.background is background
    assert optimisation.step(1, 20).view.photo is photo.view.photo
    early = optimisation.step(count, 1).view
    assert early.camera.width == optimisation.step(1, 1).view.camera.width < taught.view.camera.width
    drawn = [optimisation.random.next_photo() for _ in range(2 * (count + 1))]
    assert sorted(drawn) == sorted([*range(count + 1)] * 2)


def test_a_taught_view_has_no_exposure_of_its_own(tmp_path: Path) -> None:
    optimisation, count = begun(tmp_path, train_test_exp=True)
    assert optimisation.exposures is not None
    optimisation.learn_from(Views([grey_like(optimisation.step(0, 1).view)]), np.zeros(3, np.float32))
    assert optimisation.step(count - 1, 1).exposure is not None
    assert optimisation.step(count, 1).exposure is None
