"""Whether a photo's matches agree with where its camera was placed.

A misplaced camera shows in nothing that a mapper reports: it sees few points, and those fit. But its verified matches
with other photos, most of which became no common point, do not obey the cameras and points as they stand. So it is with
a group of photos that fits in itself and is set apart from the others: the matches between it and them do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from splatworker.formats.image_records import NO_POINT
from splatworker.sfm import match_votes, model_arrays, two_view
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
    model: pycolmap.Reconstruction,
    verified: Verified,
    max_error: float = MAX_ERROR_PX,
    of: Mapping[int, Placed] | None = None,
    threads: int = 1,
) -> dict[Pair, tuple[int, int]]:
    """For each pair of registered images with verified matches: (how many agree with the model, how many).

    Args:
        max_error: so many pixels from its feature a point may be seen, or from its line a match.
        of: the model's photos, if they are known (`placed`).
    """
    found = _votes(of or placed(model, verified), verified, max_error, threads)
    return {pair: (of_pair.by_points + of_pair.by_rays, of_pair.matches) for pair, of_pair in found.items()}


def agreeing_by_points(model: pycolmap.Reconstruction, verified: Verified) -> dict[Pair, tuple[int, int]]:
    """For each such pair, of the matches that have a point in one photo: (how many agree with the model, how many).

    Rays that meet say little of a few matches: those of cameras at one height do, whatever their photos show.
    """
    found = _votes(placed(model, verified), verified, MAX_ERROR_PX)
    return {pair: (of_pair.by_points, of_pair.with_point) for pair, of_pair in found.items()}


def _votes(
    of: Mapping[int, Placed], verified: Verified, max_error: float, threads: int = 1
) -> dict[Pair, match_votes.Votes]:
    matches = {pair: of_pair for pair, of_pair in verified.matches.items() if of.keys() >= set(pair)}
    return match_votes.votes(of, matches, max_error, threads)


def placed(
    model: pycolmap.Reconstruction, verified: Verified, arrays: model_arrays.ModelArrays | None = None
) -> dict[int, Placed]:
    """The model's photos by their ids; `arrays` are the model's, if they have been read."""
    arrays = arrays or model_arrays.read(model)
    return {image_id: _placed(model, image_id, verified, arrays) for image_id in arrays.images}


def _placed(
    model: pycolmap.Reconstruction, image_id: int, verified: Verified, arrays: model_arrays.ModelArrays
) -> Placed:
    image = model.image(image_id)
    view = two_view.view_of(model.camera(image.camera_id), verified.keypoints[image_id])
    of_features = arrays.images[image_id].features["point"]
    seen = np.flatnonzero(of_features != np.uint64(NO_POINT))
    points = np.full((len(view.points), 3), np.nan)
    points[seen] = arrays.points[arrays.rows(of_features[seen])]
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
