"""Pairs of photos of every kind that two-view geometry may meet; does a GPU find of each what a processor does?"""

from __future__ import annotations

import dataclasses

import numpy as np
from support.two_view_runs import PIXEL, camera, every
from support.two_views import TwoPhotos, degenerate, past_a_wall, photograph

from splatworker.sfm import two_view
from splatworker.sfm.two_view import PairOfViews, TwoView, View

EDGES = (15, 16, 17, 63, 64, 65, 127, 128, 129, 200, 256, 257)
"""Numbers of matches: the fewest that count, and around those that a block of threads takes at a time."""


def pair_of(photos: TwoPhotos, number: int, *, known: bool, matches: np.ndarray | None = None) -> PairOfViews:
    count, lens = len(photos.first), camera(known=known)
    first, second = (
        View(lens, np.ascontiguousarray(points), np.full(count, PIXEL), points)
        for points in (photos.first, photos.second)
    )
    return first, second, every(count) if matches is None else matches, (number, number + 1)


def pairs_of_all_kinds(seed: int, counts: tuple[int, ...] = EDGES) -> list[PairOfViews]:
    """Solid, flat and turned away from, with few wrong matches and with many, focal lengths known and not."""
    rng = np.random.default_rng(seed)
    photos = [
        photograph(rng, count, noise_px=noise, outliers=outliers, flat=k % 4 == 2, turn=k % 4 == 3)
        for k, (count, noise, outliers) in enumerate(
            (count, noise, outliers) for count in counts for noise, outliers in ((0.0, 0.0), (0.7, 0.4), (1.5, 0.75))
        )
    ]
    photos += [past_a_wall(rng, 150, off_it) for off_it in (0, 20)]
    pairs = [pair_of(of, number, known=number % 5 > 0) for number, of in enumerate(photos)]
    pairs += [pair_of(of, 1000 + k, known=k % 2 == 0) for k, of in enumerate(degenerate().values())]
    again = photograph(rng, 80, noise_px=0.5, outliers=0.3)
    pairs.append(
        pair_of(again, 2000, known=True, matches=np.repeat(every(80), 3, axis=0))
    )  # features of three directions
    stretched = dataclasses.replace(again, first=again.first * 3, second=again.second / 2)
    pairs.append(pair_of(stretched, 2001, known=True))  # by wrong focal lengths
    pairs.append(pair_of(again, 2002, known=True, matches=np.zeros((0, 2), np.uint32)))
    return pairs


def told(found: TwoView) -> dict[str, object]:
    """All of it, arrays as their bytes."""
    fields = dataclasses.asdict(found)
    return {name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in fields.items()}


def demand_the_same_on_a_gpu(
    pairs: list[PairOfViews], rules: two_view.Rules = two_view.USUAL, seed: int = 0
) -> dict[str, int]:
    """How many pairs there are of each configuration."""
    ours = two_view.verify_all(pairs, rules=rules, seed=seed)
    found = two_view.verify_all_on_gpu(pairs, rules=rules, seed=seed)
    assert len(found) == len(pairs)
    kinds: dict[str, int] = {}
    for (_, _, matches, ids), mine, theirs in zip(pairs, ours, found, strict=True):
        one, other = told(mine), told(theirs)
        differing = {name: (getattr(mine, name), getattr(theirs, name)) for name in one if one[name] != other[name]}
        assert not differing, f"pair {ids} of {len(matches)} matches, on a processor and on the GPU: {differing}"
        kinds[mine.configuration] = kinds.get(mine.configuration, 0) + 1
    return kinds
