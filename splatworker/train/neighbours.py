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

from splatworker.formats.camera import Camera
from splatworker.formats.near_depth import near_depth
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

_AT_ONCE = 2**18
"""Points times photos: what stays in a processor's cache, about."""

Numbers = npt.NDArray[np.float64]


class Search(NamedTuple):
    """Between which depths a photo's are looked for, and the others that are asked about them, the best ones first."""

    near: float
    far: float
    witnesses: list[int]


def searches(cameras: Sequence[Camera], xyz: Numbers) -> list[Search | None]:
    """What each photo's depths are looked for by; None where the scene's points do not tell."""
    found: list[Search | None] = []
    for camera, witnesses in zip(cameras, neighbours(cameras, xyz), strict=True):
        near, far = (near_depth(camera, xyz, quantile, FEWEST_IN_SIGHT) for quantile in (0.01, 0.99))
        if not witnesses or near is None or far is None:
            found.append(None)
        else:
            found.append(Search(NEAREST * near, FARTHEST * far, witnesses))
    return found


def neighbours(cameras: Sequence[Camera], xyz: Numbers) -> list[list[int]]:
    """Of each photo the others that tell most of it, those first that see most of its points from about the best angle.

    Args:
        cameras: the photos'.
        xyz: (N, 3) the scene's points.
    """
    sights = np.zeros((len(cameras), len(xyz)), np.bool_)
    worth = np.zeros((len(cameras), len(cameras)))
    centers = np.array([camera.center for camera in cameras])

    def look(index: int) -> None:
        sights[index] = in_sight(cameras[index], xyz)

    def compare(index: int) -> None:
        seen = np.flatnonzero(sights[index])
        at_once = max(1, _AT_ONCE // max(1, len(seen)))
        for first in range(index + 1, len(cameras), at_once):
            some = slice(first, first + at_once)
            worth[index, some] = _worth(xyz[seen], centers[index], centers[some], sights[some, seen])

    with ThreadPoolExecutor(available_cpus()) as pool:
        list(pool.map(look, range(len(cameras))))
        list(pool.map(compare, range(len(cameras))))
    worth += worth.T  # it is mutual
    best = np.argsort(-worth, axis=1, kind="stable")[:, :WITNESSES]
    return [
        [int(other) for other in order if of_one[other] >= LEAST_WORTH]
        for order, of_one in zip(best, worth, strict=True)
    ]


def in_sight(camera: Camera, xyz: Numbers) -> npt.NDArray[np.bool_]:
    """(N,) which of (N, 3) points in the world project into a camera's picture."""
    x, y, z = (xyz @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]).T
    u, v = camera.fx * x + camera.cx * z, camera.fy * y + camera.cy * z
    inside: npt.NDArray[np.bool_] = (z > 0) & (u > 0) & (u < camera.width * z) & (v > 0) & (v < camera.height * z)
    return inside


def _worth(xyz: Numbers, center: Numbers, others: Numbers, both: npt.NDArray[np.bool_]) -> Numbers:
    """(P,) what it is worth that (P, N) of (N, 3) points are seen from (P, 3) other places too."""
    x, y, z = _directions(xyz, center[None])
    u, v, w = _directions(xyz, others)
    angle = np.degrees(np.arccos((x * u + y * v + z * w).clip(-1, 1)))
    off = (angle - BEST_ANGLE) / np.where(angle < BEST_ANGLE, NARROWER, WIDER)
    return np.asarray((np.exp(off * off * -0.5) * both).sum(axis=1))


def _directions(xyz: Numbers, centers: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """(P, N) x, y and z of unit vectors from (P, 3) places to (N, 3) points."""
    x, y, z = (xyz[:, axis] - centers[:, axis, None] for axis in range(3))
    length = np.sqrt(x * x + y * y + z * z).clip(1e-12, None)
    return x / length, y / length, z / length
