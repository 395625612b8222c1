"""Which frames become photos: the sharpest of each stretch in which the picture moves by the same way.

Time says little: whoever films stands still, hurries and turns back. So the clip is divided by how far its picture has
moved, and one frame is taken of each part: what stands still gives one photo, and what moves twice as fast twice as
many a second. Parts in which everything is blurred give none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from splatworker.video.measure import Measured
from splatworker.video.options import VideoOptions
from splatworker.video.sharpness import relative_sharpness

FEWEST, MOST = 60, 200
"""Frames of a clip where the caller says no number."""

SPACING = 0.075
"""How far the picture moves from one photo to the next, in widths of it: nine tenths of it are seen in both, and points
are seen from far enough apart in every fourth or so to be placed well."""

NEAREST = 0.02
"""Less than that shows the same again."""

BLURRED = 0.45
"""Sharpness, of what is usual around, under which a frame gives nothing."""

AS_SHARP = 0.97
"""Of a stretch's sharpest frame: frames with so much of its sharpness are as good, and that one is taken which costs
least to decode again: of a minute of 4K that costs 0.7 % of the mean sharpness (docs/benchmarks.md)."""

_MIDDLE, _NEARLY = 0.7, 0.8
"""Share of a stretch, around its middle, that a frame is taken of, so that neighbours keep apart, if one there has
so much of the sharpness of the whole stretch's sharpest."""

_FINEST = 8
"""How many times as many stretches as photos there may be, where a number of photos is asked for."""

_AROUND = 45
"""Frames on either side that a frame's sharpness is compared with."""

Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Choice:
    """Frames of a clip, and why these.

    Attributes:
        frames: in the order of time, as indices of what was measured.
        sharpness: of every measured frame, 1 as usual around it.
        spacing: how far the picture moves from one to the next, in widths of it; None where time decided.
        blurred: stretches that were left out, as all their frames are blurred.
        still_s: seconds in which the picture stood still.
        shots: parts that a cut divides.
    """

    frames: Ints
    sharpness: npt.NDArray[np.float64]
    spacing: float | None
    blurred: int
    still_s: float
    shots: int


@dataclass(frozen=True)
class _Looks:
    """What the frames are chosen by.

    Attributes:
        sharpness: of each frame, 1 as usual around it.
        cost: of each frame, how many are decoded to get to it from one that can be begun at.
    """

    sharpness: npt.NDArray[np.float64]
    cost: Ints

    def best(self, frames: Ints) -> int | None:
        """The cheapest of those that are as sharp as the sharpest; None of none."""
        if not len(frames):
            return None
        sharpness = self.sharpness[frames]
        as_sharp = frames[sharpness >= AS_SHARP * sharpness.max()]
        return min(map(int, as_sharp), key=lambda frame: (self.cost[frame], -self.sharpness[frame]))


def choose(measured: Measured, options: VideoOptions, most: int = MOST) -> Choice:
    """The frames to take.

    Args:
        most: more are not taken.
    """
    sharpness = relative_sharpness(measured.details, _AROUND)
    looks = _Looks(sharpness, _since_key(measured.keys))
    path = _through_cuts(measured)
    if options.fps:
        scaled = (measured.times - options.start) * options.fps + 0.5  # around the moments: clocks tick unevenly
        frames, blurred = _sharpest(np.floor(scaled), scaled - np.floor(scaled), looks)
        spacing = None
    else:
        wanted = options.frames or _by_length(float(path[-1]), most)
        frames, blurred, spacing = _by_motion(path, looks, wanted, exactly=bool(options.frames))
    if len(frames) > most:
        frames = frames[np.linspace(0, len(frames) - 1, most).round().astype(int)]
    return Choice(
        frames=frames,
        sharpness=sharpness,
        spacing=spacing,
        blurred=blurred,
        still_s=_still(measured),
        shots=len(measured.cuts) + 1,
    )


def _through_cuts(measured: Measured) -> npt.NDArray[np.float64]:
    """The path, longer by a photo's spacing at each cut: no stretch is of two scenes."""
    jumps = np.zeros(len(measured.path))
    jumps[list(measured.cuts)] = SPACING
    return np.asarray(measured.path + np.cumsum(jumps))


def _since_key(keys: npt.NDArray[np.bool_]) -> Ints:
    """Frames from the last one that can be begun at to each; from the clip's first where there is none."""
    every = np.arange(len(keys))
    return np.asarray(every - np.maximum.accumulate(np.where(keys, every, 0)), dtype=np.intp)


def _by_length(length: float, most: int) -> int:
    """How many photos a path of so many widths gives."""
    wanted = min(max(round(length / SPACING), FEWEST), MOST, most)
    return max(1, min(wanted, int(length / NEAREST) + 1))


def _by_motion(path: npt.NDArray[np.float64], looks: _Looks, wanted: int, *, exactly: bool) -> tuple[Ints, int, float]:
    """The sharpest frames of stretches of the same way, and the blurred stretches and the length of one.

    With `exactly` the stretches are made shorter until they give as many; of more, those too near others go.
    """
    length = max(float(path[-1]), 1e-9)
    number = wanted
    frames, blurred = _sharpest(*_stretches(path / length * number, number), looks)
    if not exactly and len(path) <= wanted:  # a clip of a few frames, far apart each
        differ = np.flatnonzero((np.diff(path, prepend=-1.0) > 0) & (looks.sharpness >= BLURRED))
        frames, blurred = differ, int((looks.sharpness < BLURRED).sum())
    while exactly and len(frames) < min(wanted, len(path)) and number < _FINEST * wanted:
        number = max(number + 1, round(1.02 * number))
        frames, blurred = _sharpest(*_stretches(path / length * number, number), looks)
    return _thinned(frames, path, wanted), blurred, length / number


def _stretches(scaled: npt.NDArray[np.float64], number: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of each frame, the number of its stretch, and where in it it lies."""
    scaled = np.minimum(scaled, number - 1e-9)
    return np.floor(scaled), scaled - np.floor(scaled)


def _thinned(frames: Ints, path: npt.NDArray[np.float64], most: int) -> Ints:
    """As many frames at most: each time the one goes that is nearest to the one before it."""
    kept = list(frames)
    while len(kept) > most:
        del kept[1 + int(np.argmin(np.diff(path[kept])))]
    return np.asarray(kept, dtype=np.intp)


def _sharpest(stretches: npt.NDArray[np.float64], places: npt.NDArray[np.float64], looks: _Looks) -> tuple[Ints, int]:
    """The sharpest frame of each stretch, and how many stretches are blurred throughout.

    Args:
        stretches: of each frame, the number of its stretch; they do not fall.
        places: of each frame, where in its stretch it lies, in [0, 1).
    """
    chosen, blurred = [], 0
    borders = np.flatnonzero(np.diff(stretches)) + 1
    for frames in np.split(np.arange(len(stretches)), borders):
        middle = frames[np.abs(places[frames] - 0.5) <= _MIDDLE / 2]
        best = looks.best(middle)
        if best is None or looks.sharpness[best] < max(BLURRED, _NEARLY * looks.sharpness[frames].max()):
            best = looks.best(frames)
        if best is None:
            continue
        if looks.sharpness[best] < BLURRED and len(borders):
            blurred += 1
        else:
            chosen.append(best)
    return np.asarray(chosen, dtype=np.intp), blurred


def _still(measured: Measured) -> float:
    """Seconds in which the picture moves by less than a hundredth of its width a second."""
    times, path = measured.times, measured.path
    seconds = np.diff(times)
    before = np.minimum(np.searchsorted(times, times - 0.5), np.maximum(np.arange(len(times)) - 1, 0))
    pace = (path - path[before]) / np.clip(times - times[before], 1e-3, 1.0)  # frames may be seconds apart
    return float(seconds[pace[1:] < 0.01].sum())
