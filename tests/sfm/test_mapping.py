"""COLMAP's mappers as rungs use them: one forgets what headers tell, where a focal length four times too long spoils
the geometry of every pair; the global one gives the same bytes every time.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

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


def test_global_mapping_gives_the_same_bytes_on_any_number_of_threads(misled_bench: Workbench, tmp_path: Path) -> None:
    """On more than one thread no two of five runs with 29 real photos gave the same."""
    found = []
    for number, threads in enumerate((1, 4, 4)):
        bench = dataclasses.replace(misled_bench, threads=threads)
        (model,) = mapping.map_globally(bench, tmp_path / str(number), 10, SPAN)
        assert model.num_reg_images() == 10
        written = tmp_path / f"{number} written"
        written.mkdir()
        model.write(written)
        found.append({path.name: path.read_bytes() for path in written.glob("*.bin")})
    assert {"cameras.bin", "images.bin", "points3D.bin"} <= found[0].keys()
    assert found[1] == found[0]
    assert found[2] == found[0]
