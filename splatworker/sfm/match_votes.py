"""Which matches agree with the cameras and points of a model, of all pairs at once: what `agreement` asks of each.

A pair has some hundred matches, for which numpy takes as long as for thousands: pair by pair, a model of 50 photos took
0.4 seconds of one processor, while the others waited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from splatworker.sfm.pairs import Pair
from splatworker.sfm.two_view import View

Array = npt.NDArray[np.float64]
Yes = npt.NDArray[np.bool_]
Matches = npt.NDArray[np.uint32]

_AT_A_TIME = 100_000
"""Matches that are looked at together at most: 50 MB."""

_WORTH_A_THREAD = 4_000
"""And at least, where threads share them."""


class Placed(Protocol):
    """A photo in a model: its features, its camera from world, and for each feature its point in the world, or NaN."""

    @property
    def view(self) -> View:
        """Its features."""

    @property
    def rotation(self) -> Array:
        """(3, 3)."""

    @property
    def translation(self) -> Array:
        """(3,)."""

    @property
    def points(self) -> Array:
        """(N, 3)."""


class Votes(NamedTuple):
    """How many matches a pair has; with a point in a photo; of those, seen where it is; of the others, that meet."""

    matches: int
    with_point: int
    by_points: int
    by_rays: int


def votes(
    placed: Mapping[int, Placed], matches: Mapping[Pair, Matches], max_error: float, threads: int = 1
) -> dict[Pair, Votes]:
    """What the matches of each pair say.

    What has a point in one photo must be seen there in the other, within so many pixels and before the camera. Of what
    has none, the rays must meet before both cameras, or fall on one another if the cameras stand in one spot.
    """
    pairs = [pair for pair, of_pair in matches.items() if len(of_pair)]
    model = _Model(placed)

    def count(some: Sequence[Pair]) -> dict[Pair, Votes]:
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            counts = _count(model, some, matches, max_error)
        return {pair: Votes(*row) for pair, row in zip(some, counts.tolist(), strict=True)}

    share = sum(len(matches[pair]) for pair in pairs) // threads
    portions = _portions(pairs, matches, min(max(share, _WORTH_A_THREAD), _AT_A_TIME))
    found: dict[Pair, Votes] = {}
    with ThreadPoolExecutor(threads) as pool:  # numpy lets go of Python's lock
        for counted in pool.map(count, portions):
            found |= counted
    return found


def _portions(pairs: Sequence[Pair], matches: Mapping[Pair, Matches], most: int) -> Iterator[list[Pair]]:
    some: list[Pair] = []
    count = 0
    for pair in pairs:
        if some and count + len(matches[pair]) > most:
            yield some
            some, count = [], 0
        some.append(pair)
        count += len(matches[pair])
    if some:
        yield some


class _Model:
    """All photos' features and cameras, one after the other."""

    def __init__(self, placed: Mapping[int, Placed]) -> None:
        photos = list(placed.values())
        self.number = {image_id: number for number, image_id in enumerate(placed)}
        self.start = np.cumsum([0, *(len(photo.points) for photo in photos)])
        self.rays = np.concatenate([photo.view.points for photo in photos])
        self.scales = np.concatenate([photo.view.scales for photo in photos])
        self.points = np.concatenate([photo.points for photo in photos])
        self.rotations = np.array([photo.rotation for photo in photos])
        self.translations = np.array([photo.translation for photo in photos])


@dataclass(frozen=True)
class _Rows:
    """Matches of some pairs: which pair, in whose order; the photo and the feature of either side."""

    pair: npt.NDArray[np.intp]
    photos: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
    features: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]

    def only(self, kept: Yes) -> _Rows:
        """Some of them."""
        (a, b), (one, two) = self.photos, self.features
        return _Rows(self.pair[kept], (a[kept], b[kept]), (one[kept], two[kept]))


def _count(
    model: _Model, pairs: Sequence[Pair], matches: Mapping[Pair, Matches], max_error: float
) -> npt.NDArray[np.intp]:
    """(pairs, 4) as `Votes` has them."""
    lengths = [len(matches[pair]) for pair in pairs]
    of_pair = np.repeat(np.arange(len(pairs)), lengths)
    sides = np.array([[model.number[image_id] for image_id in pair] for pair in pairs])
    ones, twos = np.concatenate([matches[pair] for pair in pairs]).astype(np.intp).T
    first, second = sides[of_pair].T
    rows = _Rows(of_pair, (first, second), (model.start[first] + ones, model.start[second] + twos))
    there, has_there = _seen(model, rows, 0, max_error)
    back, has_back = _seen(model, rows, 1, max_error)
    has_point = has_there | has_back
    by_points = has_point & (there | ~has_there) & (back | ~has_back)
    bare = rows.only(~has_point)
    meet = _rays_meet(model, sides, bare, max_error)
    each = (rows.pair, rows.pair[has_point], rows.pair[by_points], bare.pair[meet])
    return np.stack([np.bincount(kept, minlength=len(pairs)) for kept in each], axis=1)


def _seen(model: _Model, rows: _Rows, side: int, max_error: float) -> tuple[Yes, Yes]:
    """Whether the point of one side's feature is seen in the other photo where that feature is; whether it has one."""
    photo, feature = rows.photos[1 - side], rows.features[1 - side]
    points = model.points[rows.features[side]]
    seen = np.einsum("kij,kj->ki", model.rotations[photo], points) + model.translations[photo]
    apart = np.hypot(*(seen[:, :2] / seen[:, 2:] - model.rays[feature]).T)
    return (apart < max_error * model.scales[feature]) & (seen[:, 2] > 0), np.isfinite(points[:, 0])


def _rays_meet(model: _Model, sides: npt.NDArray[np.intp], rows: _Rows, max_error: float) -> Yes:
    first, second = sides.T
    rotations = model.rotations[second] @ model.rotations[first].transpose(0, 2, 1)  # of the pairs
    translations = model.translations[second] - np.einsum("pij,pj->pi", rotations, model.translations[first])
    x, y, z = translations.T
    zero = np.zeros_like(x)
    crossed = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    ones = np.ones((len(rows.pair), 1))
    one, two = (np.hstack([model.rays[features], ones]) for features in rows.features)
    scale1, scale2 = (model.scales[features] for features in rows.features)
    turned = np.einsum("kij,kj->ki", rotations[rows.pair], one)
    lines = np.einsum("kij,kj->ki", crossed[rows.pair], turned)  # E x1, in the second photo
    back = np.einsum("ki,kij->kj", two, (crossed @ rotations)[rows.pair])
    below = (lines[:, :2] ** 2).sum(axis=1) * scale2**2 + (back[:, :2] ** 2).sum(axis=1) * scale1**2
    near = (two * lines).sum(axis=1) ** 2 < max_error**2 * below
    moved = np.hypot(*(turned[:, :2] / turned[:, 2:] - two[:, :2]).T) / scale2
    fallen = (moved < max_error) & (turned[:, 2] > 0)
    return np.asarray((near & _meet_in_front(turned, two, translations[rows.pair])) | fallen)


def _meet_in_front(turned: Array, two: Array, translation: Array) -> Yes:
    """Whether rays come nearest to each other before both cameras."""
    aa, ab, bb = (turned * turned).sum(axis=1), (turned * two).sum(axis=1), (two * two).sum(axis=1)
    at, bt = (turned * translation).sum(axis=1), (two * translation).sum(axis=1)
    return np.asarray((ab * bt - bb * at > 0) & (aa * bt - ab * at > 0))
