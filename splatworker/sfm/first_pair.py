"""The two photos that a mapper begins with: many matches, seen from two places that are well apart.

Photos are asked in the order of their matches, those with a focal length in their header first. The pair's geometry
(`two_view`) is found once more as if all focal lengths were known: a guess that is off by a third is near enough to
begin with.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Iterator, Mapping
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

_BELIEVED = 0.5
"""An essential matrix explains this share of the matches at least, where the focal length is a guess."""


@dataclasses.dataclass(frozen=True)
class Rules:
    """What makes a beginning; the defaults are COLMAP's.

    Attributes:
        min_inliers: matches that hold.
        min_angle: degrees, the median under which their rays must meet.
        max_forward: of the way between the cameras, the share that leads ahead.
    """

    min_inliers: int = 100
    min_angle: float = 16.0
    max_forward: float = 0.95


@dataclasses.dataclass(frozen=True)
class FirstPair:
    """Two images, and the second's camera from the first's: a rotation (3, 3) and a translation of length 1."""

    images: Pair
    rotation: two_view.Array
    translation: two_view.Array


def find(
    verified: Verified, cameras: Mapping[int, pycolmap.Camera], *, rules: Rules, seed: int, threads: int
) -> FirstPair | None:
    """The first pair that will do, or that with the widest angle where none has enough of one; None where none will do.

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

    with ThreadPoolExecutor(threads) as pool:
        widest: TwoView | None = None
        of_widest = (0, 0)
        pairs = _by_promise(verified, cameras, rules.min_inliers)
        while some := list(islice(pairs, _AT_A_TIME)):
            for pair, found in zip(some, pool.map(geometry, some), strict=True):
                if not _may_begin(found, rules):
                    continue
                if math.degrees(found.angle) > rules.min_angle:
                    return _first_pair(pair, found)
                if widest is None or found.angle > widest.angle:
                    widest, of_widest = found, pair
    if widest is not None and math.degrees(widest.angle) > _LESS_WIDE * rules.min_angle:
        return _first_pair(of_widest, widest)
    return None


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


def _may_begin(found: TwoView, rules: Rules) -> bool:
    """All but the angle."""
    if found.rotation is None or found.translation is None or found.configuration == "PANORAMIC":
        return False
    return len(found.inliers) >= rules.min_inliers and abs(float(found.translation[2])) <= rules.max_forward


def _first_pair(pair: Pair, found: TwoView) -> FirstPair:
    return FirstPair(pair, np.asarray(found.rotation), np.asarray(found.translation))
