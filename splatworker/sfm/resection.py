"""Resection: where photos were taken, from the points that they may show.

By sampling: a camera from three points (Grunert 1841; Haralick et al. 1994), MSAC's score, and the best so far moved to
its optimum (LO-RANSAC, Chum, Matas, Kittler 2003), the last time with what of the lens is free. The kernel's
(kernels/mapping) random numbers are counted by seed, photo and trial: the same points give the same camera, with any
number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from splatworker.sfm.tracks import NONE, Floats, Growing, Numbers

try:
    from splatworker import _mapping
except ImportError:  # an installation without compiled kernels: COLMAP then maps
    _mapping = None  # type: ignore[assignment]

FOCALS = tuple(np.geomspace(1 / 3, 3, 13).tolist())
"""Where nothing tells a focal length, these multiples of the guess are tried: with 1.2 times the longer side 0.4 to
3.6."""


@dataclass(frozen=True)
class Rules:
    """When a camera is found; the defaults are COLMAP's but for the trials, which are few.

    Attributes:
        max_error: pixels, of a point that holds.
        min_inliers: points that must hold.
        min_inlier_ratio: the share of all that must.
        confidence: that no trial is missed which would have found a better camera.
        max_trials: an end to that.
    """

    max_error: float = 12.0
    min_inliers: int = 30
    min_inlier_ratio: float = 0.25
    confidence: float = 0.99999
    max_trials: int = 3000


@dataclass(frozen=True)
class Resected:
    """A photo's camera.

    Attributes:
        pose: (7,) as in `Growing`.
        parameters: (8,) its lens's.
        features, points: (K,) of what holds.
    """

    pose: Floats
    parameters: Floats
    features: Numbers
    points: Numbers


def resect(
    model: Growing,
    photos: Sequence[int],
    free: Sequence[int],
    unknown: Sequence[bool],
    *,
    rules: Rules,
    seed: int,
    threads: int,
) -> list[Resected | None]:
    """The cameras of photos, each by itself; None where too little holds.

    Args:
        free: of each photo bits of its lens's parameters that are found as well.
        unknown: of each photo whether its focal length is a mere guess.
    """
    if not len(photos):
        return []
    focals = np.zeros((len(photos), len(FOCALS) if any(unknown) else 1))
    focals[:, 0] = 1.0
    focals[np.array(unknown, bool)] = FOCALS if any(unknown) else 1.0
    found = _mapping.resect_photos(
        model.features.arrays,
        model.lenses.arrays,
        model.point_of,
        np.ascontiguousarray(model.points),
        np.array(photos, np.int32),
        np.array(free, np.uint8),
        focals,
        seed=seed % 2**64,
        max_error=rules.max_error,
        confidence=rules.confidence,
        max_trials=rules.max_trials,
        threads=threads,
    )
    return [one and _believed(one, rules) for one in found]


def place(model: Growing, photo: int, camera: Resected) -> None:
    """Give a photo its camera, and its features the points that they show."""
    model.poses[photo] = camera.pose
    model.lenses.parameters[model.lenses.of[photo]] = camera.parameters
    model.placed[photo] = 1
    features = camera.features  # in their order; of two points of one feature the first counts
    bare = (np.diff(features, prepend=-1) > 0) & (model.point_of[features] == NONE)
    model.point_of[features[bare]] = camera.points[bare]


def _believed(one: tuple[Floats, Floats, Numbers, Numbers, int, int], rules: Rules) -> Resected | None:
    pose, parameters, features, points, shown, _ = one
    least = max(rules.min_inliers, rules.min_inlier_ratio * shown)
    return Resected(pose, parameters, features, points) if len(features) >= least else None
