"""Tracks and their points: the kernel beside its twin in plain Python, and on features whose points are known."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
from support.adjustments import LENSES, scene
from support.mapping_twins import Twin, grown, meet

from splatworker.sfm import tracks
from splatworker.sfm.agreement import Verified
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.tracks import NONE, Growing, Rules

if tracks.has_kernel():
    from splatworker import _mapping as kernel

pytestmark = pytest.mark.skipif(not tracks.has_kernel(), reason="this installation has no mapping kernel")

RULES = Rules()


def assert_the_same(ours: Growing, twin: Twin) -> None:
    theirs = twin.compact()
    assert np.array_equal(ours.point_of, theirs.point_of)
    assert np.allclose(ours.points, theirs.points, rtol=0, atol=1e-9)


# --- features


def test_features_are_those_that_match() -> None:
    keypoints = {7: np.array([[1, 2], [3, 4], [5, 6]], np.float32), 9: np.array([[7, 8, 1, 1]], np.float32),
                 11: np.array([[9, 10], [11, 12]], np.float32)}  # fmt: skip
    matches = {(7, 9): np.array([[2, 0], [0, 0]], np.uint32), (9, 11): np.array([[0, 1]], np.uint32)}
    found = tracks.features_of(Verified(keypoints, matches), 1)
    assert found.images == (7, 9, 11)
    assert found.number.tolist() == [0, 2, 0, 1]
    assert found.photo.tolist() == [0, 0, 1, 2]
    assert found.first.tolist() == [0, 2, 3, 4]
    assert found.seen.tolist() == [[1, 2], [5, 6], [7, 8], [11, 12]]
    assert found.first_match.tolist() == [0, 1, 2, 5, 6]
    assert found.match.tolist() == [2, 2, 0, 1, 3, 2]
    strict = tracks.features_of(Verified(keypoints, matches), 2)
    assert strict.number.tolist() == [0, 2, 0]
    assert tracks.features_of(Verified(keypoints, matches), 3).match.tolist() == []
    assert tracks.features_of(Verified({}, {}), 1).images == ()


# --- rays


@pytest.mark.parametrize("model", LENSES)
def test_a_pixel_shows_what_colmap_says(model: int) -> None:
    camera = pycolmap.Camera(model=pycolmap.CameraModelId(model), width=640, height=480)
    camera.params = LENSES[model]
    seen = np.random.default_rng(model).uniform([0, 0], [640, 480], (300, 2))
    parameters = np.zeros(8)
    parameters[: len(LENSES[model])] = LENSES[model]
    rays = kernel.rays(seen, model, parameters)
    assert np.allclose(rays, np.asarray(camera.cam_from_img(seen)), rtol=0, atol=1e-8)
    assert np.allclose(np.asarray(camera.img_from_cam(np.c_[rays, np.ones(300)])), seen, rtol=0, atol=1e-8)


def test_beyond_where_a_lens_folds_back_a_pixel_shows_nothing() -> None:
    barrel = np.array([500.0, 320, 240, -0.5, 0, 0, 0, 0])  # r (1 - r^2 / 2) turns at 0.816, at 0.544
    rays = kernel.rays(np.array([[320.0, 240], [320 + 500 * 0.54, 240], [320 + 500 * 0.55, 240]]), 2, barrel)
    assert np.isfinite(rays[:2]).all()
    assert np.isnan(rays[2]).all()
    assert rays[1][0] < 0.82


@pytest.mark.parametrize("wrong", [0, 1, 4])
@pytest.mark.parametrize("count", [2, 3, 9])
def test_the_point_that_most_rays_show_is_the_twins(count: int, wrong: int) -> None:
    rng = np.random.default_rng(10 * count + wrong)
    for _ in range(20):
        point = rng.uniform(-0.3, 0.3, 3)
        origins = rng.normal(size=(count + wrong, 3))
        origins *= 3 / np.linalg.norm(origins, axis=1)[:, None]
        along = point - origins + rng.normal(0, 0.01, origins.shape)
        along[count:] += rng.normal(0, 0.5, (wrong, 3))
        along /= np.linalg.norm(along, axis=1)[:, None]
        cosines = np.cos(np.radians([2.0, 1.5]))
        ours, theirs = (
            kernel.meet(origins, along, cos_most=cosines[0], cos_least=cosines[1]),
            meet(origins, along, *cosines),
        )
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert np.array_equal(ours[1], theirs[1])
            assert np.allclose(ours[0], theirs[0], rtol=0, atol=1e-9)
            if wrong < count - 1:
                assert np.linalg.norm(ours[0] - point) < 0.25  # two degrees are 0.12 at the most, of two rays


def test_rays_that_hardly_meet_give_no_point() -> None:
    origins = np.array([[0.0, 0, 0], [0.01, 0, 0]])
    along = np.array([[0.0, 0, 1], [-0.01, 0, 1]]) / np.array([[1.0], [np.hypot(0.01, 1)]])
    assert kernel.meet(origins, along, cos_most=0.999, cos_least=float(np.cos(np.radians(1.5)))) is None
    assert kernel.meet(origins, along, cos_most=0.999, cos_least=float(np.cos(np.radians(0.5)))) is not None
    behind = -along
    assert kernel.meet(origins, behind, cos_most=0.999, cos_least=float(np.cos(np.radians(0.5)))) is None


# --- tracks


@pytest.mark.parametrize("wrong", [0.0, 0.1, 0.4])
def test_every_step_is_the_twins(wrong: float) -> None:
    ours, _ = grown(wrong=wrong, placed=3)
    twin = Twin(ours)
    for photos in ([0, 1], [2], [4, 3], [5]):
        ours.placed[photos] = twin.model.placed[photos] = 1
        tracks.extend(ours, photos, RULES)
        twin.extend(photos, RULES)
        assert_the_same(ours, twin)
        twin = Twin(ours)
        tracks.clean(ours, RULES, threads=3)
        twin.clean(RULES)
        assert_the_same(ours, twin)
        twin = Twin(ours)
    assert len(ours.points) > 40
    ours.point_of[ours.features.photo == 5] = NONE
    ours.points = kernel.forget(ours.features.arrays, ours.point_of, ours.points, np.zeros(0, np.int32))
    twin = Twin(ours)
    again = Rules(create=5.0, follow=5.0)
    assert tracks.retriangulate(ours, 0.2, again) > 0
    twin.retriangulate(0.2, again)
    assert_the_same(ours, twin)


def test_true_matches_become_the_points_that_they_show() -> None:
    problem = scene(8, 80, (2,), noise=0.3)
    model, verified = grown(problem, wrong=0.0)
    tracks.extend(model, range(8), RULES)
    tracks.clean(model, RULES)
    rows = [np.flatnonzero(problem.photo == photo) for photo in range(8)]
    truth = np.array(
        [problem.point[rows[photo][number]] for photo, number in
         zip(model.features.photo, model.features.number, strict=True)]
    )  # fmt: skip
    for point in range(len(model.points)):
        assert len(set(truth[model.point_of == point])) == 1
    assert len(set(truth[model.point_of != NONE])) == len(model.points) == 80
    assert (model.point_of != NONE).mean() > 0.99
    first = [int(truth[model.point_of == point][0]) for point in range(80)]
    assert np.abs(model.points - problem.points[first]).max() < 0.03  # of 3 away, at 0.3 of 560 pixels
    assert len(verified.keypoints) == 8


def test_a_match_that_nothing_else_supports_is_no_point() -> None:
    model, _ = grown(scene(2, 30, (2,)), wrong=0.0)
    assert len(model.features.match) > 20
    assert tracks.extend(model, [0, 1], RULES) == 0


def test_what_is_seen_elsewhere_goes() -> None:
    model, _ = grown(wrong=0.0)
    tracks.extend(model, range(6), RULES)
    tracks.clean(model, RULES)
    before = model.point_of.copy()
    moved = int(np.flatnonzero(before == 0)[0])
    model.features.seen[moved] += 9
    assert tracks.clean(model, RULES) >= 1
    assert model.point_of[moved] == NONE
    far = copy.deepcopy(model)
    far.points[1:] *= 1000  # every ray to it is the same
    tracks.clean(far, dataclasses.replace(RULES, max_error=1e9))
    assert len(far.points) <= 1


def test_a_photo_that_loses_its_camera_loses_its_points() -> None:
    model, _ = grown(wrong=0.0)
    tracks.extend(model, range(6), RULES)
    tracks.forget(model, [2, 4])
    assert model.placed.tolist() == [1, 1, 0, 1, 0, 1]
    lost = np.isin(model.features.photo, [2, 4])
    assert (model.point_of[lost] == NONE).all()
    assert np.bincount(model.point_of[model.point_of != NONE]).min() >= 2
    assert model.point_of.max() == len(model.points) - 1


def test_how_much_a_photo_sees_and_how_well_it_is_spread() -> None:
    model, _ = grown(wrong=0.0, placed=5)
    tracks.extend(model, range(5), RULES)
    features = model.features
    has_point = model.point_of[features.match] != NONE
    matches = np.repeat(np.arange(len(features.seen)), np.diff(features.first_match))
    sees = [feature for feature in np.unique(matches[has_point]) if features.photo[feature] == 5]
    size = np.array([[640.0, 480.0]])
    counts, scores = tracks.visible(model, [5], size)
    assert counts.tolist() == [len(sees)]
    expected = 0
    for level in range(1, 7):
        cells = (features.seen[sees] / size * 2**level).astype(int)
        expected += len(np.unique(cells, axis=0)) * 4**level
    assert scores.tolist() == [expected]


def test_what_is_not_there_is_refused() -> None:
    model, _ = grown()
    broken = copy.deepcopy(model)
    broken.point_of[0] = 5
    with pytest.raises(ValueError, match="a point that is not there"):
        tracks.extend(broken, [0], RULES)
    with pytest.raises(ValueError, match="a photo that is not there"):
        tracks.extend(model, [6], RULES)
    model.features.match[0] = len(model.features.seen)
    with pytest.raises(ValueError, match="a match of a feature that is not there"):
        tracks.clean(model, RULES)
