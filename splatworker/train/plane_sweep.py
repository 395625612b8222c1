"""How far away what a photo shows is, pixel by pixel: planes are swept through all depths that it may have.

At each depth the other photos are laid over this one as they would look if all of it were there; where a pixel's
surroundings look alike, it is (Collins 1996, "A space-sweep approach to true multi-image matching"). "Alike" is the
normalised cross-correlation of windows, which no gain and no offset of a photo's light changes. Depths are spaced
evenly in their inverse, so that a step moves what is laid over by about a pixel wherever it is.

Two of the other photos have to find a place alike; or one, if it does so beyond doubt: of few photos hardly any place
is in three.

What is said here in torch's words is the specification, and for a GPU whose arrays are torch's. On numpy's arrays a
kernel for processors does the same operations in the same order (`kernels/cpu/plane_sweep.cpp`), with the same bits
whatever the processor; and so does one for GPUs, of many photos at once (`kernels/cuda/plane_sweep.cu`, which
`dense_on_gpu` calls).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from splatworker import _cpu
from splatworker.formats.camera import Camera
from splatworker.render.arrays import Array, cast, library, to_device

RADIUS = 3
"""Pixels: windows are of 7 x 7."""

FEWEST_STEPS, MOST_STEPS = 32, 128
"""Depths that are tried: as many as the largest shift of a pixel between the first and the last."""

PLAIN = 2e-4
"""A window of a smaller variance, of values in [0, 1], has nothing to hold on to."""

UNKNOWN = -1.0
"""The score of a pixel whose depth is not known."""

TOGETHER, ALONE = 0.6, 0.85
"""Where the mean of the two others that agree best is at no depth as high as the first, the one that agrees best is
asked, and believed from the second on."""

_LEAST_VARIANCE = 1e-5
_LEAST_DEPTH = 1e-6
_AT_ONCE = 2**24
"""Pixels times depths: what keeps a GPU busy, and bounds its memory."""


class Picture(NamedTuple):
    """A photo's (H, W) grey values in [0, 1], float32, and its camera at that size."""

    grey: Array
    camera: Camera


class DepthMap(NamedTuple):
    """(H, W) depths, the z of the camera, in the scene's units, (H, W) how well other photos agree, and how many.

    The score is a correlation or the mean of two, at most 1, or `UNKNOWN`. `two_view`, bool: of several others one
    alone tells the depth.
    """

    depth: Array
    score: Array
    two_view: Array


def depth_map(picture: Picture, others: Sequence[Picture], near: float, far: float) -> DepthMap:
    """The depths of a picture, of which others, one at least, show the same from elsewhere.

    Of others the two that agree best count, where there are two: what a third cannot see says nothing. Where these do
    not agree anywhere (`TOGETHER`), one that does (`ALONE`) is enough.

    Args:
        near: the least depth that is looked for, in the scene's units, above 0.
        far: the largest.
    """
    plan = planned(picture.camera, [other.camera for other in others], near, far)
    windows = _Windows(picture.grey, *_mean_and_variance(picture.grey))
    search = _by_processor if isinstance(picture.grey, np.ndarray) else _by_torch
    found = search(windows, others, plan.moves, plan.depths)
    return _either(*(_peak(best, windows.variance, plan.inverse) for best in found))


class Plan(NamedTuple):
    """How pixels move in each of the others, and the inverse depths that are tried, evenly spaced."""

    moves: list[Move]
    inverse: npt.NDArray[np.float64]

    @property
    def depths(self) -> npt.NDArray[np.float32]:
        """What is tried."""
        return np.asarray((1 / self.inverse).astype(np.float32))


def planned(camera: Camera, others: Sequence[Camera], near: float, far: float) -> Plan:
    """What a sweep of the picture of a camera with those of others is to try."""
    moves = [_move(camera, other) for other in others]
    return Plan(moves, np.linspace(1 / near, 1 / far, _steps(camera, moves, near, far)))


class _Windows(NamedTuple):
    """(H, W) grey values, and the (h, w) means and variances of the windows around those not near an edge."""

    grey: Array
    mean: Array
    variance: Array


class _Best(NamedTuple):
    """(h, w) which depth scores best, and the scores before, at and after it.

    If it is the first or the last, the scores are those around the one beside it. Searches find two: of the mean of the
    two others that agree best, and of the best one alone.
    """

    step: Array
    before: Array
    at: Array
    after: Array


def _by_processor(
    windows: _Windows, others: Sequence[Picture], moves: Sequence[Move], depths: npt.NDArray[np.float32]
) -> tuple[_Best, _Best]:
    step = np.empty((2, *windows.mean.shape), np.int32)
    scores = np.empty((2, 3, *windows.mean.shape), np.float32)
    numbers = [move.numbers for move in moves]
    _cpu.plane_sweep(*windows, [other.grey for other in others], numbers, depths, step, scores)
    return _Best(step[0], *scores[0]), _Best(step[1], *scores[1])


def _by_torch(
    windows: _Windows, others: Sequence[Picture], moves: Sequence[Move], depths: npt.NDArray[np.float32]
) -> tuple[_Best, _Best]:
    xp, count = library(windows.grey), len(depths)
    best, second = (windows.mean.new_full((count, *windows.mean.shape), UNKNOWN) for _ in range(2))
    at_once = max(1, _AT_ONCE // math.prod(windows.grey.shape))
    for other, move in zip(others, moves, strict=True):
        for first in range(0, count, at_once):
            some = slice(first, first + at_once)
            found = _correlation(windows, other, move, to_device(depths[some], windows.grey.device))
            second[some] = xp.maximum(second[some], xp.minimum(best[some], found))
            best[some] = xp.maximum(best[some], found)
    return _highest((best + second) / 2 if len(others) > 1 else best), _highest(best)


def _highest(score: Array) -> _Best:
    step = score.argmax(axis=0)
    middle = step.clip(1, len(score) - 2)
    return _Best(step, *(score.gather(0, (middle + k)[None])[0] for k in (-1, 0, 1)))


def _peak(best: _Best, variance: Array, inverse: npt.NDArray[np.float64]) -> tuple[Array, Array]:
    """(H, W) depths of the best scores, between steps by a parabola through them and their neighbours; the scores."""
    xp = library(variance)
    step, before, at, after = best
    within = step.clip(1, len(inverse) - 2)
    bend = before - 2 * at + after
    aside = xp.where(bend < -_LEAST_DEPTH, (before - after) / (2 * bend.clip(None, -_LEAST_DEPTH)), 0 * bend)
    place = cast(within, "float32") + aside.clip(-0.5, 0.5)
    spacing = float(inverse[1] - inverse[0])
    depth = 1 / (float(inverse[0]) + spacing * place)
    known = (step == within) & (variance >= PLAIN)
    return _framed(depth, 1.0), _framed(xp.where(known, at, 0 * at + UNKNOWN), UNKNOWN)


def _either(together: tuple[Array, Array], alone: tuple[Array, Array]) -> DepthMap:
    """The depths and scores that two others agree on; where they do not, what one says beyond doubt."""
    (depth, score), (other_depth, other_score) = together, alone
    xp = library(score)
    two_view = (score < TOGETHER) & (other_score >= ALONE)
    return DepthMap(xp.where(two_view, other_depth, depth), xp.where(two_view, other_score, score), two_view)


def _framed(inner: Array, value: float) -> Array:
    """(H, W) of (h, w) values, and one value for all that is near an edge."""
    size = [length + 2 * RADIUS for length in inner.shape]
    if isinstance(inner, np.ndarray):
        whole: Array = np.full(size, value, np.float32)
    else:
        whole = inner.new_full(size, value)
    whole[RADIUS:-RADIUS, RADIUS:-RADIUS] = inner
    return whole


class Move(NamedTuple):
    """A pixel x, y at depth z of one picture is at the perspective of `linear` (x, y, 1) z + `shift` in another."""

    linear: npt.NDArray[np.float64]
    shift: npt.NDArray[np.float64]

    @property
    def numbers(self) -> list[float]:
        """All twelve, as kernels take them."""
        return [*self.linear.ravel().tolist(), *self.shift.tolist()]


def _move(camera: Camera, other: Camera) -> Move:
    here, there = camera.camera_from_world[:3], other.camera_from_world[:3]
    turn = there[:, :3] @ here[:, :3].T
    lens = _lens(other)
    return Move(lens @ turn @ np.linalg.inv(_lens(camera)), lens @ (there[:, 3] - turn @ here[:, 3]))


def _lens(camera: Camera) -> npt.NDArray[np.float64]:
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])


def _steps(camera: Camera, moves: Sequence[Move], near: float, far: float) -> int:
    """How many depths: one for each pixel that the middle or a corner is shifted by, where it is most."""
    x, y = camera.width, camera.height
    places = np.array([[x / 2, y / 2, 1], [0, 0, 1], [x, 0, 1], [0, y, 1], [x, y, 1]])
    longest = 0.0
    for move in moves:
        ends = [z * places @ move.linear.T + move.shift for z in (near, far)]
        seen = (ends[0][:, 2] > 0) & (ends[1][:, 2] > 0)
        at = [end[seen, :2] / end[seen, 2:] for end in ends]
        longest = max(longest, float(np.linalg.norm(at[0] - at[1], axis=1).max(initial=0.0)))
    return int(min(MOST_STEPS, max(FEWEST_STEPS, math.ceil(min(longest, MOST_STEPS)))))


def _correlation(windows: _Windows, other: Picture, move: Move, depths: Array) -> Array:
    """(D, h, w) correlations of a picture's windows with another's, laid over it at (D,) depths; UNKNOWN beside it."""
    grey, mean, variance = windows
    xp = library(grey)
    height, width = grey.shape
    rows, columns = other.grey.shape
    x = xp.arange(width, dtype=xp.float32, device=grey.device)[None, :] + 0.5
    y = xp.arange(height, dtype=xp.float32, device=grey.device)[:, None] + 0.5
    linear, shift = move.linear.astype(np.float32).tolist(), move.shift.astype(np.float32).tolist()
    of_x, of_y, of_z = (
        (line[0] * x + line[1] * y + line[2])[None] * depths[:, None, None] + offset
        for line, offset in zip(linear, shift, strict=True)
    )
    ahead = of_z > _LEAST_DEPTH
    of_z = of_z.clip(_LEAST_DEPTH, None)
    column, row = of_x / of_z - 0.5, of_y / of_z - 0.5
    inside = ahead & (column >= 0) & (column <= columns - 1) & (row >= 0) & (row <= rows - 1)
    laid = _sampled(other.grey, row.clip(0, rows - 1), column.clip(0, columns - 1))
    laid_mean, laid_variance = _mean_and_variance(laid)
    product = _window_means(laid * grey) - laid_mean * mean
    both = laid_variance.clip(_LEAST_VARIANCE, None) * variance.clip(_LEAST_VARIANCE, None)
    found = product / xp.sqrt(both)
    return xp.where(inside[:, RADIUS:-RADIUS, RADIUS:-RADIUS], found, 0 * found + UNKNOWN)


def _sampled(grey: Array, row: Array, column: Array) -> Array:
    """A picture's values between its pixels, bilinear; rows and columns are within it."""
    xp = library(grey)
    rows, columns = grey.shape
    top, left = (xp.floor(at).clip(None, last) for at, last in ((row, rows - 2), (column, columns - 2)))
    down, right = row - top, column - left
    flat, first = grey.reshape(-1), cast(top, "int64") * columns + cast(left, "int64")
    upper = xp.take(flat, first) * (1 - right) + xp.take(flat, first + 1) * right
    lower = xp.take(flat, first + columns) * (1 - right) + xp.take(flat, first + columns + 1) * right
    return upper * (1 - down) + lower * down


def _mean_and_variance(values: Array) -> tuple[Array, Array]:
    """Of the windows around the pixels of (..., H, W) that are no nearer than `RADIUS` to an edge."""
    mean = _window_means(values)
    return mean, _window_means(values * values) - mean * mean


def _window_means(values: Array) -> Array:
    """(..., H - 2 RADIUS, W - 2 RADIUS) means over the windows of (..., H, W)."""
    side = 2 * RADIUS + 1
    height, width = values.shape[-2] - side + 1, values.shape[-1] - side + 1
    along = values[..., :width] + values[..., 1 : 1 + width]
    for k in range(2, side):
        along += values[..., k : k + width]
    total = along[..., :height, :] + along[..., 1 : 1 + height, :]
    for k in range(2, side):
        total += along[..., k : k + height, :]
    total *= 1 / side**2
    return total
