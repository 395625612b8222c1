"""The rules of global mapping, the geometry in COLMAP's terms, and pairs beside those that COLMAP verifies."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.two_view_runs import camera, every, verify, views
from support.two_views import TwoPhotos, apart, degrees_between, photograph

from splatworker.sfm import database, features, matching, two_view
from splatworker.sfm.cameras import group_photos
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.layout import lay_out
from splatworker.sfm.options import SfmOptions
from splatworker.sfm.pairs import all_pairs
from splatworker.sfm.photo import read_photos
from splatworker.sfm.two_view import STRICT
from splatworker.sfm.watch import Span
from splatworker.sfm.workbench import Workbench
from splatworker.stages.progress import Silent

pytestmark = pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")


# --- the stricter tests


def test_strictly_only_what_lies_before_both_cameras_counts() -> None:
    photos = photograph(np.random.default_rng(21), 200)
    behind = np.arange(40)
    depths = np.linspace(3, 6, 40)
    rays = np.c_[photos.first[behind], np.ones(40)] * -depths[:, None]  # the same lines of sight, the other way
    seen = rays @ photos.rotation.T + photos.translation
    second = photos.second.copy()
    second[behind] = seen[:, :2] / seen[:, 2:]
    mixed = dataclasses.replace(photos, second=second)
    assert set(behind) <= set(verify(mixed).inliers.tolist())
    strict = verify(mixed, STRICT)
    assert strict.configuration == "CALIBRATED"
    assert not set(behind) & set(strict.inliers.tolist())
    assert len(strict.inliers) > 140


def test_strictly_nothing_near_an_epipole_counts() -> None:
    rng = np.random.default_rng(22)
    points = np.c_[rng.uniform(-1, 1, (400, 2)), rng.uniform(3, 6, 400)]
    points[:60, :2] *= 0.03  # ahead, where the camera goes
    forward = np.array([0.0, 0.0, -1.0])
    seen = points + forward
    photos = TwoPhotos(np.eye(3), forward, points[:, :2] / points[:, 2:], seen[:, :2] / seen[:, 2:])
    kept = set(verify(photos, STRICT).inliers.tolist())
    assert set(range(60)) <= set(verify(photos).inliers.tolist())
    assert not kept & set(range(60))
    angle = np.degrees(np.arctan(np.linalg.norm(photos.first, axis=1)))
    assert kept == set(np.flatnonzero(angle > 3).tolist()) or len(kept) > 0.95 * (angle > 3).sum()
    assert not kept & set(np.flatnonzero(angle < 2.9).tolist())


def test_strictly_a_quarter_of_the_matches_must_hold() -> None:
    rng = np.random.default_rng(23)
    assert verify(photograph(rng, 400, outliers=0.7), STRICT).configuration == "CALIBRATED"
    assert verify(photograph(rng, 400, outliers=0.8), STRICT).configuration == "DEGENERATE"
    assert verify(photograph(rng, 29), STRICT).configuration == "DEGENERATE"
    assert verify(photograph(rng, 400, noise_px=2.5), STRICT).configuration in ("DEGENERATE", "CALIBRATED")


# --- in COLMAP's terms


def test_models_are_those_of_pixels_in_colmaps_database(tmp_path: Path) -> None:
    photos = photograph(np.random.default_rng(24), 200)
    lens = camera()
    first, second = views(photos, lens)
    found = two_view.verify(first, second, every(200), (1, 2))
    path = tmp_path / "database.db"
    with pycolmap.Database.open(path) as opened:
        opened.write_camera(lens, use_camera_id=True)
        for image_id in (1, 2):
            image = pycolmap.Image(name=str(image_id), camera_id=1, image_id=image_id)
            opened.write_image(image, use_image_id=True)
        opened.write_two_view_geometry(1, 2, two_view.to_colmap(found, first, second, every(200)))
        read = opened.read_two_view_geometry(1, 2)
    assert pycolmap.TwoViewGeometryConfiguration(read.config) == pycolmap.TwoViewGeometryConfiguration.CALIBRATED
    one, two = (np.c_[view.pixels, np.ones(200)] for view in (first, second))
    lines = one @ np.asarray(read.F).T
    distance = np.abs((two * lines).sum(axis=1)) / np.linalg.norm(lines[:, :2], axis=1)
    assert distance.max() < 1e-3
    assert read.cam2_from_cam1 is not None
    pose = read.cam2_from_cam1.matrix()
    np.testing.assert_allclose(pose[:, :3], photos.rotation, atol=1e-6)
    np.testing.assert_allclose(pose[:, 3], photos.translation, atol=1e-5)
    assert apart(np.asarray(read.E), photos.essential) < 1e-6
    np.testing.assert_array_equal(read.inlier_matches, every(200))


def test_a_homography_is_one_of_pixels() -> None:
    photos = photograph(np.random.default_rng(25), 200, flat=True)
    first, second = views(photos)
    found = two_view.verify(first, second, every(200), (1, 2))
    geometry = two_view.to_colmap(found, first, second, every(200))
    mapped = np.c_[first.pixels, np.ones(200)] @ np.asarray(geometry.H).T
    assert np.abs(mapped[:, :2] / mapped[:, 2:] - second.pixels).max() < 1e-3


def test_what_is_written_at_the_edge_is_a_watermark() -> None:
    rng = np.random.default_rng(26)
    lens = camera()
    words = np.c_[rng.uniform(20, 1150, 80), rng.uniform(1080, 1160, 80)]
    first, second = two_view.view_of(lens, words), two_view.view_of(lens, words + np.array([2.0, 1.0]))
    assert two_view.is_watermark(first, second, every(80))
    other = two_view.view_of(lens, words + rng.uniform(-40, 40, (80, 2)))
    assert not two_view.is_watermark(first, other, every(80))
    above = two_view.view_of(lens, words - np.array([0.0, 1060.0]))  # ground that a drone has passed over
    assert not two_view.is_watermark(first, above, every(80))
    inside = two_view.view_of(lens, rng.uniform(400, 800, (80, 2)))
    assert not two_view.is_watermark(inside, inside, every(80))
    found = two_view.verify(first, second, every(80), (1, 2))
    config = pycolmap.TwoViewGeometryConfiguration(two_view.to_colmap(found, first, second, every(80)).config)
    assert config == pycolmap.TwoViewGeometryConfiguration.WATERMARK


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("flat", [True, False])
def test_colmap_finds_the_same(known: bool, flat: bool) -> None:
    """An independent reference: as many inliers within a few, and the same pose."""
    options = pycolmap.TwoViewGeometryOptions()
    options.ransac.random_seed = 0
    options.compute_relative_pose = True
    rng = np.random.default_rng(27)
    for outliers in (0.1, 0.4):
        photos = photograph(rng, 300, flat=flat, noise_px=0.7, outliers=outliers)
        lens = camera(known=known)
        first, second = views(photos, lens)
        reference = pycolmap.estimate_two_view_geometry(
            lens, first.pixels, lens, second.pixels, every(300), options
        )  # fmt: skip
        found = two_view.verify(first, second, every(300), (1, 2))
        assert len(found.inliers) == pytest.approx(len(reference.inlier_matches), rel=0.04)
        if known and not flat:
            assert reference.cam2_from_cam1 is not None
            pose = reference.cam2_from_cam1.matrix()
            assert found.rotation is not None
            assert found.translation is not None
            assert degrees_between(found.rotation, pose[:, :3]) < 0.5
            assert degrees_between(found.translation, pose[:, 3]) < 3


@pytest.mark.real
@pytest.mark.parametrize("name", ["sceaux", "banana"])
def test_real_pairs_are_as_colmap_has_them(real_set: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    """The same matches of real photos: as many hold, within a few per cent, and shuffled none do."""
    images = real_set(name)
    photos, _ = read_photos(images)
    bench = Workbench(tmp_path, tmp_path / "photos", SfmOptions(device="cpu"), 2)
    span = Span(Silent(), "", 0.0, 1.0)
    photos = lay_out(photos, images, bench, span)
    database.create(bench.database, photos, group_photos(photos, [images / photo.name for photo in photos]), "auto")
    features.extract(bench, features.FAST, span)
    matching.match(bench, all_pairs(len(photos)), span)
    options = matching.verification(SfmOptions())
    ours, theirs, wrong = [], [], 0
    with pycolmap.Database.open(bench.database) as opened:
        cameras = {image.image_id: opened.read_camera(image.camera_id) for image in opened.read_all_images()}
        seen = {i: two_view.view_of(cameras[i], database.keypoints_of(opened, i)) for i in cameras}
        for pair_id, matches in zip(*opened.read_all_matches(), strict=True):
            pair = pycolmap.pair_id_to_image_pair(pair_id)
            one, two = (seen[image_id] for image_id in pair)
            found = two_view.verify(one, two, np.asarray(matches), pair)
            reference = pycolmap.estimate_two_view_geometry(
                one.camera, one.pixels, two.camera, two.pixels, matches, options
            )
            ours.append(len(found.inliers))
            theirs.append(len(reference.inlier_matches))
            shuffled = np.c_[matches[:, 0], np.random.default_rng(0).permutation(matches[:, 1])]
            wrong += two_view.verify(one, two, shuffled, pair).configuration != "DEGENERATE"
    assert sum(ours) == pytest.approx(sum(theirs), rel=0.03)
    strong = [(a, b) for a, b in zip(ours, theirs, strict=True) if b >= 60]
    assert len(strong) > 20
    assert all(a > 0.85 * b for a, b in strong)
    assert wrong == 0
