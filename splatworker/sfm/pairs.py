"""Which pairs of photos to match. Every pair while that is cheap; above, the ones likely to overlap.

All pairs grow with the square of the photos: 500 photos are 124 750 pairs. A photo's likely partners are the ones
that look like it (`retrieval`) and the ones taken just before and after it, and their number is fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from splatworker.sfm.options import Matcher

_VIEWS_A_VIEW = 2
"""Views of a neighbouring panorama that a view is matched with: turned by any angle, it lies in two of them."""

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
    frames: Sequence[int] | None = None,
    videos: Sequence[Sequence[int]] = (),
) -> list[Pair]:
    """Pairs to match among `count` photos, each once, in the order of their ids.

    `plenty` says that matching is cheap: on a GPU, or on many processors. `similarities` gives the (count, count)
    likeness of photos in capture order; it is called only where needed. Photos of one of the `frames` (`frames_of`) are
    views of one panorama: they are never matched with each other, and a panorama's neighbours are panoramas. `videos`
    are the ids of frames of one video each, in the order they were taken: what follows upon another overlaps with it,
    and likeness finds the loops.
    """
    if matcher == "auto":
        matcher = "exhaustive" if count <= (EXHAUSTIVE_WITH_PLENTY if plenty else EXHAUSTIVE) else "retrieval"
    frames = frames or range(1, count + 1)
    if matcher == "exhaustive":
        return [pair for pair in all_pairs(count) if frames[pair[0] - 1] != frames[pair[1] - 1]]
    in_order = matcher == "sequential"
    reach = _VIDEO_NEIGHBOURS if in_order else NEIGHBOURS
    most = _VIDEO_LOOK_ALIKES if in_order or sum(map(len, videos)) == count else LOOK_ALIKES
    alike = similarities()
    in_sequence = {pair for video in videos for pair in _in_sequence(video)}
    if len(set(frames)) == count:
        return sorted(neighbours(count, reach) | in_sequence | look_alikes(alike, most))
    in_sequence = {pair for pair in in_sequence if frames[pair[0] - 1] != frames[pair[1] - 1]}
    apart = np.where(np.equal.outer(frames, frames), -np.inf, alike)
    return sorted(_views_of_neighbours(apart, frames, reach) | in_sequence | look_alikes(apart, most))


def all_pairs(count: int) -> list[Pair]:
    """Every pair of `count` images."""
    return [(first, second) for first in range(1, count + 1) for second in range(first + 1, count + 1)]


def neighbours(count: int, reach: int) -> set[Pair]:
    """Pairs at most `reach` apart in capture order."""
    return {
        (first, second) for first in range(1, count + 1) for second in range(first + 1, min(first + reach, count) + 1)
    }


def _views_of_neighbours(similarities: npt.NDArray[np.float32], frames: Sequence[int], reach: int) -> set[Pair]:
    """Of frames at most `reach` apart in capture order, each view with those of the other that are most like it."""
    views: dict[int, list[int]] = {}
    for view, frame in enumerate(frames):
        views.setdefault(frame, []).append(view)
    ordered = list(views.values())
    pairs = set()
    for first, second in neighbours(len(ordered), reach):
        a, b = ordered[first - 1], ordered[second - 1]
        alike = similarities[np.ix_(a, b)]
        pairs |= {(a[i], b[j]) for i, row in enumerate(alike) for j in np.argsort(-row)[:_VIEWS_A_VIEW]}
        pairs |= {(a[i], b[j]) for j, row in enumerate(alike.T) for i in np.argsort(-row)[:_VIEWS_A_VIEW]}
    return {(min(pair) + 1, max(pair) + 1) for pair in pairs}


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
        (min(first, int(second)) + 1, max(first, int(second)) + 1)
        for first in range(count)
        for second in order[first]
        if np.isfinite(others[first, second])
    }
