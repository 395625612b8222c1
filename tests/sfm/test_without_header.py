"""The rung that forgets what headers tell: a focal length four times too long spoils the geometry of every pair."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from support import photo_sets

from splatworker.sfm import database, features, mapping, matching
from splatworker.sfm.cameras import CameraGroup
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.layout import lay_out
from splatworker.sfm.mapping import MapperPreset
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.pairs import all_pairs
from splatworker.sfm.photo import read_photos
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

SPAN = Span(Silent(), "", 0.0, 1.0)


@pytest.fixture(scope="module")
def bench(room_photos: tuple[Path, dict[str, np.ndarray]], tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """The room, matched by cameras that claim 1800 pixels."""
    folder = tmp_path_factory.mktemp("lied") / "work"
    folder.mkdir()
    bench = Workbench(folder, folder / "photos", SfmOptions(device="cpu"), 2)
    photos, _ = read_photos(room_photos[0])
    photos = lay_out(photos, room_photos[0], bench, SPAN)
    database.create(bench.database, photos, [CameraGroup(tuple(photos), 1800.0, True)], "auto")
    features.extract(bench, features.FAST, SPAN)
    matching.match(bench, all_pairs(len(photos)), SPAN)
    return bench


def test_the_cameras_are_found_as_if_no_photo_told_anything(bench: Workbench) -> None:
    models = mapping.map_incrementally(bench, bench.folder / "rung", MapperPreset(without_header=True), 10, SPAN, 60.0)
    assert models[0].num_reg_images() == 10
    (camera,) = models[0].cameras.values()
    assert camera.mean_focal_length() == pytest.approx(photo_sets.FOCAL, rel=0.06)


def test_what_is_forgotten_is_forgotten_in_a_copy(bench: Workbench, tmp_path: Path) -> None:
    shutil.copyfile(bench.database, tmp_path / "copy.db")
    database.forget_focal_lengths(tmp_path / "copy.db")
    for path, focal, told in ((bench.database, 1800.0, True), (tmp_path / "copy.db", 1.2 * 480, False)):
        with pycolmap.Database.open(path) as opened:
            (camera,) = opened.read_all_cameras()
            pairs = opened.num_verified_image_pairs()
        assert camera.mean_focal_length() == pytest.approx(focal)
        assert camera.has_prior_focal_length == told
        assert (pairs > 0) == told
