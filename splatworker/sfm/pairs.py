"""Which pairs of photos to match. Every pair while that is cheap; above, the ones likely to overlap.

All pairs grow with the square of the photos: 500 photos are 124 750 pairs. A photo's likely partners are the ones
that look like it (`retrieval`) and the ones taken just before and after it, and their number is fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from splatworker.sfm.options import Matcher

Pair = tuple[int, int]
"""Two image ids, the smaller one first. Ids count the photos in capture order from 1."""

EXHAUSTIVE, EXHAUSTIVE_WITH_PLENTY = 60, 100
"""Up to so many photos, "auto" matches all pairs."""

LOOK_ALIKES = 20
"""Partners of a photo by likeness."""

NEIGHBOURS = 4
"""Partners of a photo on each side in capture order, beside those by likeness."""

_VIDEO_NEIGHBOURS, _VIDEO_LOOK_ALIKES = 10, 5
"""For "sequential": many neighbours, and a few look-alikes to close loops."""


def choose_pairs(
    count: int,
    matcher: Matcher,
    plenty: bool,
    similarities: Callable[[], npt.NDArray[np.float32]],
    videos: Sequence[Sequence[int]] = (),
) -> list[Pair]:
    """Pairs to match among `count` photos, each once, in the order of their ids.

    `plenty` says that matching is cheap: on a GPU, or on many processors. `similarities` gives the (count, count)
    likeness of photos in capture order; it is called only where needed. `videos` are the ids of frames of one video
    each, in the order they were taken: what follows upon another overlaps with it, and likeness finds the loops.
    """
    if matcher == "auto":
        matcher = "exhaustive" if count <= (EXHAUSTIVE_WITH_PLENTY if plenty else EXHAUSTIVE) else "retrieval"
    if matcher == "exhaustive":
        return all_pairs(count)
    if matcher == "sequential":
        return sorted(neighbours(count, _VIDEO_NEIGHBOURS) | look_alikes(similarities(), _VIDEO_LOOK_ALIKES))
    in_sequence = {pair for video in videos for pair in _in_sequence(video)}
    alike = _VIDEO_LOOK_ALIKES if sum(map(len, videos)) == count else LOOK_ALIKES
    return sorted(neighbours(count, NEIGHBOURS) | in_sequence | look_alikes(similarities(), alike))


def all_pairs(count: int) -> list[Pair]:
    """Every pair of `count` images."""
    return [(first, second) for first in range(1, count + 1) for second in range(first + 1, count + 1)]


def neighbours(count: int, reach: int) -> set[Pair]:
    """Pairs at most `reach` apart in capture order."""
    return {
        (first, second) for first in range(1, count + 1) for second in range(first + 1, min(first + reach, count) + 1)
    }


def _in_sequence(video: Sequence[int]) -> set[Pair]:
    """A video's frames with those just before and after them."""
    near = neighbours(len(video), _VIDEO_NEIGHBOURS)
    pairs = ((video[first - 1], video[second - 1]) for first, second in near)
    return {(min(pair), max(pair)) for pair in pairs}


def look_alikes(similarities: npt.NDArray[np.float32], most: int) -> set[Pair]:
    """Each photo with the `most` photos most like it."""
    count = len(similarities)
    others = np.where(np.eye(count, dtype=bool), -np.inf, similarities)
    order = np.argsort(-others, axis=1, kind="stable")[:, : min(most, count - 1)]
    return {
        (min(first, int(second)) + 1, max(first, int(second)) + 1) for first in range(count) for second in order[first]
    }
