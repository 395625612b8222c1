"""Whether photos that share a camera share a lens: what is left of a model's error if each may have its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import photo_sets
from support.reconstructions import cloud, model

from splatworker.sfm import adjustment, model_adjustment, some_of_many
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.shared_lens import ONE_LENS, share_left

pytestmark = pytest.mark.skipif(not adjustment.has_kernel(), reason="this installation has no adjustment kernel")


def adjusted(zooms: list[float], folder: Path) -> pycolmap.Reconstruction:
    """A model of photos at these focal lengths that share a camera, as well as they can."""
    found = model(photo_sets.arc(len(zooms)), cloud(), zooms=zooms, noise=0.4)
    model_adjustment.adjust_model(found, folder=folder)
    return found


@pytest.mark.parametrize("zooms", [[1.0, 1.06] * 6, [1.0, 1.6] * 6, [1.0] * 6 + [1.1] * 6, [1.0] * 11 + [1.1]])
def test_several_lenses_are_seen_however_they_are_mixed(zooms: list[float], tmp_path: Path) -> None:
    found = adjusted(zooms, tmp_path)
    before = found.cameras[1].params.tolist()
    assert share_left(found, {1}, tmp_path) < ONE_LENS
    assert share_left(found, set(), tmp_path) == 1.0, "of a camera that is not asked about"
    assert found.cameras[1].params.tolist() == before


@pytest.mark.parametrize("zooms", [[1.0] * 12, [1.0, 1.001] * 6])
def test_one_lens_is_one(zooms: list[float], tmp_path: Path) -> None:
    assert share_left(adjusted(zooms, tmp_path), {1}, tmp_path) > ONE_LENS


def test_of_many_photos_some_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(some_of_many, "MANY_PHOTOS", 8)
    assert share_left(adjusted([1.0, 1.1] * 8, tmp_path), {1}, tmp_path) < 1.0
    assert share_left(adjusted([1.0, 1.0, 1.0, 1.1] * 5, tmp_path), {1}, tmp_path) < ONE_LENS
    assert share_left(adjusted([1.0] * 16, tmp_path), {1}, tmp_path) > ONE_LENS


def test_what_cannot_be_asked_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert share_left(model(photo_sets.arc(3), cloud(), zooms=[1, 1.5, 1]), {1}, tmp_path) == 1.0
    found = model(photo_sets.arc(6), cloud(), zooms=[1, 1.5] * 3)
    assert share_left(found, {1}, tmp_path) < ONE_LENS
    monkeypatch.setattr(adjustment, "_adjustment", None)
    assert share_left(found, {1}, tmp_path) == 1.0
