"""How far the picture moved from one frame to another: the shift of most of its parts, by phase correlation.

A frame is cut into blocks, and each block is looked for in the other frame by the phase of their Fourier transforms
(Kuglin & Hines 1975, "The phase correlation image alignment method"). The median of the blocks' shifts does not mind
that some of them are blank, or move on their own. Small shifts of many frames are not added up, as their errors would
be: a frame is compared with one that stands for those before it, until it has moved well away from that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.float32]

BLOCK = 32
"""Pixels a side; shifts of up to half of it are seen."""

_CONFIDENT = 0.35
"""Height of the correlation's peak, about 1 at most, from which a block is believed. Blocks of photos that share
nothing have 0.17 in the median and 0.28 at the ninth decile; those of one that moved, 0.8 after a pixel and 0.46 after
eight."""

_FEWEST_BLOCKS = 0.15
"""Share of the blocks that must be believed: by chance one in thirty is."""

_CONFIDENT_WHOLE = 0.25
"""The same of the whole picture: 0.09 to 0.15 for photos that share nothing, 0.87 for one that moved by a tenth of its
width, 0.46 by a third."""

_AWAY = 6.0
"""Pixels after which the next frame takes the place of the one that is compared with."""

_FADED = 0.35
"""Likeness of two whole pictures under which they may be of two scenes."""

_SAME = 0.97
"""Likeness of two whole pictures from which they are the same, though nothing in them can be followed."""


@dataclass(frozen=True)
class _Looked:
    """A frame, as it is compared: its blocks' transforms, that of the whole, and a small copy without mean."""

    blocks: npt.NDArray[np.complex64]
    whole: npt.NDArray[np.complex64]
    small: Picture


class Path:
    """The way of the picture through a clip, frame by frame, in pixels of the small frames.

    Attributes:
        lengths: how far the picture has moved from the first frame, after each; it never falls.
        cuts: frames that show something else than the one before them.
    """

    def __init__(self) -> None:
        self.lengths: list[float] = []
        self.cuts: list[int] = []
        self._base = 0.0
        self._first: _Looked | None = None
        self._reference: _Looked | None = None
        self._previous: _Looked | None = None

    def add(self, grey: Picture) -> None:
        """Take the next frame, (height, width), of the size of all others."""
        looked = _look(grey)
        if self._reference is None or self._previous is None:
            self._first = self._reference = looked
            self.lengths.append(0.0)
        else:
            self._go_on(self._reference, self._previous, looked)
        self._previous = looked

    def extend(self, other: Path) -> None:
        """Take the frames of another path, which go on where these end."""
        if other._first is None:
            return
        if self._reference is None or self._previous is None:
            self._first, self._base = other._first, other._base
            self.lengths, self.cuts = [*other.lengths], [*other.cuts]
        else:
            self._go_on(self._reference, self._previous, other._first)
            before, frames = self.lengths[-1], len(self.lengths) - 1
            self.lengths += [before + length for length in other.lengths[1:]]
            self.cuts += [frames + cut for cut in other.cuts]
            self._base = before + other._base
        self._reference, self._previous = other._reference, other._previous

    def _go_on(self, reference: _Looked, previous: _Looked, looked: _Looked) -> None:
        before = self.lengths[-1]
        moved = _shift(reference, looked)
        if moved is None and previous is not reference:  # too far from there: by way of the frame before
            self._base, self._reference = before, previous
            moved = _shift(previous, looked)
        if moved is None:
            moved = _shift_of_whole(self._reference or previous, looked)
            if moved is None:
                likeness = _likeness(previous.small, looked.small)
                if likeness < _FADED:
                    self.cuts.append(len(self.lengths))
                moved = BLOCK / 2 if likeness < _SAME else 0.0  # further than can be seen, at least
            self._base, self._reference = before + moved, looked
            self.lengths.append(self._base)
            return
        length = max(before, self._base + moved)
        self.lengths.append(length)
        if moved > _AWAY:
            self._base, self._reference = length, looked


def _likeness(first: Picture, second: Picture) -> float:
    """Correlation of two small pictures; two that are blank are alike."""
    return float(np.vdot(first, second)) if first.any() or second.any() else 1.0


def _look(grey: Picture) -> _Looked:
    height, width = grey.shape
    rows, columns = max(1, height // BLOCK), max(1, width // BLOCK)
    side_y, side_x = min(BLOCK, height), min(BLOCK, width)
    top, left = (height - rows * side_y) // 2, (width - columns * side_x) // 2
    cut = grey[top : top + rows * side_y, left : left + columns * side_x]
    blocks = cut.reshape(rows, side_y, columns, side_x).transpose(0, 2, 1, 3).reshape(-1, side_y, side_x)
    small = grey[: height // 4 * 4, : width // 4 * 4].reshape(height // 4, 4, width // 4, 4).mean(axis=(1, 3))
    centred = small - small.mean()
    centred /= max(float(np.linalg.norm(centred)), 1e-6)
    return _Looked(_transform(blocks), _transform(small[None]), centred)


def _transform(blocks: Picture) -> npt.NDArray[np.complex64]:
    """Fourier transforms of blocks, whose edges fade out so that they do not count as detail."""
    window = np.outer(np.hanning(blocks.shape[1] + 2)[1:-1], np.hanning(blocks.shape[2] + 2)[1:-1]).astype(np.float32)
    faded = (blocks - blocks.mean(axis=(1, 2), keepdims=True)) * window
    return np.asarray(np.fft.rfft2(faded), dtype=np.complex64)


def _shift(first: _Looked, second: _Looked) -> float | None:
    """Pixels that most of the picture moved, the median over the blocks that are sure; None where too few are."""
    shifts, heights = _correlate(first.blocks, second.blocks)
    sure = heights > _CONFIDENT
    if sure.sum() < max(1.0, _FEWEST_BLOCKS * len(sure)):
        return None
    return float(np.median(np.hypot(*shifts[sure].T)))


def _shift_of_whole(first: _Looked, second: _Looked) -> float | None:
    """The same of the whole picture, a quarter as large: for what moves further than a block."""
    shifts, heights = _correlate(first.whole, second.whole)
    return 4.0 * float(np.hypot(*shifts[0])) if heights[0] > _CONFIDENT_WHOLE else None


def _correlate(
    first: npt.NDArray[np.complex64], second: npt.NDArray[np.complex64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Shifts, (blocks, 2) in pixels down and right, and the height of each peak."""
    cross = second * np.conj(first)
    strength = np.abs(cross)
    floor = 1e-3 * strength.max(axis=(1, 2), keepdims=True) + 1e-6
    surface = np.fft.irfft2(cross / (strength + floor))
    count, height, width = surface.shape
    peaks = surface.reshape(count, -1).argmax(axis=1)
    rows, columns = np.divmod(peaks, width)
    every = np.arange(count)
    down = rows + _between(surface, every, rows, columns, (1, 0))
    right = columns + _between(surface, every, rows, columns, (0, 1))
    down = np.where(down > height / 2, down - height, down)
    right = np.where(right > width / 2, right - width, right)
    # A peak between pixels is spread over its neighbours.
    heights = sum(
        surface[every, (rows + dy) % height, (columns + dx) % width]
        for dy, dx in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
    )
    return np.stack([down, right], axis=1), np.asarray(heights)


def _between(
    surface: npt.NDArray[np.float64],
    every: npt.NDArray[np.intp],
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    step: tuple[int, int],
) -> npt.NDArray[np.float64]:
    """Where between pixels a peak lies along a direction, by the parabola through it and its neighbours."""
    _, height, width = surface.shape
    middle = surface[every, rows, columns]
    after = surface[every, (rows + step[0]) % height, (columns + step[1]) % width]
    before = surface[every, (rows - step[0]) % height, (columns - step[1]) % width]
    curve = np.maximum(2 * middle - after - before, 1e-12)
    return np.asarray(np.clip(0.5 * (after - before) / curve, -0.5, 0.5))
