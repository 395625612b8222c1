"""The rung that forgets what headers tell: a focal length four times too long spoils the geometry of every pair."""

from __future__ import annotations

import pytest
from support import photo_sets

from splatworker.sfm import mapping
from splatworker.sfm.mapping import MapperPreset
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

SPAN = Span(Silent(), "", 0.0, 1.0)


def test_the_cameras_are_found_as_if_no_photo_told_anything(misled_bench: Workbench) -> None:
    models = mapping.map_incrementally(
        misled_bench, misled_bench.folder / "rung", MapperPreset(without_header=True), 10, SPAN, 60.0
    )
    assert models[0].num_reg_images() == 10
    (camera,) = models[0].cameras.values()
    assert camera.mean_focal_length() == pytest.approx(photo_sets.FOCAL, rel=0.06)
