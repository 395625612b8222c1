"""Which features show the same point, and where that is: the arrays that a mapper grows (`rounds`).

Features that match are looked at wherever one of their photos has got a camera: a feature follows a match to its point,
or several without one give a new point where most of their rays meet. Tracks are completed by what matches their
features, and merged where a match joins two; what is seen elsewhere is left out again (Schoenberger & Frahm,
"Structure-from-Motion Revisited", 2016). The work is the kernel's (kernels/mapping), in the order of photos, features
and points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from splatworker.sfm.agreement import Verified

try:
    from splatworker import _mapping
except ImportError:  # an installation without compiled kernels: COLMAP then maps
    _mapping = None  # type: ignore[assignment]

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int32]

NONE = -1
"""The point of a feature that has none."""


@dataclass(frozen=True)
class Features:
    """The features of some photos that match any, one photo after the other.

    Attributes:
        images: (P,) the photos' ids.
        number: (F,) which of its photo's features each is.
        first: (P + 1,) where each photo's begin.
        seen: (F, 2) pixels.
        first_match: (F + 1,) where the matches of each begin.
        match: (M,) features, rising of each feature.
    """

    images: tuple[int, ...]
    number: Numbers
    first: npt.NDArray[np.int64]
    seen: Floats
    first_match: npt.NDArray[np.int64]
    match: Numbers

    @property
    def photo(self) -> Numbers:
        """(F,) each feature's photo, its place in `images`."""
        return np.repeat(np.arange(len(self.images), dtype=np.int32), np.diff(self.first))

    @property
    def arrays(self) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64], Numbers]:
        """As the kernel takes them."""
        return self.first, self.seen, self.first_match, self.match


@dataclass
class Lenses:
    """The photos' lenses.

    Attributes:
        model: (L,) COLMAP's number.
        parameters: (L, 8) COLMAP's, zeros behind them.
        of: (P,) each photo's.
    """

    model: Numbers
    parameters: Floats
    of: Numbers

    @property
    def arrays(self) -> tuple[Numbers, Floats, Numbers]:
        """As the kernel takes them."""
        return self.model, self.parameters, self.of


@dataclass
class Growing:
    """A model that grows.

    Attributes:
        poses: (P, 7) camera_from_world: a quaternion x, y, z, w, then the translation; of photos that have a camera.
        placed: (P,) whether a photo has one.
        point_of: (F,) each feature's point, or `NONE`.
        points: (N, 3) in the world; each has two features or more.
    """

    features: Features
    lenses: Lenses
    poses: Floats
    placed: npt.NDArray[np.uint8]
    point_of: Numbers
    points: Floats


@dataclass(frozen=True)
class Rules:
    """When features show the same point; angles in degrees, errors in pixels. The defaults are COLMAP's.

    Attributes:
        create: the largest angle between a ray and a new point.
        follow: the same of a point that is there.
        least_angle: under which rays must meet.
        max_error: of what joins a track, stays in it, or is merged.
        least_kept: angle, of at least two of a point's rays, or it goes.
        transitivity: over so many matches a track is followed.
    """

    create: float = 2.0
    follow: float = 2.0
    least_angle: float = 1.5
    max_error: float = 4.0
    least_kept: float = 1.5
    transitivity: int = 5


def has_kernel() -> bool:
    """Whether this installation has the compiled kernel."""
    return _mapping is not None


def features_of(verified: Verified, min_matches: int) -> Features:
    """The features that match, by all pairs with at least so many verified matches."""
    images = sorted(verified.keypoints)
    place = {image_id: number for number, image_id in enumerate(images)}
    counts = [len(verified.keypoints[image_id]) for image_id in images]
    begin = np.cumsum([0, *counts])
    pairs = [pair for pair, of_pair in verified.matches.items() if len(of_pair) >= min_matches]
    sides = [verified.matches[pair] + begin[[place[image_id] for image_id in pair]] for pair in pairs]
    both = np.concatenate([*sides, *(side[:, ::-1] for side in sides)]) if sides else np.zeros((0, 2), np.int64)
    keys = np.sort(both[:, 0] << 32 | both[:, 1])
    keys = keys[np.diff(keys, prepend=-1) > 0]  # numpy's own `unique` takes ten times as long
    ones, others = keys >> 32, keys & 0xFFFFFFFF
    matches = np.bincount(ones, minlength=int(begin[-1]))
    used = np.flatnonzero(matches)
    row = np.cumsum(matches > 0) - 1
    first = np.searchsorted(used, begin)
    photo = np.repeat(np.arange(len(images)), np.diff(first))
    seen = np.concatenate([np.zeros((0, 2)), *(verified.keypoints[image_id][:, :2] for image_id in images)])
    return Features(
        images=tuple(images),
        number=(used - begin[photo]).astype(np.int32),
        first=first.astype(np.int64),
        seen=np.ascontiguousarray(seen[used], np.float64),
        first_match=np.concatenate([[0], np.cumsum(matches[used])]).astype(np.int64),
        match=row[others].astype(np.int32),
    )


def extend(model: Growing, photos: Sequence[int], rules: Rules) -> int:
    """Points of what these photos show, one photo after the other; how many features got one."""
    model.points, added = _mapping.extend(
        *_arrays(model),
        np.array(photos, np.int32),
        cos_create=_cosine(rules.create),
        cos_continue=_cosine(rules.follow),
        cos_least=_cosine(rules.least_angle),
    )
    return added


def retriangulate(model: Growing, least: float, rules: Rules) -> int:
    """The same for the matches of all pairs of which a smaller share than `least` has a common point."""
    model.points, added = _mapping.retriangulate(
        *_arrays(model),
        least=least,
        cos_create=_cosine(rules.create),
        cos_continue=_cosine(rules.follow),
        cos_least=_cosine(rules.least_angle),
    )
    return added


def clean(model: Growing, rules: Rules, threads: int = 1) -> int:
    """Complete the tracks, merge them, leave out what does not fit; how many observations that changed."""
    model.points, completed, merged, removed = _mapping.clean(
        *_arrays(model),
        max_error=rules.max_error,
        cos_least=_cosine(rules.least_kept),
        transitivity=rules.transitivity,
        threads=threads,
    )
    return completed + merged + removed


def forget(model: Growing, photos: Sequence[int]) -> None:
    """Take the cameras from these photos, and their features from their points."""
    model.placed[list(photos)] = 0
    model.points = _mapping.forget(model.features.arrays, model.point_of, model.points, np.array(photos, np.int32))


def visible(
    model: Growing, photos: Sequence[int], sizes: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of photos of these sizes: how many of their features match one with a point, and how well those are spread."""
    return _mapping.visible(
        model.features.arrays, model.point_of, np.array(photos, np.int32), np.ascontiguousarray(sizes, np.float64)
    )


def _arrays(
    model: Growing,
) -> tuple[
    tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64], Numbers],
    tuple[Numbers, Floats, Numbers],
    Floats,
    npt.NDArray[np.uint8],
    Numbers,
    Floats,
]:
    return (
        model.features.arrays,
        model.lenses.arrays,
        np.ascontiguousarray(model.poses),
        model.placed,
        model.point_of,
        np.ascontiguousarray(model.points),
    )


def _cosine(degrees: float) -> float:
    return math.cos(math.radians(degrees))
