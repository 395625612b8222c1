"""Votes of all pairs at once: those that each pair has by itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from support import photo_sets
from support.reconstructions import cloud, verified
from support.reconstructions import model as reconstruction

from splatworker.sfm import agreement, match_votes, model_arrays
from splatworker.sfm.agreement import Placed
from splatworker.sfm.match_votes import Votes
from splatworker.sfm.pairs import Pair


def seen_at(point: np.ndarray, photo: Placed, feature: int, max_error: float) -> bool:
    x, y, z = photo.rotation @ point + photo.translation
    apart = np.hypot(x / z - photo.view.points[feature][0], y / z - photo.view.points[feature][1])
    return bool(z > 0 and apart < max_error * photo.view.scales[feature])


def rays_meet(first: Placed, second: Placed, one: int, two: int, max_error: float) -> bool:
    x1, x2 = np.append(first.view.points[one], 1), np.append(second.view.points[two], 1)
    scale1, scale2 = first.view.scales[one], second.view.scales[two]
    rotation = second.rotation @ first.rotation.T
    translation = second.translation - rotation @ first.translation
    turned = rotation @ x1
    if turned[2] > 0 and np.linalg.norm(turned[:2] / turned[2] - x2[:2]) < max_error * scale2:
        return True
    essential = np.cross(translation, np.eye(3)).T @ rotation
    line, back = essential @ x1, x2 @ essential
    error = (x2 @ line) ** 2 / ((line[:2] ** 2).sum() * scale2**2 + (back[:2] ** 2).sum() * scale1**2)
    depths, *_ = np.linalg.lstsq(np.stack([turned, -x2], axis=1), -translation, rcond=None)
    return bool(error < max_error**2 and (depths > 0).all())


def one_by_one(placed: Mapping[int, Placed], pair: Pair, matches: np.ndarray, max_error: float) -> Votes:
    first, second = placed[pair[0]], placed[pair[1]]
    with_point = by_points = by_rays = 0
    for one, two in matches:
        here, there = first.points[one], second.points[two]
        asked = [seen_at(here, second, two, max_error)] if np.isfinite(here[0]) else []
        asked += [seen_at(there, first, one, max_error)] if np.isfinite(there[0]) else []
        with_point += bool(asked)
        by_points += bool(asked) and all(asked)
        by_rays += not asked and rays_meet(first, second, one, two, max_error)
    return Votes(len(matches), with_point, by_points, by_rays)


@pytest.mark.parametrize("max_error", [1.0, 8.0])
@pytest.mark.parametrize("at_a_time", [50, 100_000])
def test_all_pairs_at_once_vote_as_each_does(monkeypatch: pytest.MonkeyPatch, max_error: float, at_a_time: int) -> None:
    """Features off their places, some without a point, matches of what is not the same, cameras in one spot."""
    monkeypatch.setattr(match_votes, "_AT_A_TIME", at_a_time)
    poses = photo_sets.arc(5, degrees=20)
    poses[4] = poses[3].copy()
    scene = reconstruction(poses, cloud(60))
    known, rng = verified(scene), np.random.default_rng(0)
    placed, arrays = {}, model_arrays.read(scene)
    for image_id in sorted(known.keypoints):
        at = known.keypoints[image_id]
        moved = agreement.Verified({image_id: at + rng.normal(0, 2.0, at.shape).astype(np.float32)}, {})
        photo = agreement._placed(scene, image_id, moved, arrays)
        photo.points[rng.random(len(at)) < 0.5] = np.nan
        placed[image_id] = photo
    matches = {}
    for (first, second), same in known.matches.items():
        other = np.stack([rng.integers(0, len(placed[n].points), 20) for n in (first, second)], axis=1)
        matches[first, second] = np.concatenate([same, other.astype(np.uint32)])
    matches[1, 2] = matches[1, 2][:0]
    found = match_votes.votes(placed, matches, max_error)
    assert found.keys() == matches.keys() - {(1, 2)}
    for pair, votes in found.items():
        assert votes == one_by_one(placed, pair, matches[pair], max_error), pair
    monkeypatch.setattr(match_votes, "_WORTH_A_THREAD", 30)
    assert match_votes.votes(placed, matches, max_error, threads=3) == found, "however many threads share them"
    total = np.sum(list(found.values()), axis=0)
    assert 0 < total[2] < total[1] < total[0]
    assert 0 < total[3] < total[0] - total[1]


def test_no_pairs_have_no_votes() -> None:
    scene = reconstruction(photo_sets.arc(3, degrees=20), cloud(20))
    known = verified(scene)
    assert match_votes.votes(agreement.placed(scene, known), {}, 8.0) == {}
