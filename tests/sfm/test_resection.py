"""Where a photo was taken, from points: the kernel beside its twin, beside COLMAP's estimator, and beside the truth."""

from __future__ import annotations

import numpy as np
import pytest
from support.adjustments import LENSES, free_parameters, matrices, scene
from support.mapping_twins import grown, p3p

from splatworker.sfm import adjustment, resection, tracks
from splatworker.sfm.adjustment import PARAMETERS, Problem
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.resection import Resected
from splatworker.sfm.tracks import NONE

if tracks.has_kernel():
    from splatworker import _mapping as kernel

pytestmark = pytest.mark.skipif(not tracks.has_kernel(), reason="this installation has no mapping kernel")

RULES = resection.Rules()


def three(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A rotation, a translation, three bearings and their points."""
    quaternion = rng.normal(size=(1, 4))
    rotation = matrices(quaternion / np.linalg.norm(quaternion))[0]
    translation = rng.normal(size=3)
    seen = np.c_[rng.uniform(-0.6, 0.6, (3, 2)), np.ones(3)] * rng.uniform(1, 6, (3, 1))
    return rotation, translation, seen / np.linalg.norm(seen, axis=1)[:, None], (seen - translation) @ rotation


def off(pose: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Degrees and the distance between the centers, of poses (7,)."""
    (one, other), moves = matrices(np.stack([pose, truth])), (pose[4:], truth[4:])
    angle = np.degrees(np.arccos(np.clip((np.trace(one @ other.T) - 1) / 2, -1, 1)))
    return float(angle), float(np.linalg.norm(one.T @ moves[0] - other.T @ moves[1]))


def sights(problem: Problem, photo: int, wrong: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo's pixels and points, a share of them exchanged; and which are right."""
    rows = np.flatnonzero(problem.photo == photo)
    points, rng = problem.point[rows].copy(), np.random.default_rng(seed)
    mixed = rng.random(len(rows)) < wrong
    points[mixed] = rng.permutation(len(problem.points))[: mixed.sum()]
    return problem.seen[rows], problem.points[points], points == problem.point[rows]


def found(
    problem: Problem, seen: np.ndarray, points: np.ndarray, *, free: int = 0, focals: tuple[float, ...] = (1.0,),
    parameters: np.ndarray | None = None, seed: int = 0,
) -> Resected:  # fmt: skip
    one = kernel.resect(
        seen, points, int(problem.model[0]), problem.parameters[0] if parameters is None else parameters, free,
        np.array(focals), seed=seed, photo=4, max_error=RULES.max_error, confidence=RULES.confidence,
        max_trials=RULES.max_trials,
    )  # fmt: skip
    assert one is not None
    return Resected(*one[:4])


# --- three points


def test_three_points_give_the_camera() -> None:
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(300):
        rotation, translation, bearings, points = three(rng)
        errors.append(min(
            np.abs(r - rotation).max() + np.abs(t - translation).max() for r, t in kernel.p3p(bearings, points)
        ))  # fmt: skip
    assert np.quantile(errors, 0.9) < 1e-11
    assert max(errors) < 1e-5  # where two solutions nearly coincide each is known less well


def test_all_solutions_are_the_twins() -> None:
    rng = np.random.default_rng(2)
    same = 0
    for _ in range(200):
        _, _, bearings, points = three(rng)
        ours, theirs = kernel.p3p(bearings, points), p3p(bearings, points)
        same += len(ours) == len(theirs) and all(
            min(np.abs(r - one).max() + np.abs(t - at).max() for r, t in ours) < 1e-5 for one, at in theirs
        )
        for rotation, translation in ours:
            assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
            seen = points @ rotation.T + translation
            assert np.allclose(seen / np.linalg.norm(seen, axis=1)[:, None], bearings, atol=1e-6)
    assert same >= 190  # the rest have double roots, which either may miss


def test_points_in_a_line_give_none() -> None:
    bearings = np.array([[0.0, 0, 1], [0.6, 0, 0.8], [-0.6, 0, 0.8]])
    assert kernel.p3p(bearings, np.array([[0.0, 0, 0], [1, 1, 1], [2, 2, 2]])) == []
    assert kernel.p3p(bearings, np.zeros((3, 3))) == []


# --- many points


@pytest.mark.parametrize("model", LENSES)
def test_the_camera_is_found_among_wrong_points(model: int) -> None:
    problem = scene(3, 400, (model,), noise=0.5)
    seen, points, right = sights(problem, 1, wrong=0.5)
    camera = found(problem, seen, points)
    degrees, apart = off(camera.pose, problem.poses[1])
    assert degrees < 0.05  # 0.5 px at 560 are 0.05 degrees of one point, of some 160
    assert apart < 0.003
    assert right[camera.features].mean() > 0.97
    assert np.isin(np.flatnonzero(right), camera.features).mean() > 0.99
    assert np.array_equal(camera.features, camera.points)  # as they were given


@pytest.mark.parametrize("wrong", [0.0, 0.3, 0.7])
def test_it_is_as_near_to_the_truth_as_colmaps_estimator(wrong: float) -> None:
    problem = scene(3, 400, (2,), noise=0.5)
    camera = pycolmap.Camera(model=pycolmap.CameraModelId(2), width=640, height=480)
    camera.params = problem.parameters[0, :4].tolist()
    ours, theirs = [], []
    for seed in range(5):
        seen, points, _ = sights(problem, 1, wrong, seed)
        options = pycolmap.AbsolutePoseEstimationOptions()
        options.ransac.max_error, options.ransac.random_seed = RULES.max_error, seed
        estimate = pycolmap.estimate_and_refine_absolute_pose(seen, points, camera, options)
        assert estimate is not None
        pose = estimate["cam_from_world"]
        theirs.append(off(np.append(pose.rotation.quat, pose.translation), problem.poses[1]))
        ours.append(off(found(problem, seen, points, seed=seed).pose, problem.poses[1]))
    assert np.median(ours, axis=0)[0] < 1.5 * np.median(theirs, axis=0)[0] + 1e-3
    assert np.median(ours, axis=0)[1] < 1.5 * np.median(theirs, axis=0)[1] + 1e-4


@pytest.mark.parametrize("model", LENSES)
def test_the_optimum_is_that_of_the_adjustment(model: int) -> None:
    """Of a camera and its lens, all points held: which is held to Ceres."""
    problem = scene(3, 300, (model,), noise=0.5)
    seen, points, _ = sights(problem, 1, wrong=0.0)
    bits = free_parameters(model)
    camera = found(problem, seen, points, free=bits)
    assert len(camera.features) == len(seen)
    count = len(seen)
    twice = np.arange(count, dtype=np.int32)  # a point that one photo sees counts for nothing, so a second one does
    adjusted = adjustment.adjust(
        Problem(
            np.stack([problem.poses[1], problem.poses[1]]),
            np.stack([problem.parameters[0], problem.parameters[0]]),
            points,
            np.repeat(problem.model, 2),
            np.array([bits, 0], np.uint8),
            np.array([0, 1], np.int32),
            np.array([63, 0], np.uint8),
            np.repeat(np.array([0, 1], np.int32), count),
            np.concatenate([twice, twice]),
            np.concatenate([seen, seen]),
            np.ones(count, np.uint8),
        ),
        loss="huber",
        tolerance=1e-12,
    )
    degrees, apart = off(camera.pose, adjusted.poses[0])
    assert degrees < 2e-3
    assert apart < 2e-4
    assert np.allclose(camera.parameters, adjusted.parameters[0], rtol=1e-3, atol=2e-4)


def test_a_focal_length_that_nothing_tells_is_found() -> None:
    problem = scene(3, 400, (2,), noise=0.5)
    seen, points, _ = sights(problem, 1, wrong=0.4)
    guess = problem.parameters[0].copy()
    guess[0] *= 2.2
    guess[3] = 0.0
    camera = found(problem, seen, points, free=0b1001, focals=resection.FOCALS, parameters=guess)
    assert camera.parameters[0] == pytest.approx(560, rel=0.01)
    assert camera.parameters[3] == pytest.approx(-0.08, abs=0.02)
    assert off(camera.pose, problem.poses[1])[0] < 0.2


def test_the_same_seed_gives_the_same_bits_and_another_hardly_another_camera() -> None:
    problem = scene(3, 400, (2,), noise=0.5)
    seen, points, _ = sights(problem, 1, wrong=0.5)
    one, again, other = (found(problem, seen, points, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.pose, again.pose)
    assert off(one.pose, other.pose)[0] < 0.01


def test_by_chance_nothing_is_found() -> None:
    problem = scene(3, 400, (2,))
    model, _ = grown(problem, wrong=0.0, placed=2)
    tracks.extend(model, [0, 1], tracks.Rules())
    model.points = np.random.default_rng(1).uniform(-0.7, 0.7, model.points.shape)
    assert resection.resect(model, [2], [0], [False], rules=RULES, seed=0, threads=1) == [None]


# --- photos of a model


def test_photos_of_a_model_get_their_cameras_with_any_number_of_threads() -> None:
    problem = scene(7, 300, (2, 4), noise=0.4)
    model, _ = grown(problem, wrong=0.2, placed=3)
    tracks.extend(model, range(3), tracks.Rules())
    tracks.clean(model, tracks.Rules())
    truth = problem.poses.copy()
    model.poses[3:] = [0, 0, 0, 1, 0, 0, 0]
    one, three = (
        resection.resect(
            model, [3, 4, 5, 6], [0, 0, 9, 0], [False, False, True, False], rules=RULES, seed=0, threads=threads
        )
        for threads in (1, 3)
    )
    for photo, ours, theirs in zip([3, 4, 5, 6], one, three, strict=True):
        assert ours is not None
        assert theirs is not None
        assert np.array_equal(ours.pose, theirs.pose)
        assert np.array_equal(ours.features, theirs.features)
        degrees, apart = off(ours.pose, truth[photo])
        assert degrees < 0.3
        assert apart < 0.02
        before = model.point_of.copy()
        resection.place(model, photo, ours)
        assert model.placed[photo]
        assert np.array_equal(model.poses[photo], ours.pose)
        changed = np.flatnonzero(model.point_of != before)
        assert (before[changed] == NONE).all()
        assert (model.features.photo[changed] == photo).all()
        assert set(changed) == set(ours.features)
    assert resection.resect(model, [], [], [], rules=RULES, seed=0, threads=1) == []
    assert PARAMETERS[2] == 4
