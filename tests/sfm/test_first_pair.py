"""The two photos that a model begins with."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from support.adjustments import matrices, projected, scene
from support.mapping_twins import grown

from splatworker.sfm import first_pair, two_view
from splatworker.sfm.adjustment import Problem
from splatworker.sfm.agreement import Verified
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.first_pair import FirstPair, Rules

pytestmark = pytest.mark.skipif(not two_view.has_kernel(), reason="this installation has no two-view kernel")


def find(
    problem: Problem,
    *,
    told: tuple[int, ...] = (),
    focal: float = 560.0,
    rules: Rules | None = None,
    threads: int = 1,
) -> FirstPair | None:
    """Of a scene's photos; `told`: those whose header tells the focal length."""
    _, verified = grown(problem, wrong=0.0)
    return first_pair.find(verified, cameras(problem, told, focal), rules=rules or Rules(), seed=0, threads=threads)


def cameras(problem: Problem, told: tuple[int, ...] = (), focal: float = 560.0) -> dict[int, pycolmap.Camera]:
    found = {}
    for photo in range(len(problem.poses)):
        camera = pycolmap.Camera.create_from_model_name(photo + 1, "SIMPLE_RADIAL", focal, 640, 480)
        camera.params = [focal, 320, 240, -0.08]
        camera.has_prior_focal_length = photo + 1 in told
        found[photo + 1] = camera
    return found


@pytest.mark.parametrize(("focal", "degrees", "along"), [(560.0, 0.5, 0.999), (700.0, 15.0, 0.95)])
def test_the_pair_has_the_pose_of_its_cameras(focal: float, degrees: float, along: float) -> None:
    """With the focal length as it is, and with a guess that is a quarter too long."""
    problem = scene(6, 400, (2,), noise=0.3)
    pair = find(problem, focal=focal)
    assert pair is not None
    first, second = (image_id - 1 for image_id in pair.images)
    rotations = matrices(problem.poses)
    rotation = rotations[second] @ rotations[first].T
    translation = problem.poses[second, 4:] - rotation @ problem.poses[first, 4:]
    angle = np.degrees(np.arccos(np.clip((np.trace(pair.rotation @ rotation.T) - 1) / 2, -1, 1)))
    assert angle < degrees
    assert pair.translation @ translation / np.linalg.norm(translation) > along
    assert np.linalg.norm(pair.translation) == pytest.approx(1)
    assert abs(pair.translation[2]) <= 0.95
    again = find(problem, focal=focal, threads=3)
    assert again is not None
    assert again.images == pair.images
    assert np.array_equal(again.translation, pair.translation)


def test_photos_that_tell_their_focal_length_come_first() -> None:
    problem = scene(6, 400, (2,), noise=0.3)
    pair = find(problem, told=(2, 5))
    assert pair is not None
    assert {2, 5} & set(pair.images)


def test_too_few_matches_or_no_angle_make_no_beginning() -> None:
    problem = scene(6, 400, (2,), noise=0.3)
    assert find(problem, rules=Rules(min_inliers=400)) is None
    assert find(problem, rules=Rules(least_angle=180.0)) is None
    nothing = Verified({1: np.zeros((0, 6), np.float32)}, {})
    assert first_pair.find(nothing, cameras(scene(1, 3)), rules=Rules(), seed=0, threads=1) is None


def test_where_no_angle_is_wide_enough_the_widest_will_do() -> None:
    problem = scene(6, 400, (2,), noise=0.3)
    pair = find(problem, rules=Rules(min_inliers=50))
    assert pair is not None
    wider = find(problem, rules=Rules(min_inliers=50, min_angle=170.0))
    assert wider is not None
    turned = np.degrees(np.arccos((np.trace(wider.rotation) - 1) / 2))
    assert turned > 85  # of those a ring's photos have, who look to its middle: half of 170 at least


@pytest.mark.parametrize("rules", [Rules(min_angle=360.0), Rules(max_forward=0.0)])
def test_along_a_walk_a_narrow_pair_begins(rules: Rules) -> None:
    """None is as wide as this, or all lead straight ahead: the pairs that tell most of depth come first."""
    problem = scene(6, 400, (2,), noise=0.3)
    _, verified = grown(problem, wrong=0.0)
    found = list(first_pair.beginnings(verified, cameras(problem), rules=rules, seed=0, threads=1))
    assert len(found) > 3
    assert not any(first_pair.is_wide(one, rules) for one in found)
    told = [one.angle * np.sqrt(one.inliers) for one in found]
    assert told == sorted(told, reverse=True)
    assert find(problem, rules=rules) is not None


def test_pairs_that_two_poses_explain_come_last(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = scene(6, 400, (2,), noise=0.3)
    _, verified = grown(problem, wrong=0.0)

    def order() -> list[FirstPair]:
        return list(first_pair.beginnings(verified, cameras(problem), rules=Rules(), seed=0, threads=1))

    before = order()
    first = before[0].images
    assert before[0].is_certain
    verify = two_view.verify

    def doubted(*given: Any, **how: Any) -> two_view.TwoView:
        found = verify(*given, **how)
        return dataclasses.replace(found, margin=1.0) if given[3] == first else found

    monkeypatch.setattr(two_view, "verify", doubted)
    after = order()
    assert after[-1].images == first
    assert not after[-1].is_certain
    assert [one.images for one in after[:-1]] == [one.images for one in before[1:]]


def test_photos_from_one_spot_make_none() -> None:
    around = scene(4, 400, (2,), seen=0.9)
    still = around.poses.copy()
    turned = matrices(still)
    center = np.array([0.0, 0.0, -3.0])
    for photo, angle in enumerate((0.0, 0.1, 0.2, 0.3)):
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        turned[photo] = turn
        still[photo, :4] = pycolmap.Rotation3d(turn).quat
        still[photo, 4:] = -turn @ center
    problem = dataclasses.replace(around, poses=still)
    noise = np.random.default_rng(1).normal(0, 0.3, problem.seen.shape)
    assert find(dataclasses.replace(problem, seen=projected(problem) + noise)) is None
