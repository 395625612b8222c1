"""Between which depths those of a photo are looked for, and which others tell most: those that see it from aside.

From beside it nothing is seen to move, from far off nothing looks the same (Yao et al. 2018, "MVSNet", section 4.1,
whose view selection this is, over the points in sight).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker import _cpu
from splatworker.formats.camera import Camera
from splatworker.formats.near_depth import depths_at, seen_by
from splatworker.machine.limits import available_cpus

NEIGHBOURS, WITNESSES = 4, 8
"""Other photos that one is compared with, and that are asked whether they agree, at most."""

BEST_ANGLE, NARROWER, WIDER = 5.0, 1.0, 10.0
"""Degrees between the rays of two photos to a point at which it is worth most that both see it, and how fast that falls
on either side."""

LEAST_WORTH = 1.0
"""In points at the best angle: of others that share less a photo learns nothing."""

FEWEST_IN_SIGHT = 5
"""Points that tell between which depths a photo's are."""

NEAREST, FARTHEST = 0.7, 1.3
"""Of the depths of the near and far points in sight: where the sweep begins and ends."""

_NEAR_AND_FAR = 0.01, 0.99
"""Of the points in sight: which are the near and far ones."""

_AT_ONCE = 2**16
"""Points times photos: what stays in a processor's cache, about."""

Numbers = npt.NDArray[np.float64]


class Search(NamedTuple):
    """Between which depths a photo's are looked for, and the others that are asked about them, the best ones first."""

    near: float
    far: float
    witnesses: list[int]


def searches(cameras: Sequence[Camera], xyz: Numbers) -> list[Search | None]:
    """What each photo's depths are looked for by; None where the scene's points do not tell."""
    sights, depths = _looks(cameras, xyz)
    return [
        Search(NEAREST * own[0], FARTHEST * own[1], witnesses) if witnesses and own is not None else None
        for own, witnesses in zip(depths, neighbours(cameras, xyz, sights), strict=True)
    ]


def _looks(cameras: Sequence[Camera], xyz: Numbers) -> tuple[npt.NDArray[np.bool_], list[list[float] | None]]:
    """(C, N) which points each camera sees, and between which depths; None where too few."""
    sights = np.zeros((len(cameras), len(xyz)), np.bool_)

    def look(index: int) -> list[float] | None:
        depth, sights[index] = seen_by(cameras[index], xyz)
        return depths_at(depth[sights[index]], _NEAR_AND_FAR, FEWEST_IN_SIGHT)

    with ThreadPoolExecutor(available_cpus()) as pool:
        return sights, list(pool.map(look, range(len(cameras))))


def neighbours(cameras: Sequence[Camera], xyz: Numbers, sights: npt.NDArray[np.bool_]) -> list[list[int]]:
    """Of each photo the others that tell most of it, those first that see most of its points from about the best angle.

    Args:
        cameras: the C photos'.
        xyz: (N, 3) the scene's points.
        sights: (C, N) which of them each camera sees.
    """
    worth = np.zeros((len(cameras), len(cameras)))
    centers = np.array([camera.center for camera in cameras])

    def compare(index: int) -> None:
        seen = np.flatnonzero(sights[index])
        at_once = max(1, _AT_ONCE // max(1, len(seen)))
        for first in range(index + 1, len(cameras), at_once):
            some = slice(first, first + at_once)
            worth[index, some] = _worth(xyz[seen], centers[index], centers[some], sights[some, seen])

    with ThreadPoolExecutor(available_cpus()) as pool:
        list(pool.map(compare, range(len(cameras))))
    worth += worth.T  # it is mutual
    best = np.argsort(-worth, axis=1, kind="stable")[:, :WITNESSES]
    return [
        [int(other) for other in order if of_one[other] >= LEAST_WORTH]
        for order, of_one in zip(best, worth, strict=True)
    ]


def _worth(xyz: Numbers, center: Numbers, others: Numbers, both: npt.NDArray[np.bool_]) -> Numbers:
    """(P,) what it is worth that (P, N) of (N, 3) points are seen from (P, 3) other places too."""
    off = np.empty((len(others), len(xyz)))
    _cpu.ray_cosines(xyz, center, others, off)
    np.degrees(np.arccos(off, out=off), out=off)  # all in its place: new memory takes as long as what comes into it
    off -= BEST_ANGLE
    wider = off / WIDER
    off /= NARROWER
    np.minimum(off, wider, out=off)  # below the best angle the first is less, above it the second
    np.multiply(off, off, out=wider)
    wider *= -0.5
    np.exp(wider, out=wider)
    wider *= both
    return np.asarray(wider.sum(axis=1))
