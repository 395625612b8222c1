"""Whether a photo's matches agree with where its camera was placed.

A misplaced camera shows in nothing that a mapper reports: it sees few points, and those fit. But its verified matches
with other photos, most of which became no common point, do not obey the cameras and points as they stand. So it is with
a group of photos that fits in itself and is set apart from the others: the matches between it and them do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.sfm import two_view
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.database import keypoints_of
from splatworker.sfm.pairs import Pair

Array = npt.NDArray[np.float64]

MAX_ERROR_PX = 8.0
"""Twice that with which pairs are verified: of a point, which lies where all photos have it."""

LEAST_SHARE = 0.5
"""A camera with which a smaller share of its photo's matches agree is misplaced. Fitted by bench/gate.py."""

LEAST_MATCHES = 30
"""Fewer say nothing, of a photo or of a pair."""


@dataclass(frozen=True)
class Verified:
    """What the cameras of a model are asked about.

    Attributes:
        keypoints: image id -> (N, 2 or more) pixels, x and y first.
        matches: pair of image ids -> (K, 2) verified matches.
    """

    keypoints: Mapping[int, npt.NDArray[np.float32]]
    matches: Mapping[Pair, npt.NDArray[np.uint32]]


def read_verified(database: Path) -> Verified:
    """The verified matches of COLMAP's database."""
    with pycolmap.Database.open(database) as opened:
        images = [image.image_id for image in opened.read_all_images()]
        pair_ids, geometries = opened.read_two_view_geometries()
        pairs = map(pycolmap.pair_id_to_image_pair, pair_ids)
        matches = {pair: np.asarray(found.inlier_matches) for pair, found in zip(pairs, geometries, strict=True)}
        return Verified({image_id: keypoints_of(opened, image_id) for image_id in images}, matches)


@dataclass(frozen=True)
class Placed:
    """A photo in a model: its features, its camera from world, and for each feature its point in the world, or NaN."""

    view: two_view.View
    rotation: Array
    translation: Array
    points: Array


def agreeing(
    model: pycolmap.Reconstruction, verified: Verified, max_error: float = MAX_ERROR_PX
) -> dict[Pair, tuple[int, int]]:
    """For each pair of registered images with verified matches: (how many agree with the model, how many).

    Args:
        max_error: so many pixels from its feature a point may be seen, or from its line a match.
    """
    return _votes(model, verified, lambda one, other, matches: _agreeing(one, other, matches, max_error))


def agreeing_by_points(model: pycolmap.Reconstruction, verified: Verified) -> dict[Pair, tuple[int, int]]:
    """For each such pair, of the matches that have a point in one photo: (how many agree with the model, how many).

    Rays that meet say little of a few matches: those of cameras at one height do, whatever their photos show.
    """
    return _votes(model, verified, _agreeing_by_points)


def _votes(
    model: pycolmap.Reconstruction,
    verified: Verified,
    count: Callable[[Placed, Placed, npt.NDArray[np.uint32]], tuple[int, int]],
) -> dict[Pair, tuple[int, int]]:
    of = placed(model, verified)
    return {
        pair: count(of[pair[0]], of[pair[1]], matches)
        for pair, matches in verified.matches.items()
        if of.keys() >= set(pair) and len(matches)
    }


def placed(model: pycolmap.Reconstruction, verified: Verified) -> dict[int, Placed]:
    """The model's photos by their ids."""
    return {image_id: _placed(model, image_id, verified) for image_id in sorted(model.reg_image_ids())}


def _placed(model: pycolmap.Reconstruction, image_id: int, verified: Verified) -> Placed:
    image = model.image(image_id)
    view = two_view.view_of(model.camera(image.camera_id), verified.keypoints[image_id])
    points = np.full((len(view.points), 3), np.nan)
    for index in image.get_observation_point2D_idxs():
        points[index] = model.point3D(image.points2D[index].point3D_id).xyz
    matrix = np.asarray(image.cam_from_world().matrix())
    return Placed(view, matrix[:, :3], matrix[:, 3], points)


def by_frame(votes: Mapping[Pair, tuple[int, int]], frame_of: Mapping[int, int]) -> dict[Pair, tuple[int, int]]:
    """The votes of pairs of frames: the views of a panorama were placed together."""
    summed: dict[Pair, tuple[int, int]] = {}
    for (first, second), (agree, matches) in votes.items():
        pair = min(frame_of[first], frame_of[second]), max(frame_of[first], frame_of[second])
        if pair[0] != pair[1]:
            before = summed.get(pair, (0, 0))
            summed[pair] = before[0] + agree, before[1] + matches
    return summed


def misplaced(votes: Mapping[Pair, tuple[int, int]]) -> dict[int, float]:
    """Image id -> share of its matches that agree, of those whose cameras are misplaced.

    The worst one first, and the others are asked again without it: its matches speak against its neighbours, too.
    """
    left = dict(votes)
    found: dict[int, float] = {}
    while of_images := shares(left):
        worst = min(of_images, key=lambda image_id: (of_images[image_id], image_id))
        if of_images[worst] >= LEAST_SHARE:
            break
        found[worst] = of_images[worst]
        left = {pair: vote for pair, vote in left.items() if worst not in pair}
    return found


def set_apart(votes: Mapping[Pair, tuple[int, int]]) -> set[int]:
    """Images of groups that agreeing pairs join, but none with the largest, and whose matches with that disagree."""
    group = {image_id: {image_id} for pair in votes for image_id in pair}
    for pair, vote in votes.items():
        if _agrees(vote) and group[pair[0]] is not group[pair[1]]:
            both = group[pair[0]] | group[pair[1]]
            group |= dict.fromkeys(both, both)
    largest = max(group.values(), key=lambda members: (len(members), -min(members)), default=set())
    disputed = (set(pair) - largest for pair, vote in votes.items() if vote[1] >= LEAST_MATCHES and not _agrees(vote))
    return {member for outside in disputed if len(outside) == 1 for image_id in outside for member in group[image_id]}


def _agrees(vote: tuple[int, int]) -> bool:
    return vote[0] >= LEAST_SHARE * vote[1]


def shares(votes: Mapping[Pair, tuple[int, int]]) -> dict[int, float]:
    """Share of each image's matches that agree, where there are enough to tell."""
    agree: Counter[int] = Counter()
    total: Counter[int] = Counter()
    for pair, (some, every) in votes.items():
        for image_id in pair:
            agree[image_id] += some
            total[image_id] += every
    return {image_id: agree[image_id] / total[image_id] for image_id in total if total[image_id] >= LEAST_MATCHES}


def _agreeing(first: Placed, second: Placed, matches: npt.NDArray[np.uint32], max_error: float) -> tuple[int, int]:
    """How many matches obey both photos, and how many there are.

    What has a point in one photo must be seen there in the other. Of what has none, the rays must meet before both
    cameras, or fall on one another if the cameras stand in one spot.
    """
    obeys, has_point = _obey_points(first, second, matches, max_error)
    bare = matches[~has_point]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        meet = _rays_meet(first, second, bare[:, 0], bare[:, 1], max_error)
    return int(obeys.sum() + meet.sum()), len(matches)


def _agreeing_by_points(first: Placed, second: Placed, matches: npt.NDArray[np.uint32]) -> tuple[int, int]:
    obeys, has_point = _obey_points(first, second, matches, MAX_ERROR_PX)
    return int(obeys.sum()), int(has_point.sum())


def _obey_points(
    first: Placed, second: Placed, matches: npt.NDArray[np.uint32], max_error: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether each match is seen where the points are that it has, and whether it has one."""
    ones, twos = matches[:, 0], matches[:, 1]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        there, has_there = _seen_at(first.points[ones], second, twos, max_error)
        back, has_back = _seen_at(second.points[twos], first, ones, max_error)
    has_point = has_there | has_back
    return has_point & (there | ~has_there) & (back | ~has_back), has_point


def _seen_at(
    points: Array, photo: Placed, features: npt.NDArray[np.uint32], max_error: float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Of (K, 3) points, whether the photo sees each where that feature is; whether there is a point."""
    seen = points @ photo.rotation.T + photo.translation
    apart = np.linalg.norm(seen[:, :2] / seen[:, 2:] - photo.view.points[features], axis=1)
    near = (apart < max_error * photo.view.scales[features]) & (seen[:, 2] > 0)
    return near, np.isfinite(points[:, 0])


def _rays_meet(
    first: Placed, second: Placed, ones: npt.NDArray[np.uint32], twos: npt.NDArray[np.uint32], max_error: float
) -> npt.NDArray[np.bool_]:
    one, two = np.c_[first.view.points[ones], np.ones(len(ones))], np.c_[second.view.points[twos], np.ones(len(twos))]
    scale1, scale2 = first.view.scales[ones], second.view.scales[twos]
    rotation = second.rotation @ first.rotation.T
    translation = second.translation - rotation @ first.translation
    turned = one @ rotation.T
    lines = np.cross(translation, turned)  # E x1, in the second photo
    back = two @ (np.cross(translation, np.eye(3)).T @ rotation)
    below = (lines[:, :2] ** 2).sum(axis=1) * scale2**2 + (back[:, :2] ** 2).sum(axis=1) * scale1**2
    near = (two * lines).sum(axis=1) ** 2 < max_error**2 * below
    moved = np.linalg.norm(turned[:, :2] / turned[:, 2:] - two[:, :2], axis=1) / scale2
    fallen = (moved < max_error) & (turned[:, 2] > 0)
    return np.asarray((near & _meet_in_front(turned, two, translation)) | fallen)


def _meet_in_front(turned: Array, two: Array, translation: Array) -> npt.NDArray[np.bool_]:
    """Whether rays come nearest to each other before both cameras."""
    aa, ab, bb = (turned * turned).sum(axis=1), (turned * two).sum(axis=1), (two * two).sum(axis=1)
    at, bt = turned @ translation, two @ translation
    return np.asarray((ab * bt - bb * at > 0) & (aa * bt - ab * at > 0))
