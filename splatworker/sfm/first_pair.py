"""The two photos that a mapper begins with: many matches, seen from two places that are well apart.

Photos are asked in the order of their matches, those with a focal length in their header first. The pair's geometry
(`two_view`) is found once more as if all focal lengths were known: a guess that is off by a third is near enough to
begin with. Of a walk straight ahead no pair is well apart, and one that is not will do.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice

import numpy as np

from splatworker.sfm import two_view
from splatworker.sfm.agreement import Verified
from splatworker.sfm.colmap import pycolmap
from splatworker.sfm.pairs import Pair
from splatworker.sfm.two_view import TwoView, View

_AT_A_TIME = 8
"""Pairs whose geometry is found at a time, whatever the number of threads: the first of them that will do is taken."""

_LESS_WIDE = 0.5
"""Where no pair has the angle, the widest will do if it has this share of it: along a corridor 15.9 degrees."""

_CERTAIN = 5.0
"""A flat subject's geometry has two readings. By so many matches, which are not on the plane, the one that was taken
must be the better one. Of 362 such pairs of four walks along walls none was wrong, of the 483 with a smaller margin
110, most of them under a wide angle where the true one is narrow (docs/cameras.md)."""

_BELIEVED = 0.5
"""An essential matrix explains this share of the matches at least, where the focal length is a guess."""


@dataclasses.dataclass(frozen=True)
class Rules:
    """What makes a beginning; the defaults are COLMAP's.

    Attributes:
        min_inliers: matches that hold.
        min_angle: degrees, the median under which their rays must meet.
        max_forward: of the way between the cameras, the share that leads ahead.
        least_angle: degrees, under which rays that meet are no point.
    """

    min_inliers: int = 100
    min_angle: float = 16.0
    max_forward: float = 0.95
    least_angle: float = 1.5


@dataclasses.dataclass(frozen=True)
class FirstPair:
    """Two images, and the second's camera from the first's: a rotation (3, 3) and a translation of length 1.

    Attributes:
        inliers: matches that hold.
        angle: degrees, the median under which their rays meet.
        is_certain: nothing else explains the matches as well.
    """

    images: Pair
    rotation: two_view.Array
    translation: two_view.Array
    inliers: int
    angle: float
    is_certain: bool


def find(
    verified: Verified, cameras: Mapping[int, pycolmap.Camera], *, rules: Rules, seed: int, threads: int
) -> FirstPair | None:
    """The best beginning; None where no pair will do."""
    return next(beginnings(verified, cameras, rules=rules, seed=seed, threads=threads), None)


def beginnings(
    verified: Verified, cameras: Mapping[int, pycolmap.Camera], *, rules: Rules, seed: int, threads: int
) -> Generator[FirstPair]:
    """All pairs to begin with, the best one first.

    Those with the angle come in the order of their promise, then those with a share of it, the widest first. Along a
    walk straight ahead no pair has either: the others follow, those first that tell most of how far things are. Pairs
    of which two geometries explain the matches come last.

    Args:
        cameras: by image id.
    """

    @cache
    def view(image_id: int) -> View:
        camera = copy.deepcopy(cameras[image_id])
        camera.has_prior_focal_length = True
        return two_view.view_of(camera, verified.keypoints[image_id])

    usual = dataclasses.replace(two_view.USUAL, min_e_f_ratio=_BELIEVED)

    def geometry(pair: Pair) -> TwoView:
        first, second = (view(image_id) for image_id in pair)
        return two_view.verify(first, second, verified.matches[pair], pair, rules=usual, seed=seed)

    others: list[FirstPair] = []
    with ThreadPoolExecutor(threads) as pool:
        pairs = _by_promise(verified, cameras, rules.min_inliers)
        while some := list(islice(pairs, _AT_A_TIME)):
            for pair, found in zip(some, pool.map(geometry, some), strict=True):
                one = _first_pair(pair, found)
                if one is None or one.inliers < rules.min_inliers or one.angle < rules.least_angle:
                    continue
                if one.is_certain and _width(one, rules) == 0:
                    yield one
                else:
                    others.append(one)
    yield from sorted(others, key=lambda one: _order(one, rules))


def is_wide(pair: FirstPair, rules: Rules) -> bool:
    """Whether its rays meet under the angle that is asked for, or a share of it, and it leads not straight ahead."""
    return _width(pair, rules) < _NARROW


_NARROW = 2


def _width(pair: FirstPair, rules: Rules) -> int:
    """0 with the angle that is asked for, 1 with a share of it, 2 with less, or where the way leads straight ahead."""
    if abs(float(pair.translation[2])) > rules.max_forward:
        return _NARROW
    return 0 if pair.angle > rules.min_angle else 1 if pair.angle > _LESS_WIDE * rules.min_angle else _NARROW


def _order(pair: FirstPair, rules: Rules) -> tuple[bool, int, float]:
    """The best ones come first; those with the angle as they are."""
    width = _width(pair, rules)
    better = 0.0 if width == 0 else pair.angle if width == 1 else pair.angle * math.sqrt(pair.inliers)
    return not pair.is_certain, width, -better


def _by_promise(verified: Verified, cameras: Mapping[int, pycolmap.Camera], least: int) -> Iterator[Pair]:
    """The pairs with enough matches, those of the best first photo first, of these the best second one."""
    others: dict[int, list[int]] = {}
    matches = {pair: len(of_pair) for pair, of_pair in verified.matches.items() if len(of_pair)}
    total = dict.fromkeys(verified.keypoints, 0)
    for pair, count in matches.items():
        for image_id, other in (pair, pair[::-1]):
            total[image_id] += count
            if count >= least:
                others.setdefault(image_id, []).append(other)
    told = {image_id: bool(cameras[image_id].has_prior_focal_length) for image_id in others}
    done: set[Pair] = set()
    for first in sorted(others, key=lambda image_id: (-told[image_id], -total[image_id], image_id)):
        pairs = {other: (min(first, other), max(first, other)) for other in others[first]}
        for second in sorted(pairs, key=lambda other: (-told[other], -matches[pairs[other]], other)):
            if pairs[second] not in done:
                done.add(pairs[second])
                yield pairs[second]


def _first_pair(pair: Pair, found: TwoView) -> FirstPair | None:
    if found.rotation is None or found.translation is None or found.configuration == "PANORAMIC":
        return None
    return FirstPair(
        pair,
        np.asarray(found.rotation),
        np.asarray(found.translation),
        len(found.inliers),
        math.degrees(found.angle),
        found.margin > _CERTAIN,
    )
