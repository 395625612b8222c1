"""The specification of SIFT, in numpy: what kernels/features computes, bit for bit, and slowly.

Lowe, "Distinctive image features from scale-invariant keypoints" (2004), whose sections are named below; the descriptor
as in Arandjelovic and Zisserman, "Three things everyone should know to improve object retrieval" (2012). Thresholds,
windows and sampling are VLFeat's, so that COLMAP's features are found again.

All but directions' peaks and places between pixels is float32, every operation rounded by itself and in the order that
stands here. Functions of a C library are not used: their last bits differ from system to system. Histograms are sums of
integers, which do not depend on an order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from splatworker.sfm.sift import Features

Floats = npt.NDArray[np.float32]

OCTAVES, SCALES = 4, 3
FIRST_SIGMA, PHOTO_SIGMA = 1.6, 0.5
"""Blur of an octave's first level, in its pixels, and that which a photo is taken to have (3.3)."""
SCALE_STEP = 1.2599210498948732  # 2^(1/3)
PEAK, EDGE = 0.02 / SCALES, 10.0
"""Least difference of Gaussians, of grey in [0, 1], and largest ratio of principal curvatures (4, 4.1)."""
REFINEMENTS = 5
BINS, ORIENTATIONS = 36, 2
ORIENTATION_WINDOW, CELL = np.float32(1.5), np.float32(3)
"""Standard deviation of the window for directions, and side of a descriptor's cell, in a keypoint's sigmas (5, 6.1)."""
REACH = np.float32(2.5)
"""From a descriptor's middle to where its outermost cells end, in cells."""
FIXED_POINT = np.float32(2**22)
LARGEST = np.float32(0.2)


@dataclass(frozen=True)
class Keypoint:
    """An extremum: pixel (row, column) of a level, where exactly in the octave's pixels, and how clear."""

    octave: int
    level: int
    row: int
    column: int
    x: float
    y: float
    sigma: float
    value: float


def sift(grey: npt.NDArray[np.uint8], first_octave: int, most: int) -> Features:
    """As `splatworker.sfm.sift.sift`."""
    octaves = scale_space(grey, first_octave)
    found = {point for number, levels in enumerate(octaves) for point in extrema(levels, number)}
    points = sorted(found, key=lambda p: (-p.octave, -p.level, -p.value, p.row, p.column))
    keypoints: list[tuple[float, ...]] = []
    descriptors: list[npt.NDArray[np.uint8]] = []
    for point in points:
        if len(keypoints) >= most:
            break
        modulus, turns = gradients(octaves[point.octave][point.level])
        pixel = 2.0 ** (point.octave + first_octave)
        for turn in directions(modulus, turns, point):
            sine, cosine = sine_and_cosine(turn)
            keypoints.append((point.x * pixel + 0.5, point.y * pixel + 0.5, point.sigma * pixel, cosine, sine))
            descriptors.append(describe(modulus, turns, point, turn))
    return Features(
        np.array(keypoints[:most], np.float32).reshape(-1, 5), np.array(descriptors[:most], np.uint8).reshape(-1, 128)
    )


def scale_space(grey: npt.NDArray[np.uint8], first_octave: int) -> list[list[Floats]]:
    """Octaves of six levels, each blurred 2^(1/3) times as much as the one before (3)."""
    base = grey.astype(np.float32) / np.float32(255)
    photo_sigma = PHOTO_SIGMA
    if first_octave < 0:
        base = _doubled(_doubled(base).T).T
        photo_sigma *= 2
    octaves: list[list[Floats]] = []
    while len(octaves) < OCTAVES and min(base.shape) >= 3:
        levels = [base if octaves else blur(base, math.sqrt(FIRST_SIGMA**2 - photo_sigma**2))]
        sigma = FIRST_SIGMA * math.sqrt(SCALE_STEP * SCALE_STEP - 1)
        for _ in range(SCALES + 2):
            levels.append(blur(levels[-1], sigma))
            sigma *= SCALE_STEP
        octaves.append(levels)
        height, width = base.shape
        base = levels[SCALES][: height // 2 * 2 : 2, : width // 2 * 2 : 2]
    return octaves


def _doubled(image: Floats) -> Floats:
    """Twice as wide, with means between pixels."""
    following = np.concatenate([image[:, 1:], image[:, -1:]], axis=1)
    return np.stack([image, np.float32(0.5) * (image + following)], axis=2).reshape(len(image), -1)


def blur(image: Floats, sigma: float) -> Floats:
    """A Gaussian to four sigmas, first down, then along; beyond the edge pixels are as at it."""
    radius = max(1, math.ceil(4 * sigma))
    raw = [exponential(-0.5 * (k / sigma) * (k / sigma)) for k in range(radius + 1)]
    total = 0.0
    for k, weight in enumerate(raw):
        total += 2 * weight if k else weight
    weights = [np.float32(weight / total) for weight in raw]
    for _ in range(2):
        height = len(image)
        padded = np.pad(image, ((radius, radius), (0, 0)), mode="edge")
        out = image * weights[0]
        for k in range(1, radius + 1):
            before, after = padded[radius - k : radius - k + height], padded[radius + k : radius + k + height]
            out = out + (before + after) * weights[k]
        image = out.T
    return image


def extrema(levels: list[Floats], octave: int) -> list[Keypoint]:
    """Where a difference of levels is above, or below, all of its 26 neighbours (3.1), as `refine` leaves them.

    Of equals the first one is meant, by level, row and column: a blob between two pixels is found as well.
    """
    differences = np.array([upper - lower for lower, upper in pairwise(levels)])
    least = np.float32(0.8 * PEAK)
    around = [(d, y, x) for d in range(3) for y in range(3) for x in range(3) if (d, y, x) != (1, 1, 1)]
    size = [length - 2 for length in differences.shape]
    here = differences[1:-1, 1:-1, 1:-1]
    high, low = here >= least, here <= -least
    for d, y, x in around:
        neighbour = differences[d : d + size[0], y : y + size[1], x : x + size[2]]
        if (d, y, x) < (1, 1, 1):
            high, low = high & (here > neighbour), low & (here < neighbour)
        else:
            high, low = high & (here >= neighbour), low & (here <= neighbour)
    found = (refine(differences, octave, d + 1, y + 1, x + 1) for d, y, x in np.argwhere(high | low).tolist())
    return [point for point in found if point is not None]


def refine(differences: Floats, octave: int, s: int, y: int, x: int) -> Keypoint | None:
    """Move to where a quadratic through the neighbours has its extremum, by pixels; None if faint or an edge (4)."""
    height, width = differences.shape[1:]
    for step in range(REFINEMENTS):
        near = differences[s - 1 : s + 2, y - 1 : y + 2, x - 1 : x + 2].astype(float).tolist()

        def at(dx: int, dy: int, ds: int, near: list[list[list[float]]] = near) -> float:
            return near[1 + ds][1 + dy][1 + dx]

        middle = at(0, 0, 0)
        gx, gy, gs = (
            0.5 * (at(1, 0, 0) - at(-1, 0, 0)), 0.5 * (at(0, 1, 0) - at(0, -1, 0)), 0.5 * (at(0, 0, 1) - at(0, 0, -1))
        )  # fmt: skip
        xx = at(1, 0, 0) + at(-1, 0, 0) - 2 * middle
        yy = at(0, 1, 0) + at(0, -1, 0) - 2 * middle
        ss = at(0, 0, 1) + at(0, 0, -1) - 2 * middle
        xy = 0.25 * (at(1, 1, 0) + at(-1, -1, 0) - at(-1, 1, 0) - at(1, -1, 0))
        xs = 0.25 * (at(1, 0, 1) + at(-1, 0, -1) - at(-1, 0, 1) - at(1, 0, -1))
        ys = 0.25 * (at(0, 1, 1) + at(0, -1, -1) - at(0, -1, 1) - at(0, 1, -1))
        # Cofactors of the Hessian: its inverse times its determinant.
        cxx, cxy, cxs = yy * ss - ys * ys, xs * ys - xy * ss, xy * ys - yy * xs
        cyy, cys, css = xx * ss - xs * xs, xy * xs - xx * ys, xx * yy - xy * xy
        determinant = xx * cxx + xy * cxy + xs * cxs
        if not abs(determinant) > 1e-30:
            return None
        bx = -(cxx * gx + cxy * gy + cxs * gs) / determinant
        by = -(cxy * gx + cyy * gy + cys * gs) / determinant
        bs = -(cxs * gx + cys * gy + css * gs) / determinant
        dx = int(bx > 0.6 and x < width - 2) - int(bx < -0.6 and x > 1)
        dy = int(by > 0.6 and y < height - 2) - int(by < -0.6 and y > 1)
        if step == REFINEMENTS - 1 or (dx == 0 and dy == 0):
            break
        x, y = x + dx, y + dy
    value = abs(middle + 0.5 * (gx * bx + gy * by + gs * bs))
    score = (xx + yy) * (xx + yy) / css if css > 0 else -1.0
    is_clear = value > PEAK and 0 <= score < (EDGE + 1) * (EDGE + 1) / EDGE
    is_near = max(abs(bx), abs(by), abs(bs)) < 1.5
    if not (is_clear and is_near and 0 <= x + bx <= width - 1 and 0 <= y + by <= height - 1):
        return None
    sigma = FIRST_SIGMA * exponential((s + bs) * (0.6931471805599453 / SCALES))
    return Keypoint(octave, s, y, x, x + bx, y + by, sigma, value)


def gradients(level: Floats) -> tuple[Floats, Floats]:
    """Lengths and directions, the latter in turns; central differences, one-sided ones at the edge."""
    horizontal, vertical = _slopes(level), _slopes(level.T).T
    return np.sqrt(horizontal * horizontal + vertical * vertical), turns_of(vertical, horizontal)


def _slopes(rows: Floats) -> Floats:
    slopes = np.zeros_like(rows)
    slopes[:, 1:-1] = (rows[:, 2:] - rows[:, :-2]) * np.float32(0.5)
    slopes[:, 0], slopes[:, -1] = rows[:, 1] - rows[:, 0], rows[:, -1] - rows[:, -2]
    return slopes


def directions(modulus: Floats, turns: Floats, point: Keypoint) -> list[float]:
    """Up to two peaks of the histogram of directions around a keypoint, in turns (5)."""
    x, y, window = np.float32(point.x), np.float32(point.y), ORIENTATION_WINDOW * np.float32(point.sigma)
    radius = max(1, int(np.float32(3) * window))
    column, row = int(x + np.float32(0.5)), int(y + np.float32(0.5))
    rows = slice(max(0, row - radius), row + radius + 1)
    columns = slice(max(0, column - radius), column + radius + 1)
    dy, dx = _offsets(modulus, rows, columns, x, y)
    distance = dx * dx + dy * dy
    within = np.float32(radius * radius) + np.float32(0.6)
    falloff = np.float32(1) / (np.float32(2) * window * window)
    weight = decay(np.minimum(distance, within) * falloff) * modulus[rows, columns] * FIXED_POINT
    place = turns[rows, columns] * np.float32(BINS) + np.float32(0.5)
    lower = place.astype(np.int32)
    share = place - lower.astype(np.float32)
    inside = distance < within
    bins = np.zeros(BINS, np.int64)
    np.add.at(bins, (lower[inside] - 1) % BINS, ((np.float32(1) - share) * weight)[inside].astype(np.int32))
    np.add.at(bins, lower[inside] % BINS, (share * weight)[inside].astype(np.int32))

    smooth = bins.astype(float)
    for _ in range(6):
        smooth = (np.roll(smooth, 1) + smooth + np.roll(smooth, -1)) / 3
    before, after = np.roll(smooth, 1), np.roll(smooth, -1)
    peaks = np.flatnonzero((smooth > 0.8 * smooth.max()) & (smooth > before) & (smooth > after))[:ORIENTATIONS]
    offset = -0.5 * (after[peaks] - before[peaks]) / (after[peaks] + before[peaks] - 2 * smooth[peaks])
    turn = (peaks + offset + 0.5) / BINS
    turn = np.where(turn < 0, turn + 1, turn)
    found: list[float] = np.where(turn >= 1, turn - 1, turn).tolist()
    return found


def describe(modulus: Floats, turns: Floats, point: Keypoint, turn: float) -> npt.NDArray[np.uint8]:
    """128 bytes: in 4x4 cells of the keypoint's frame, how much gradient points which way (6.1)."""
    x, y, cell = np.float32(point.x), np.float32(point.y), CELL * np.float32(point.sigma)
    height, width = modulus.shape
    sine, cosine = sine_and_cosine(turn)
    c, s = np.float32(cosine) / cell, np.float32(sine) / cell
    radius = int(np.float32(1.41421356) * cell * REACH + np.float32(0.5))
    column, row = int(x + np.float32(0.5)), int(y + np.float32(0.5))
    rows = slice(max(1, row - radius), min(row + radius, height - 2) + 1)
    columns = slice(max(1, column - radius), min(column + radius, width - 2) + 1)
    dy, dx = _offsets(modulus, rows, columns, x, y)
    u, v = dx * c + s * dy, c * dy - dx * s
    across, down = u + REACH, v + REACH
    inside = (across > 0) & (across < 2 * REACH) & (down > 0) & (down < 2 * REACH)
    u, v, across, down = u[inside], v[inside], across[inside], down[inside]
    weight = decay((u * u + v * v) * np.float32(0.125)) * modulus[rows, columns][inside] * FIXED_POINT
    angle = turns[rows, columns][inside] - np.float32(turn)
    angle = np.where(angle < 0, angle + np.float32(1), angle) * np.float32(8)
    away = np.abs(angle[:, None] - np.arange(8, dtype=np.float32))
    share = np.maximum(np.float32(1) - np.minimum(away, np.float32(8) - away), 0)

    histograms = np.zeros((6, 6, 8), np.int64)  # with a margin that takes what lies outside
    i, j = across.astype(np.int32), down.astype(np.int32)
    to_right, to_bottom = across - i.astype(np.float32), down - j.astype(np.float32)
    for below, vertical in ((0, np.float32(1) - to_bottom), (1, to_bottom)):
        for right, horizontal in ((0, np.float32(1) - to_right), (1, to_right)):
            portion = share * (weight * vertical * horizontal)[:, None]
            np.add.at(histograms, (j + below, i + right), portion.astype(np.int32))
    inner = histograms[1:5, 1:5].astype(np.float32) * (np.float32(1) / FIXED_POINT)
    return _normalised(inner.reshape(16, 8))


def _offsets(modulus: Floats, rows: slice, columns: slice, x: np.float32, y: np.float32) -> tuple[Floats, Floats]:
    """Offsets of a window's pixels from a point: (rows, 1) and (1, columns)."""
    height, width = modulus.shape
    dy = np.arange(height, dtype=np.float32)[rows, None] - y
    dx = np.arange(width, dtype=np.float32)[None, columns] - x
    return dy, dx


def _normalised(h: Floats) -> npt.NDArray[np.uint8]:
    """L2 norm, nothing above a fifth of it, L1 norm, square roots, times 512; directions in COLMAP's order."""
    length = np.sqrt(_sum(h * h))
    if not length > 0:
        return np.zeros(128, np.uint8)
    h = np.minimum(h / length, LARGEST)
    rounded = np.minimum(np.sqrt(h / _sum(h)) * np.float32(512) + np.float32(0.5), np.float32(255)).astype(np.uint8)
    reversed_order: npt.NDArray[np.uint8] = rounded[:, [0, 7, 6, 5, 4, 3, 2, 1]]
    return reversed_order.reshape(128)


def _sum(h: Floats) -> np.float32:
    """Rows first, one after the other; then their eight sums as a tree."""
    sums = np.zeros(8, np.float32)
    for row in h:
        sums = sums + row
    total: np.float32 = ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
    return total


def exponential(x: float) -> float:
    """e^x for |x| <= 16, relative error under 1e-10: the series for x / 1024, squared ten times."""
    y = x / 1024
    p = 1 + y * (1 + y * (1.0 / 2 + y * (1.0 / 6 + y * (1.0 / 24 + y * (1.0 / 120)))))
    for _ in range(10):
        p *= p
    return p


def sine_and_cosine(turns: float) -> tuple[float, float]:
    """Of an angle in turns, in [0, 1]: series around the nearest quarter."""
    quarter = int(turns * 4 + 0.5)
    a = (turns - quarter * 0.25) * 6.283185307179586
    q = a * a
    sine = cosine = 1.0
    for k in range(7, 0, -1):
        sine = 1 - q / (2 * k * (2 * k + 1)) * sine
        cosine = 1 - q / ((2 * k - 1) * 2 * k) * cosine
    sine *= a
    return ((sine, cosine), (cosine, -sine), (-sine, -cosine), (-cosine, sine))[quarter % 4]


_ARCTANGENT = (
    -0.0006453039823099971, 0.00347959715873003, -0.008898723870515823, 0.015346036292612553,
    -0.022136272862553596, 0.031745944172143936, -0.05304612219333649, 0.15915483236312866,
)  # fmt: skip


def turns_of(y: Floats, x: Floats) -> Floats:
    """Directions in turns, in [0, 1): an odd polynomial, fitted for the least maximal error (3e-8 of a turn)."""
    ax, ay = np.abs(x), np.abs(y)
    longer = np.maximum(ax, ay)
    z = np.minimum(ax, ay) / np.where(longer > 0, longer, np.float32(1))
    q = z * z
    p = np.full_like(z, _ARCTANGENT[0])
    for coefficient in _ARCTANGENT[1:]:
        p = p * q + np.float32(coefficient)
    p = p * z
    p = np.where(ay > ax, np.float32(0.25) - p, p)
    p = np.where(x < 0, np.float32(0.5) - p, p)
    p = np.where(y < 0, np.float32(1) - p, p)
    return np.where(p >= 1, p - np.float32(1), p)


def decay(x: Floats) -> Floats:
    """e^-x for x in [0, 80], relative error under 3e-7: 2^n times a polynomial (Cody and Waite's reduction)."""
    magic = np.float32(12582912)  # 1.5 * 2^23: adding it rounds to an integer
    n = (x * np.float32(-1.44269504088896) + magic) - magic
    r = (n * np.float32(-0.693145751953125) - x) - n * np.float32(1.428606765330187e-6)
    p = r * (np.float32(1) / np.float32(720)) + np.float32(1) / np.float32(120)
    for divisor in (24, 6, 2, 1, 1):
        p = p * r + np.float32(1) / np.float32(divisor)
    scaled: Floats = np.ldexp(p, n.astype(np.int32))
    return scaled
