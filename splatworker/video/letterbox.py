"""Letterboxes: bars of one colour beside the picture, which editors and messengers add and no camera has seen.

Left in the photos they are learnt as things that hang before every camera. A bar is known by what it shows in all
frames: one colour, the same on two opposite sides. Cut off alike on both, the middle of the lens stays in the middle,
whatever it was.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from splatworker.video.probe import Box

Grey = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.uint8]

_ONE_COLOUR = 12
"""Grey levels between the darkest and the lightest pixel of a line in all frames: what a codec makes of one colour."""

_LEAST = 0.015
"""Of a side: what is narrower is the rounding of a codec, or a dark edge."""

_UNLIKE = 0.1
"""Two bars are a letterbox where they differ by no more of the wider one, or by `_ROUNDED` pixels."""
_ROUNDED = 3

_EDGE = 1
"""Small pixels that are cut off beyond a bar: its edge is drawn over them."""

_LEAST_LEFT = 0.2
"""Of each side must be left: what shows next to nothing is no letterbox."""


class Letterbox:
    """What the lines of a clip's frames show, from frame to frame."""

    def __init__(self, height: int, width: int) -> None:
        self._rows = _Lines(height)
        self._columns = _Lines(width)

    def add(self, grey: Grey) -> None:
        """Take one more frame, (height, width)."""
        self._rows.add(grey, 1)
        self._columns.add(grey, 0)

    def extend(self, other: Letterbox) -> None:
        """Take the frames of another one."""
        self._rows.extend(other._rows)
        self._columns.extend(other._columns)

    def picture(self) -> tuple[slice, slice]:
        """The rows and columns that showed anything so far, bars left out; all, where nothing did."""
        return self._rows.shown(), self._columns.shown()

    def box(self) -> Box:
        """What the bars leave of a frame; `WHOLE` where there are none."""
        top, bottom = self._rows.between()
        left, right = self._columns.between()
        return Box(left, top, right, bottom)


class _Lines:
    """The darkest and the lightest pixel that each row, or column, has had."""

    def __init__(self, count: int) -> None:
        self._darkest: Levels = np.full(count, 255, np.uint8)
        self._lightest: Levels = np.zeros(count, np.uint8)

    def add(self, grey: Grey, axis: int) -> None:
        np.minimum(self._darkest, grey.min(axis=axis), out=self._darkest)
        np.maximum(self._lightest, grey.max(axis=axis), out=self._lightest)

    def extend(self, other: _Lines) -> None:
        np.minimum(self._darkest, other._darkest, out=self._darkest)
        np.maximum(self._lightest, other._lightest, out=self._lightest)

    def shown(self) -> slice:
        lines = np.flatnonzero(self._lightest > self._darkest.astype(np.int16) + _ONE_COLOUR)
        return slice(int(lines[0]), int(lines[-1]) + 1) if len(lines) else slice(0, len(self._darkest))

    def between(self) -> tuple[float, float]:
        """Where the picture begins and ends, in shares of all lines: alike far from both ends."""
        count, shown = len(self._darkest), self.shown()
        bars = shown.start, count - shown.stop
        wider = max(bars)
        if min(bars) < _LEAST * count or wider - min(bars) > max(_ROUNDED, _UNLIKE * wider):
            return 0.0, 1.0
        share = (wider + _EDGE) / count
        return (share, 1.0 - share) if 1.0 - 2 * share >= _LEAST_LEFT else (0.0, 1.0)
